//! The libav decoder and encoder behind a C interface, opened at run time.
