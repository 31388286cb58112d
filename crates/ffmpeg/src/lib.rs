//! The libav decoder and encoder behind a small C interface, opened at run time by `timeweave-video`.
//!
//! FFmpeg's libraries carry their major version in their names, so whatever links them only loads where exactly those
//! are installed. They are therefore linked by this shared object alone; without it, or without FFmpeg, all the rest works.
//!
//! The interface is the `tw_*` functions of [`abi`]: status codes and a caller-owned [`abi::TwError`] for failures, opaque
//! handles, plain buffers. Neither a panic nor an error value crosses it, and [`abi::ABI_VERSION`] names the layout.
//!
//! Inside: [`input`] demuxes one video stream, known by a look at its [`header`] where that will do, [`bitstream`], [`order`] and [`index`] find out which frames it holds,
//! [`container`] whether the file was cut, [`saved`] keeps that for the next time, [`reader`] decodes the frame at an index
//! by a [`decoder`], or by several on threads of their own, [`picture`] turns it into upright RGB, the usual format by [`yuv420`], [`encoder`] writes files, [`log`] keeps FFmpeg's
//! words.

pub mod abi;
pub mod bitstream;
pub mod container;
pub mod decoder;
pub mod encoder;
pub mod failure;
pub mod header;
pub mod index;
pub mod input;
pub mod log;
pub mod order;
pub mod picture;
pub mod reader;
pub mod saved;
pub mod versions;
pub mod yuv420;
