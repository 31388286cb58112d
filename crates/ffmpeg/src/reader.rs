//! The frame at an index, exactly: by seeking where that is safe, by decoding from the start where it is not.
//!
//! Index i is the i-th frame that a decoder gives from the start of the file. The fast way goes to the key frame before the
//! wanted one, leaves out frames that no other needs and checks the time of what it reaches; any doubt leads to the slow way.

mod counting;

use std::ffi::c_int;

use ff::frame::Video;
use ffmpeg_next as ff;

use crate::decoder::{self, Unpacker};
use crate::failure::{Class, Damage, Failure};
use crate::index::{Index, Skips};
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

/// An open video stream and its decoder.
pub struct Reader {
    path: Vec<u8>,
    options: Options,
    input: Input,
    decoder: ff::decoder::Video,
    /// Threads of the decoder.
    threads: usize,
    /// Takes packed pictures apart as long as frames are sought.
    unpacker: Option<Unpacker>,
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
    /// Time of the frame after which the decoder is to give all that it holds.
    ends_at: Option<i64>,
    origin: Origin,
}

/// Where an index comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// It was given.
    Saved,
    /// The packets of a small file.
    Packets,
    /// The packets of a large file.
    ManyPackets,
    /// All frames were decoded.
    Frames,
}

/// Reading the packets of a larger file takes longer than decoding a few of its frames.
const LARGE: u64 = 32 << 20;

impl Reader {
    /// Opens a file and indexes its frames; nothing is decoded yet. `saved` is what [`Reader::index_to_save`] gave for the
    /// same file, stream and libraries.
    ///
    /// # Errors
    /// `Open` and `NoVideoStream`.
    pub fn open(path: &[u8], options: Options, saved: Option<&[u8]>) -> Result<Self, Failure> {
        let saved = saved.and_then(Index::from_bytes).filter(|index| index.is_sure);
        let is_saved = saved.is_some();
        let (mut input, mut index) = match saved {
            Some(index) => (Input::open(path, options.stream, false)?, index),
            None => indexed(path, options)?,
        };
        let origin = match input.length() {
            _ if is_saved => Origin::Saved,
            length if length > LARGE => Origin::ManyPackets,
            _ => Origin::Packets,
        };
        let (width, height) = input.size()?;
        let matrix = if options.rotate { input.display_matrix() } else { None };
        let turn = matrix.map_or_else(Turn::default, |matrix| Turn::from_matrix(&matrix));
        index.seekable &= options.seek;
        let is_packed = index.seekable && index.skips == Skips::Unpacked;
        let unpacker = if is_packed { Unpacker::new(&input) } else { None };
        // Sparse frames are the rule.
        let threads = threads(&index, &[], options);
        let decoder = decoder::open(&input, threads, unpacker.as_ref())?;
        Ok(Self {
            path: path.to_vec(),
            options,
            input,
            decoder,
            threads,
            unpacker,
            index,
            picture: Picture::new(width, height, turn),
            frame: Video::empty(),
            counted: None,
            last: None,
            landing: false,
            draining: false,
            fed_key: false,
            damage: None,
            wanted: Vec::new(),
            ends_at: None,
            origin,
        })
    }

    /// Width and height of the frames as they come out.
    pub fn size(&self) -> (usize, usize) {
        self.picture.size()
    }

    /// Frames per second as the container states them.
    pub fn frame_rate(&self) -> Option<f64> {
        self.input.frame_rate()
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
        let took_long = matches!(self.origin, Origin::ManyPackets | Origin::Frames);
        let is_worth = took_long && self.index.is_sure;
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

    /// Names frames that will be asked for, so that those between them may be left out and none is decoded for nothing.
    ///
    /// # Errors
    /// As for [`Reader::frame_count`].
    pub fn expect(&mut self, indices: &[usize]) -> Result<(), Failure> {
        self.frame_count()?;
        if self.wanted.last() > self.last.as_ref() {
            // On the way to frames that were never asked for, some may be left out that are wanted now.
            self.last = None;
        }
        self.wanted =
            indices.iter().filter_map(|&index| self.index.stamps.get(index)).copied().collect();
        self.wanted.sort_unstable();
        let threads = threads(&self.index, &self.wanted, self.options);
        if self.index.seekable && threads != self.threads {
            self.decoder = decoder::open(&self.input, threads, self.unpacker.as_ref())?;
            (self.threads, self.last) = (threads, None);
        }
        Ok(())
    }

    /// Writes the frames at `indices`, in any order, each as packed RGB into the buffer beside it.
    ///
    /// # Errors
    /// `OutOfRange`, `Decode`.
    pub fn frames(&mut self, indices: &[usize], out: &mut [&mut [u8]]) -> Result<(), Failure> {
        let mut order: Vec<usize> = (0..indices.len()).collect();
        order.sort_by_key(|&position| indices[position]);
        self.frame_count()?;
        let is_expected = |stamp: &i64| self.wanted.binary_search(stamp).is_ok();
        if !indices.iter().filter_map(|&index| self.index.stamps.get(index)).all(is_expected) {
            self.expect(indices)?;
        }
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
        let is_behind = self.last.is_some_and(|last| key.pts <= last && last < stamp);
        if !is_behind || self.ends_at.take().is_some() {
            if !self.input.seek(key.target) {
                return Ok(false);
            }
            self.decoder.flush();
            if let Some(unpacker) = &mut self.unpacker {
                unpacker.flush();
            }
            (self.draining, self.landing, self.last) = (false, true, None);
        }
        self.counted = None;
        self.ends_at = self.leads_elsewhere(stamp).then_some(stamp);
        let may_skip = self.index.skips == Skips::Unneeded || self.unpacker.is_some();
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

    /// Whether the next wanted frame after one is reached by another key frame.
    fn leads_elsewhere(&self, stamp: i64) -> bool {
        let after = self.wanted.partition_point(|&wanted| wanted <= stamp);
        let next = self.wanted.get(after).and_then(|&next| self.index.key_before(next));
        // Counting says nothing of packets: a frame may be made of several.
        let is_whole = matches!(self.origin, Origin::Packets | Origin::ManyPackets);
        is_whole && self.index.is_sure && next.is_some_and(|key| key.pts > stamp)
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
            if let Some(unpacker) = &mut self.unpacker {
                let Some(picture) = unpacker.take(&packet).map_err(Stop::Decode)? else { continue };
                packet = picture;
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
            let failed = |error: ff::Error| Stop::Decode(error.into());
            self.decoder.send_packet(&packet).map_err(failed)?;
            if self.ends_at.is_some() && packet.pts() == self.ends_at {
                // The frame is inside: the packets after it would only push it out.
                self.draining = true;
                self.decoder.send_eof().map_err(failed)?;
            }
            return Ok(());
        }
    }
}

/// Threads of a decoder that is to give the frames with the times `wanted`.
///
/// Threads decode frames side by side. Where many frames are left out, those that remain refer to each other one by one, and
/// the threads would wait for each other for longer than it takes to decode.
fn threads(index: &Index, wanted: &[i64], options: Options) -> usize {
    const FEW: usize = 4;
    let place = |stamp: i64| index.stamps.partition_point(|&other| other < stamp);
    let is_dense = match wanted {
        [first, .., last] => wanted.len() * FEW > place(*last) - place(*first),
        _ => false,
    };
    let has_spare = index.spare * FEW >= index.stamps.len();
    if index.seekable && has_spare && !is_dense { 1 } else { options.threads }
}

/// Opens a file and reads the index out of its packets, at first after a brief look; any doubt leads to a thorough one.
fn indexed(path: &[u8], options: Options) -> Result<(Input, Index), Failure> {
    let mut input = Input::open(path, options.stream, options.seek)?;
    if input.is_brief {
        let index = Index::read(&mut input);
        if index.is_sure && index.seekable && index.damage.is_none() {
            return Ok((input, index));
        }
        input = Input::open(path, options.stream, false)?;
    }
    // A size that cannot be is refused before anything is read.
    input.size()?;
    let index = Index::read(&mut input);
    Ok((input, index))
}
