//! One video stream of a file: opened, chosen, demuxed.

mod streams;
mod twin;

use std::ffi::{CString, c_int};
use std::ptr;

use ff::ffi;
use ffmpeg_next as ff;

use crate::container::{self, Bytes};
use crate::decoder::MOST_PIXELS;
use crate::failure::{Class, Failure};
use crate::header;
use crate::log;
use streams::{choose, sole, video_streams};
pub use twin::Twin;

/// Which stream, and how it is decoded.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The n-th video stream; FFmpeg's choice when `None`.
    pub stream: Option<usize>,
    /// Decoder threads.
    pub threads: usize,
    /// Apply the display matrix.
    pub rotate: bool,
    /// Go to key frames; without it every frame is found by counting from the start.
    pub seek: bool,
}

/// An open file, with all streams but one switched off.
pub struct Input {
    context: ff::format::context::Input,
    stream: usize,
    /// What the container's header does not say is still to be taken from the first packet.
    pub is_brief: bool,
}

impl Input {
    /// Opens a file; `path` holds the bytes of its name. A `brief` look leaves it at the header where that says enough.
    ///
    /// # Errors
    /// `Open` when FFmpeg does not know the file, `NoVideoStream` when there is no picture stream to choose.
    pub fn open(path: &[u8], stream: Option<usize>, brief: bool) -> Result<Self, Failure> {
        log::capture();
        log::clear();
        let mut context = open_context(path)?;
        let is_brief = brief
            && sole(&context, stream).is_some_and(|stream| header::suffices(&context, stream));
        if !is_brief {
            find_streams(&mut context)?;
        }
        let stream = choose(&context, stream)?;
        Ok(Self::of(context, stream, is_brief))
    }

    fn of(mut context: ff::format::context::Input, stream: usize, is_brief: bool) -> Self {
        // SAFETY: the context is open, and holds `nb_streams` valid stream pointers.
        unsafe {
            let raw = context.as_mut_ptr();
            for index in 0..(*raw).nb_streams as usize {
                if index != stream {
                    (**(*raw).streams.add(index)).discard = ffi::AVDiscard::AVDISCARD_ALL;
                }
            }
        }
        Self { context, stream, is_brief }
    }

    /// The chosen stream.
    ///
    /// # Panics
    /// Never: the index was checked on opening.
    pub fn stream(&self) -> ff::Stream<'_> {
        self.context.stream(self.stream).expect("the index was taken from this file's own streams")
    }

    /// The codec's parameters, as FFmpeg's structure.
    pub fn parameters(&self) -> &ffi::AVCodecParameters {
        // SAFETY: a stream always has parameters, which live as long as the open file.
        unsafe { &*(*self.stream().as_ptr()).codecpar }
    }

    /// Width and height of the pictures, before any turn.
    ///
    /// # Errors
    /// `Open` when there is none, or more than can be held.
    pub fn size(&self) -> Result<(usize, usize), Failure> {
        let (width, height) = (self.parameters().width, self.parameters().height);
        if width <= 0 || height <= 0 {
            return Err(Failure::new(Class::Open, "no picture could be found in the video stream"));
        }
        if i64::from(width) * i64::from(height) > MOST_PIXELS {
            let text = format!("it states {width}x{height} pixels, and {MOST_PIXELS} are the most");
            return Err(Failure::new(Class::Open, text));
        }
        Ok((width as usize, height as usize))
    }

    /// Frames per second as the container states them.
    pub fn frame_rate(&self) -> Option<f64> {
        let stream = self.stream();
        let rate = [stream.avg_frame_rate(), stream.rate()]
            .into_iter()
            .find(|rate| rate.0 > 0 && rate.1 > 0)?;
        Some(f64::from(rate.0) / f64::from(rate.1))
    }

    /// Completes a brief look by the first packet; false where only a thorough one will do.
    pub fn look(&mut self, first: &ff::Packet) -> bool {
        !self.is_brief || header::look(&self.stream(), first)
    }

    /// The configuration record that the container holds for the codec.
    pub fn extradata(&self) -> &[u8] {
        let parameters = self.parameters();
        if parameters.extradata.is_null() || parameters.extradata_size <= 0 {
            return &[];
        }
        // SAFETY: FFmpeg keeps `extradata_size` bytes there as long as the file is open.
        unsafe {
            std::slice::from_raw_parts(parameters.extradata, parameters.extradata_size as usize)
        }
    }

    /// The 3x3 display matrix in 16.16 fixed point, if the stream has one.
    pub fn display_matrix(&self) -> Option<[i32; 9]> {
        let stream = self.stream();
        let data = stream
            .side_data()
            .find(|data| data.kind() == ff::packet::side_data::Type::DisplayMatrix)?;
        let mut matrix = [0; 9];
        for (value, bytes) in matrix.iter_mut().zip(data.data().as_chunks::<4>().0) {
            *value = i32::from_ne_bytes(*bytes);
        }
        Some(matrix)
    }

    /// Whether the container finds key frames by presentation time (Matroska, MP4) instead of decoding time.
    ///
    /// MP4's index holds decoding times, but its demuxer goes one key frame further back when the time asked for lies
    /// before the key frame is shown.
    pub fn seeks_by_pts(&self) -> bool {
        self.is("matroska") || self.is("mp4")
    }

    /// Whether the container's header says by how many frames the order of decoding is ahead of that of display.
    pub fn knows_delay(&self) -> bool {
        self.is("mp4")
    }

    /// Whether the container knows the order of decoding alone.
    pub fn has_no_times(&self) -> bool {
        self.is("avi")
    }

    fn is(&self, container: &str) -> bool {
        self.context.format().name().split(',').any(|name| name == container)
    }

    /// Frames that the container says it has: of the sample table in MP4, of the stream's header in AVI.
    pub fn announced_frames(&self) -> Option<usize> {
        let frames = match self.samples() {
            Some(samples) => samples.len(),
            None if self.is("avi") => usize::try_from(self.stream().frames()).ok()?,
            None => 0,
        };
        (frames > 0).then_some(frames)
    }

    /// Where each shown frame ends in an MP4 file.
    fn samples(&self) -> Option<Vec<i64>> {
        if !self.is("mp4") {
            return None;
        }
        let stream = self.stream();
        // SAFETY: the stream belongs to the open file, and each entry is read before anything else is done to it.
        let ends = unsafe {
            let stream = stream.as_ptr().cast_mut();
            (0..ffi::avformat_index_get_entries_count(stream))
                .filter_map(|place| ffi::avformat_index_get_entry(stream, place).as_ref())
                .filter(|entry| entry.flags() & ffi::AVINDEX_DISCARD_FRAME as c_int == 0)
                .filter(|entry| entry.size() > 0)
                .map(|entry| entry.pos.saturating_add(i64::from(entry.size())))
                .collect()
        };
        Some(ends)
    }

    /// Bytes of the file; 0 where it is none.
    pub fn length(&mut self) -> u64 {
        Open::of(&mut self.context).map_or(0, |file| file.length())
    }

    /// What the file lacks of that which its container announces. All packets must have been read, so that all is known.
    pub fn shortfall(&mut self) -> Option<String> {
        let name = self.context.format().name().to_owned();
        let samples = self.samples().unwrap_or_default();
        let mut file = Open::of(&mut self.context)?;
        let length = file.length();
        let held = samples.iter().filter(|&&end| end as u64 <= length).count();
        if held < samples.len() {
            let listed = samples.len();
            return Some(format!(
                "the file is cut: its sample table lists {listed} frames, {held} of them end before byte {length}"
            ));
        }
        container::shortfall(&name, &mut file)
    }

    /// The next packet of the stream that holds data; `None` at the end.
    ///
    /// # Errors
    /// FFmpeg's error number.
    pub fn read(&mut self) -> Result<Option<ff::Packet>, c_int> {
        loop {
            let mut packet = ff::Packet::empty();
            match packet.read(&mut self.context) {
                // An empty packet would tell the decoder that the stream is over.
                Ok(()) if packet.stream() == self.stream && packet.size() > 0 => {
                    return Ok(Some(packet));
                }
                Ok(()) => {}
                Err(ff::Error::Eof) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Goes to the key frame at or before a time in the stream's unit; false when the container cannot.
    pub fn seek(&mut self, time: i64) -> bool {
        // SAFETY: the context is open and the stream's index valid.
        let code = unsafe {
            ffi::av_seek_frame(
                self.context.as_mut_ptr(),
                self.stream as c_int,
                time,
                ffi::AVSEEK_FLAG_BACKWARD as c_int,
            )
        };
        code >= 0
    }
}

/// The bytes of the open file; its position is as before when this is dropped.
struct Open {
    io: *mut ffi::AVIOContext,
    before: i64,
    length: u64,
}

impl Open {
    fn of(context: &mut ff::format::context::Input) -> Option<Self> {
        // SAFETY: the context is open; it has no file where it reads devices or several files.
        unsafe {
            let io = (*context.as_mut_ptr()).pb;
            if io.is_null() || (*io).seekable & ffi::AVIO_SEEKABLE_NORMAL as c_int == 0 {
                return None;
            }
            let length = u64::try_from(ffi::avio_size(io)).ok().filter(|&length| length > 0)?;
            Some(Self { io, before: ffi::avio_seek(io, 0, CURRENT), length })
        }
    }
}

/// `SEEK_CUR` and `SEEK_SET` of the C library.
const CURRENT: c_int = 1;
const START: c_int = 0;

impl Bytes for Open {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&mut self, at: u64, out: &mut [u8]) -> bool {
        let (Ok(at), Ok(count)) = (i64::try_from(at), c_int::try_from(out.len())) else {
            return false;
        };
        // SAFETY: the file is open as long as its input, and `out` is writable for `count` bytes.
        unsafe {
            ffi::avio_seek(self.io, at, START) == at
                && ffi::avio_read(self.io, out.as_mut_ptr(), count) == count
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { ffi::avio_seek(self.io, self.before, START) };
    }
}

fn open_context(path: &[u8]) -> Result<ff::format::context::Input, Failure> {
    // Without the scheme a name with a colon would be taken as an address.
    let address = CString::new([b"file:", path].concat())
        .map_err(|_| Failure::new(Class::Argument, "expected a path without a zero byte"))?;
    let mut raw = ptr::null_mut();
    let mut options = ptr::null_mut();
    // A playlist must not make us read from the network. SAFETY: both strings are terminated, `options` starts empty.
    unsafe {
        ffi::av_dict_set(
            &raw mut options,
            c"protocol_whitelist".as_ptr(),
            c"file,crypto,data".as_ptr(),
            0,
        )
    };
    // SAFETY: `raw` is null, so that FFmpeg allocates the context, or frees it and leaves null on failure.
    let code = unsafe {
        ffi::avformat_open_input(&raw mut raw, address.as_ptr(), ptr::null(), &raw mut options)
    };
    // SAFETY: what is left in `options` belongs to us.
    unsafe { ffi::av_dict_free(&raw mut options) };
    if code < 0 {
        return Err(Failure::from_code(Class::Open, "could not open the file", code));
    }
    // SAFETY: `raw` is an open context, owned by the wrapper from here on.
    let context = unsafe { ff::format::context::Input::wrap(raw) };
    // FFmpeg draws text files as a terminal would.
    if context.format().name() == "tty" {
        return Err(Failure::new(Class::Open, "the file holds text"));
    }
    Ok(context)
}

/// Finds out what the container does not say of its streams, by decoding some frames.
fn find_streams(context: &mut ff::format::context::Input) -> Result<(), Failure> {
    let is_timed = |&stream: &usize| {
        let rate = context.stream(stream).map(|stream| stream.avg_frame_rate());
        rate.is_some_and(|rate| rate.0 > 0)
    };
    if video_streams(context).iter().all(is_timed) {
        // Frames are not decoded to guess the rate that the container states.
        // SAFETY: the context is open.
        unsafe { (*context.as_mut_ptr()).fps_probe_size = 0 };
    }
    // SAFETY: the context is open.
    let code = unsafe { ffi::avformat_find_stream_info(context.as_mut_ptr(), ptr::null_mut()) };
    if code < 0 {
        return Err(Failure::from_code(Class::Open, "could not read the streams", code));
    }
    Ok(())
}
