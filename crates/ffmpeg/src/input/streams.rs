//! Which stream of a file is meant.

use std::ffi::{CStr, c_int};
use std::ptr;

use ff::ffi;
use ffmpeg_next as ff;

use crate::failure::{Class, Failure};

/// The video stream that is meant, if that is known without a look at others.
pub(super) fn sole(context: &ff::format::context::Input, wanted: Option<usize>) -> Option<usize> {
    match (video_streams(context).as_slice(), wanted) {
        (videos, Some(wanted)) => videos.get(wanted).copied(),
        (&[video], None) => Some(video),
        _ => None,
    }
}

/// Indices of the streams that are moving pictures; cover art is none.
pub(super) fn video_streams(context: &ff::format::context::Input) -> Vec<usize> {
    let is_video = |stream: &ff::Stream<'_>| {
        // SAFETY: a stream of an open file is valid and has parameters.
        let (kind, disposition) =
            unsafe { ((*(*stream.as_ptr()).codecpar).codec_type, (*stream.as_ptr()).disposition) };
        kind == ffi::AVMediaType::AVMEDIA_TYPE_VIDEO
            && disposition & ffi::AV_DISPOSITION_ATTACHED_PIC as c_int == 0
    };
    context.streams().filter(is_video).map(|stream| stream.index()).collect()
}

pub(super) fn choose(
    context: &ff::format::context::Input,
    wanted: Option<usize>,
) -> Result<usize, Failure> {
    let videos = video_streams(context);
    let missing =
        |text: String| Failure { frames: videos.len(), ..Failure::new(Class::NoVideoStream, text) };
    if videos.is_empty() {
        return Err(missing(match context.nb_streams() {
            0 => "no stream".to_owned(),
            1 => format!("one stream of {}", kind(context, 0)),
            n => format!("{n} streams, none of them video"),
        }));
    }
    if let Some(wanted) = wanted {
        return videos
            .get(wanted)
            .copied()
            .ok_or_else(|| missing(format!("{} video stream(s)", videos.len())));
    }
    // SAFETY: the context is open; no decoder is asked for.
    let best = unsafe {
        let kind = ffi::AVMediaType::AVMEDIA_TYPE_VIDEO;
        ffi::av_find_best_stream(context.as_ptr().cast_mut(), kind, -1, -1, ptr::null_mut(), 0)
    };
    Ok(usize::try_from(best).ok().filter(|best| videos.contains(best)).unwrap_or(videos[0]))
}

fn kind(context: &ff::format::context::Input, index: usize) -> String {
    let Some(stream) = context.stream(index) else { return "unknown kind".to_owned() };
    // SAFETY: the stream is valid; FFmpeg returns null or a static string.
    unsafe {
        let name = ffi::av_get_media_type_string((*(*stream.as_ptr()).codecpar).codec_type);
        if name.is_null() {
            "unknown kind".to_owned()
        } else {
            CStr::from_ptr(name).to_string_lossy().into_owned()
        }
    }
}
