//! The same stream of the same file, opened once more for another decoder.

use ff::ffi;
use ffmpeg_next as ff;

use super::{Input, open_context};
use crate::failure::{Class, Failure};
use crate::log;

/// How to open the same stream of a file once more, sooner than for the first time.
#[derive(Clone)]
pub struct Twin {
    path: Vec<u8>,
    /// The n-th video stream that was asked for.
    wanted: Option<usize>,
    /// Its place among all streams.
    stream: usize,
    /// What is known of it, where the packets need no second look.
    parameters: Option<ff::codec::Parameters>,
}

impl Twin {
    /// Opens the file.
    ///
    /// # Errors
    /// As for [`Input::open`].
    pub fn open(&self) -> Result<Input, Failure> {
        let Some(known) = &self.parameters else {
            return Input::open(&self.path, self.wanted, false);
        };
        log::clear();
        let context = open_context(&self.path)?;
        let is_same = context.stream(self.stream).is_some_and(|stream| {
            // SAFETY: a stream of an open file has parameters, and the file is this thread's alone.
            unsafe {
                let parameters = (*stream.as_ptr()).codecpar;
                (*parameters).codec_id == (*known.as_ptr()).codec_id
                    && ffi::avcodec_parameters_copy(parameters, known.as_ptr()) >= 0
            }
        });
        if !is_same {
            return Err(Failure::new(Class::Open, "the file is another one than before"));
        }
        Ok(Input::of(context, self.stream, false))
    }
}

impl Input {
    /// How to open the same stream again; `path` and `wanted` are those given to [`Input::open`].
    pub fn twin(&self, path: &[u8], wanted: Option<usize>) -> Twin {
        // The packets of these say all by themselves; others are timed by what a look at the stream has shown.
        let is_plain = self.is("mp4") || self.is("matroska");
        let parameters = is_plain.then(|| self.stream().parameters().clone());
        Twin { path: path.to_vec(), wanted, stream: self.stream, parameters }
    }
}
