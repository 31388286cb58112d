//! What `ffprobe` says about a file: which stream, of which size, and how it is to be turned.

use std::ffi::OsString;
use std::path::Path;

use serde::Deserialize;

use super::child::{self, End};
use super::{PATIENCE, address};
use crate::decode::still::MOST_PIXELS;
use crate::{OpenOptions, VideoError};

/// The stream that is decoded.
pub(super) struct Probe {
    /// Its number in the file.
    pub stream: usize,
    /// Pixels per row as stored.
    pub width: u32,
    /// Rows as stored.
    pub height: u32,
    /// Frames per second as the container states them.
    pub fps: Option<f64>,
    /// How frames are turned.
    pub turn: Turn,
    /// Frames that the container announces.
    pub announced: Option<usize>,
}

/// One of the eight ways to lay a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    transpose: bool,
    mirror_x: bool,
    mirror_y: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Report {
    streams: Vec<Stream>,
    format: Format,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Format {
    format_name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Stream {
    index: usize,
    codec_type: String,
    width: u32,
    height: u32,
    avg_frame_rate: String,
    r_frame_rate: String,
    bit_rate: String,
    nb_frames: String,
    disposition: Disposition,
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Disposition {
    default: u8,
    attached_pic: u8,
    hearing_impaired: u8,
    visual_impaired: u8,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SideData {
    displaymatrix: String,
}

impl Probe {
    /// Asks `ffprobe` about a file.
    ///
    /// # Errors
    /// `NOT_A_VIDEO`, `NO_VIDEO_STREAM`, and `DECODER_MISSING` when the program cannot be started.
    pub(super) fn new(
        ffprobe: &Path,
        path: &Path,
        options: &OpenOptions,
    ) -> Result<Self, VideoError> {
        let refused = |reason: String| VideoError::NotAVideo { path: path.to_owned(), reason };
        let arguments = ["-v", "error", "-protocol_whitelist", "file,crypto,data", "-of", "json"];
        let mut arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        arguments.extend(
            ["-show_streams", "-show_entries", "format=format_name", "-i"].map(OsString::from),
        );
        arguments.push(address(path));
        let text = child::output(ffprobe, &arguments, PATIENCE)
            .map_err(|end: End| refused(end.reason()))?;
        let report: Report = serde_json::from_slice(&text)
            .map_err(|error| refused(format!("ffprobe gave no report: {error}")))?;
        // FFmpeg draws text files as a terminal would.
        if report.format.format_name == "tty" {
            return Err(refused("the file holds text".into()));
        }
        let stream = choose(path, &report.streams, options.stream)?;
        let (width, height) = (stream.width, stream.height);
        if width == 0 || height == 0 {
            return Err(refused("no picture could be found in the video stream".into()));
        }
        if width as usize * height as usize > MOST_PIXELS {
            let text = format!("it states {width}x{height} pixels, and {MOST_PIXELS} are the most");
            return Err(refused(text));
        }
        let matrix = stream.side_data_list.iter().find_map(|data| matrix(&data.displaymatrix));
        let turn = matrix.filter(|_| options.rotate).map_or_else(Turn::default, Turn::from_matrix);
        let fps =
            [&stream.avg_frame_rate, &stream.r_frame_rate].into_iter().find_map(|rate| ratio(rate));
        let announced = stream.nb_frames.parse().ok().filter(|&frames| frames > 0);
        Ok(Self { stream: stream.index, width, height, fps, turn, announced })
    }

    /// Size of the frames as they come out.
    pub(super) fn upright_size(&self) -> (u32, u32) {
        if self.turn.transpose { (self.height, self.width) } else { (self.width, self.height) }
    }
}

/// The n-th video stream, or the one that FFmpeg's libraries would choose (`av_find_best_stream`).
fn choose<'a>(
    path: &Path,
    streams: &'a [Stream],
    wanted: Option<usize>,
) -> Result<&'a Stream, VideoError> {
    let is_video =
        |stream: &&Stream| stream.codec_type == "video" && stream.disposition.attached_pic == 0;
    let videos: Vec<&Stream> = streams.iter().filter(is_video).collect();
    let missing = |expected: String, received: String| VideoError::NoVideoStream {
        path: path.to_owned(),
        expected,
        received,
    };
    if let Some(wanted) = wanted {
        return videos.get(wanted).copied().ok_or_else(|| {
            let expected = format!("video stream {wanted} (counted from 0)");
            missing(expected, format!("{} video stream(s)", videos.len()))
        });
    }
    let merit = |stream: &Stream| {
        let about = &stream.disposition;
        let is_plain = about.hearing_impaired == 0 && about.visual_impaired == 0;
        let bits: u64 = stream.bit_rate.parse().unwrap_or(0);
        (u8::from(is_plain) + about.default, bits)
    };
    // Of equals the first is chosen.
    let best = videos.iter().copied().rev().max_by_key(|stream| merit(stream));
    best.ok_or_else(|| {
        let received = match streams {
            [] => "no stream".to_owned(),
            [one] => format!("one stream of {}", one.codec_type),
            more => format!("{} streams, none of them video", more.len()),
        };
        missing("a video stream".into(), received)
    })
}

/// A number such as `30000/1001`.
fn ratio(text: &str) -> Option<f64> {
    let (above, below) = text.split_once('/')?;
    let (above, below): (f64, f64) = (above.parse().ok()?, below.parse().ok()?);
    (above > 0.0 && below > 0.0).then(|| above / below)
}

/// The first two rows of a display matrix: three numbers a line, behind the line's own.
fn matrix(text: &str) -> Option<[i64; 4]> {
    let rows = text.lines().filter_map(|line| line.split_once(':')).map(|(_, row)| row);
    let mut numbers = rows.flat_map(str::split_whitespace).map(|number| number.parse().ok());
    let mut next = || numbers.next().flatten();
    let (a, b, _, c, d) = (next()?, next()?, next()?, next()?, next()?);
    Some([a, b, c, d])
}

impl Turn {
    /// The turn nearest to a display matrix, which maps (x, y) to (a x + c y, b x + d y).
    fn from_matrix([a, b, c, d]: [i64; 4]) -> Self {
        if a.abs() >= b.abs() {
            Self { transpose: false, mirror_x: a < 0, mirror_y: d < 0 }
        } else {
            Self { transpose: true, mirror_x: c < 0, mirror_y: b < 0 }
        }
    }

    /// Filters that turn RGB pictures; each begins with a comma.
    pub(super) fn filters(self) -> String {
        let parts = [
            (self.transpose, ",transpose=cclock_flip"),
            (self.mirror_x, ",hflip"),
            (self.mirror_y, ",vflip"),
        ];
        parts.iter().filter(|part| part.0).map(|part| part.1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_matrix_is_read_as_ffprobe_prints_it() {
        let text = "\n00000000:            0       65536           0\n00000001:       -65536           0           0\n00000002:     20971520           0  1073741824\n";
        assert_eq!(matrix(text), Some([0, 65536, -65536, 0]));
        let turn = Turn::from_matrix([0, 65536, -65536, 0]);
        assert_eq!(turn, Turn { transpose: true, mirror_x: true, mirror_y: false });
        assert_eq!(turn.filters(), ",transpose=cclock_flip,hflip");
        assert_eq!(matrix(""), None);
        assert_eq!(matrix("0: 1 2"), None);
    }

    #[test]
    fn the_first_of_the_best_streams_is_chosen() {
        let stream = |index, codec_type: &str, bit_rate: &str, default| Stream {
            index,
            codec_type: codec_type.into(),
            bit_rate: bit_rate.into(),
            disposition: Disposition { default, ..Disposition::default() },
            ..Stream::default()
        };
        let streams = [
            stream(0, "audio", "900", 1),
            stream(1, "video", "100", 0),
            stream(2, "video", "70", 1),
            stream(3, "video", "80", 1),
            stream(4, "video", "80", 1),
        ];
        let index = |wanted| choose(Path::new("a"), &streams, wanted).map(|stream| stream.index);
        assert_eq!(index(None), Ok(3));
        assert_eq!(index(Some(0)), Ok(1));
        assert_eq!(index(Some(4)).expect_err("four streams").code(), "NO_VIDEO_STREAM");
        let sound = [stream(0, "audio", "", 0)];
        assert_eq!(
            choose(Path::new("a"), &sound, None).err().expect("sound").code(),
            "NO_VIDEO_STREAM"
        );
        assert!(ratio("30000/1001").is_some_and(|rate| (rate - 29.97).abs() < 0.001));
        assert_eq!(ratio("0/0"), None);
    }
}
