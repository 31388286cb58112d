//! The frame at an index, exactly: by seeking where that is safe, by decoding from the start where it is not.
//!
//! Index i is the i-th frame that a decoder gives from the start of the file. The fast way goes to the key frame before the
//! wanted one, leaves out frames that no other needs and checks the time of what it reaches; any doubt leads to the slow way.

use std::ffi::c_int;

use ff::frame::Video;
use ffmpeg_next as ff;

use crate::failure::{Class, Failure, describe};
use crate::index::Index;
use crate::input::{Input, Options};
use crate::log;
use crate::picture::{Picture, Turn};

/// Why decoding stopped before the end.
enum Stop {
    /// The container could not be read on.
    Read(c_int),
    /// The decoder refused a packet.
    Decode(c_int),
}

/// Why a file gives fewer frames than it was made with, or other ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// What was found, with FFmpeg's words where it has some.
    pub reason: String,
    /// Frames that the container announces, where it does.
    pub expected: Option<usize>,
}

/// An open video stream and its decoder.
pub struct Reader {
    path: Vec<u8>,
    options: Options,
    input: Input,
    decoder: ff::decoder::Video,
    index: Index,
    picture: Picture,
    frame: Video,
    /// Frames given since the start with none left out.
    counted: Option<usize>,
    /// Time of the frame given last since the last seek.
    last: Option<i64>,
    /// A seek was made and no key frame has been met since.
    landing: bool,
    draining: bool,
    /// The packet fed last was a key frame.
    fed_key: bool,
    /// What stopped the decoder in the middle of the file.
    damage: Option<String>,
    /// Times of the frames that are asked for at once, rising.
    wanted: Vec<i64>,
    /// What finding out the index has cost.
    effort: Effort,
}

/// What an index has cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    /// It was given, or made by a look at the packets of a small file.
    Little,
    /// All frames were decoded, or a large file was read.
    Much,
}

/// The most pixels of a frame: a short file can claim any size.
const MOST_PIXELS: i64 = 1 << 26;
/// Reading the packets of a larger file takes longer than decoding a few of its frames.
const LARGE: u64 = 32 << 20;

impl Reader {
    /// Opens a file and indexes its frames; nothing is decoded yet. `saved` is what [`Reader::index_to_save`] gave for the
    /// same file, stream and libraries.
    ///
    /// # Errors
    /// `Open` and `NoVideoStream`.
    pub fn open(path: &[u8], options: Options, saved: Option<&[u8]>) -> Result<Self, Failure> {
        let mut input = Input::open(path, options.stream)?;
        let decoder = decoder(&input, options.threads)?;
        let (width, height) = (input.parameters().width, input.parameters().height);
        if width <= 0 || height <= 0 {
            return Err(Failure::new(Class::Open, "no picture could be found in the video stream"));
        }
        if i64::from(width) * i64::from(height) > MOST_PIXELS {
            let text = format!("it states {width}x{height} pixels, and {MOST_PIXELS} are the most");
            return Err(Failure::new(Class::Open, text));
        }
        let matrix = if options.rotate { input.display_matrix() } else { None };
        let turn = matrix.map_or_else(Turn::default, |matrix| Turn::from_matrix(&matrix));
        let saved = saved.and_then(Index::from_bytes).filter(|index| index.is_sure);
        let is_large = saved.is_none() && input.length() > LARGE;
        let mut index = saved.unwrap_or_else(|| Index::read(&mut input));
        index.seekable &= options.seek;
        Ok(Self {
            path: path.to_vec(),
            options,
            input,
            decoder,
            index,
            picture: Picture::new(width as usize, height as usize, turn),
            frame: Video::empty(),
            counted: None,
            last: None,
            landing: false,
            draining: false,
            fed_key: false,
            damage: None,
            wanted: Vec::new(),
            effort: if is_large { Effort::Much } else { Effort::Little },
        })
    }

    /// Width and height of the frames as they come out.
    pub fn size(&self) -> (usize, usize) {
        self.picture.size()
    }

    /// Frames per second as the container states them.
    pub fn frame_rate(&self) -> Option<f64> {
        let stream = self.input.stream();
        let rate = [stream.avg_frame_rate(), stream.rate()]
            .into_iter()
            .find(|rate| rate.0 > 0 && rate.1 > 0)?;
        Some(f64::from(rate.0) / f64::from(rate.1))
    }

    /// Frames, if they are known without decoding.
    pub fn known_frames(&self) -> Option<usize> {
        self.index.is_sure.then_some(self.index.stamps.len())
    }

    /// What is known to be wrong with the file: by its packets, and by all that was decoded so far.
    pub fn damage(&self) -> Option<Damage> {
        let reason = self.index.damage.as_ref().or(self.damage.as_ref())?.clone();
        Some(Damage { reason, expected: self.index.expected })
    }

    /// Whether frames are (still) found by seeking.
    pub fn is_seeking(&self) -> bool {
        self.index.seekable
    }

    /// The index as bytes, when finding it out again would take long; `None` when it would not, or it is not known yet.
    pub fn index_to_save(&self) -> Option<Vec<u8>> {
        let is_worth = self.effort == Effort::Much && self.index.is_sure;
        is_worth.then(|| {
            let damage = self.index.damage.clone().or_else(|| self.damage.clone());
            Index { damage, ..self.index.clone() }.to_bytes()
        })
    }

    /// Frames that decode.
    ///
    /// # Errors
    /// When the file cannot be opened again.
    pub fn frame_count(&mut self) -> Result<usize, Failure> {
        if !self.index.is_sure {
            self.scan()?;
        }
        Ok(self.index.stamps.len())
    }

    /// Writes the frames at `indices`, in any order, each as packed RGB into the buffer beside it.
    ///
    /// # Errors
    /// `OutOfRange`, `Decode`.
    pub fn frames(&mut self, indices: &[usize], out: &mut [&mut [u8]]) -> Result<(), Failure> {
        let mut order: Vec<usize> = (0..indices.len()).collect();
        order.sort_by_key(|&position| indices[position]);
        self.frame_count()?;
        self.wanted =
            order.iter().filter_map(|&at| self.index.stamps.get(indices[at]).copied()).collect();
        let mut current = None;
        for position in order {
            let frame = indices[position];
            if current != Some(frame) {
                self.find(frame)?;
                current = Some(frame);
            }
            let frames = self.index.stamps.len();
            self.picture.write(&self.frame, out[position]).map_err(|failure| Failure {
                frame,
                frames,
                ..failure
            })?;
        }
        Ok(())
    }

    /// Leaves the frame at an index in `self.frame`.
    fn find(&mut self, frame: usize) -> Result<(), Failure> {
        let frames = self.frame_count()?;
        if frame >= frames {
            return Err(self.past_the_end(frame));
        }
        if self.index.seekable {
            if let Ok(true) = self.find_by_time(self.index.stamps[frame]) {
                return Ok(());
            }
            // Not where the index says: nothing but counting can be trusted in this file.
            self.index.seekable = false;
            self.counted = None;
        }
        self.find_by_count(frame)
    }

    fn find_by_time(&mut self, stamp: i64) -> Result<bool, Stop> {
        let Some(key) = self.index.key_before(stamp) else { return Ok(false) };
        if !self.last.is_some_and(|last| key.pts <= last && last < stamp) {
            if !self.input.seek(key.target) {
                return Ok(false);
            }
            self.decoder.flush();
            (self.draining, self.landing, self.last) = (false, true, None);
        }
        self.counted = None;
        let may_skip = self.index.may_skip;
        while self.next(may_skip)? {
            let Some(reached) = self.stamp() else { return Ok(false) };
            self.last = Some(reached);
            // Errors spread to the frames after; frames shown before the key frame lack what they refer to.
            if reached >= key.pts && self.is_spoilt() {
                return Ok(false);
            }
            if reached >= stamp {
                return Ok(reached == stamp);
            }
        }
        self.last = None;
        Ok(false)
    }

    fn find_by_count(&mut self, frame: usize) -> Result<(), Failure> {
        if self.counted.is_none_or(|counted| counted > frame) {
            self.restart()?;
        }
        while self.counted.is_some_and(|counted| counted <= frame) {
            if !self.count_next() {
                let counted = self.counted.take().unwrap_or_default();
                self.index.stamps.truncate(counted);
                return Err(self.past_the_end(frame));
            }
        }
        Ok(())
    }

    /// Decodes the whole file, to know its frames.
    fn scan(&mut self) -> Result<(), Failure> {
        self.restart()?;
        let mut stamps = Vec::new();
        while self.count_next() {
            stamps.push(self.stamp());
        }
        self.counted = None;
        self.index.replace(&stamps);
        self.effort = Effort::Much;
        Ok(())
    }

    /// The next frame in order; false at the end or at damage.
    fn count_next(&mut self) -> bool {
        let mut refused = None;
        loop {
            let reason = match self.next(false) {
                Ok(true) if self.is_spoilt() => {
                    "the frame's data is damaged, the decoder filled in what it could not read"
                        .into()
                }
                Ok(true) => {
                    self.counted = self.counted.map(|counted| counted + 1);
                    return true;
                }
                Ok(false) => {
                    self.damage = refused.or(self.damage.take());
                    return false;
                }
                Err(Stop::Decode(code)) => {
                    let reason = describe(code);
                    // A recording may begin in the middle of a group of pictures; the decoder then finds its feet.
                    if self.counted == Some(0) && !self.fed_key {
                        refused = Some(reason);
                        continue;
                    }
                    reason
                }
                Err(Stop::Read(code)) => describe(code),
            };
            self.damage = Some(reason);
            return false;
        }
    }

    /// The decoder gave a frame that holds more or less than the file says.
    fn is_spoilt(&self) -> bool {
        self.frame.is_corrupt() || self.frame.has_decode_errors()
    }

    fn past_the_end(&self, frame: usize) -> Failure {
        let frames = self.index.stamps.len();
        match self.damage() {
            Some(Damage { reason, .. }) => Failure {
                class: Class::Decode,
                frame,
                frames,
                text: format!("{reason}; {frames} frames decode"),
            },
            None => Failure {
                class: Class::OutOfRange,
                frame,
                frames,
                text: format!("the stream has {frames} frames"),
            },
        }
    }

    /// Opens the file anew, so that decoding starts exactly as for a reader that never seeks.
    fn restart(&mut self) -> Result<(), Failure> {
        self.input = Input::open(&self.path, self.options.stream)?;
        self.decoder = decoder(&self.input, self.options.threads)?;
        (self.counted, self.last, self.landing, self.draining) = (Some(0), None, false, false);
        Ok(())
    }

    fn stamp(&self) -> Option<i64> {
        self.frame.pts().or_else(|| self.frame.timestamp())
    }

    /// Decodes one frame into `self.frame`; false at the end of the stream. On the way to the last of the wanted frames those
    /// that neither are wanted nor needed by others may be left out.
    fn next(&mut self, may_skip: bool) -> Result<bool, Stop> {
        loop {
            match self.decoder.receive_frame(&mut self.frame) {
                Ok(()) => return Ok(true),
                Err(ff::Error::Other { errno: ff::error::EAGAIN }) => {}
                Err(ff::Error::Eof) => return Ok(false),
                Err(error) => return Err(Stop::Decode(error.into())),
            }
            if self.draining {
                return Ok(false);
            }
            self.feed(may_skip)?;
        }
    }

    fn feed(&mut self, may_skip: bool) -> Result<(), Stop> {
        log::clear();
        loop {
            let Some(mut packet) = self.input.read().map_err(Stop::Read)? else {
                self.draining = true;
                return self.decoder.send_eof().map_err(|error| Stop::Decode(error.into()));
            };
            if self.landing && !packet.is_key() {
                continue;
            }
            (self.landing, self.fed_key) = (false, packet.is_key());
            if let Some(time) = self.index.time_of(packet.dts()) {
                packet.set_pts(Some(time));
            }
            let is_passed = may_skip
                && packet.pts().is_some_and(|pts| {
                    // What comes after the last one may be asked for next.
                    self.wanted.last().is_some_and(|&last| pts < last)
                        && self.wanted.binary_search(&pts).is_err()
                });
            self.decoder.skip_frame(if is_passed {
                ff::Discard::NonReference
            } else {
                ff::Discard::Default
            });
            return self.decoder.send_packet(&packet).map_err(|error| Stop::Decode(error.into()));
        }
    }
}

fn decoder(input: &Input, threads: usize) -> Result<ff::decoder::Video, Failure> {
    let failed = |error: ff::Error| {
        Failure::from_code(Class::Open, "could not open a decoder", error.into())
    };
    let codec = input.stream().parameters().id();
    let mut context =
        ff::codec::Context::from_parameters(input.stream().parameters()).map_err(failed)?;
    // SAFETY: the context is not open yet, which is when these may be set.
    unsafe {
        (*context.as_mut_ptr()).thread_count = threads.max(1) as c_int;
        (*context.as_mut_ptr()).max_pixels = MOST_PIXELS;
        (*context.as_mut_ptr()).pkt_timebase = input.stream().time_base().into();
    }
    context.decoder().video().map_err(|error| match error {
        ff::Error::DecoderNotFound => {
            Failure::new(Class::Open, format!("this FFmpeg has no decoder for {}", codec.name()))
        }
        other => failed(other),
    })
}
