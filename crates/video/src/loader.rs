//! Worker threads and a bounded queue: samples in ordered batches.
