//! The demonstration's data set: objects that move in one of four directions, as real video files.
