//! Files to clips: decoding, sampling, transforms, lists, data sets and the loader.
//!
//! The stages, in the order in which a clip passes them:
//! 1. [`list`] reads records (file, label) from list files.
//! 2. [`decode`] opens a video file, a folder of frames or frames in memory and gives exact frames at indices.
//! 3. [`sample`] chooses the indices, from the number of frames and a seed.
//! 4. [`transform`] scales, crops and flips the frames into a clip.
//! 5. [`dataset`] joins the stages per record; [`loader`] runs them on worker threads in ordered batches.
//!
//! [`write`](mod@write) and [`motion`] make real video files for tests and for the demonstration.

pub mod bench;
mod buffer;
pub mod dataset;
pub mod datasets;
pub mod decode;
mod endings;
pub mod error;
pub mod image;
pub mod list;
pub mod loader;
pub mod motion;
pub mod prepare;
pub mod random;
pub mod sample;
pub mod transform;
pub mod write;

pub use buffer::Buffer;
pub use dataset::{Dataset, DatasetOptions, Sample};
pub use decode::{
    Damage, Damaged, Decoder, OpenOptions, TakeFrame, VideoInfo, VideoSource, from_frames, open,
};
pub use error::VideoError;
pub use image::RgbImage;
pub use list::{ListFormat, ListOptions, Record, RecordList};
pub use loader::{Batch, Loader, LoaderOptions, OnError, Skipped};
pub use sample::Sampling;
pub use transform::{
    Clip, MultiScale, Preprocess, Stack, TestViews, TrainCrop, eval_clip, normalize_into,
    train_clip,
};
pub use write::write_video;
