//! The temporal operations that libtorch lacks.
