//! One decoder on its way through a file: to the frame at a time, or on to the next one.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};

use ff::frame::Video;
use ffmpeg_next as ff;

use crate::bitstream::Checker;
use crate::decoder::{self, Unpacker};
use crate::failure::Failure;
use crate::index::{Index, Skips, Source};
use crate::input::Input;
use crate::log::{self, Ear};

/// Why decoding stopped before the end.
pub(super) enum Stop {
    /// The container could not be read on.
    Read(c_int),
    /// The decoder refused a packet.
    Decode(c_int),
}

/// What is to be found.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Times of the frames, rising.
    pub stamps: Vec<i64>,
    /// Nothing will be asked for after them.
    pub is_all: bool,
}

/// What is done with packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A seek was made and no key frame has been met since.
    Landing,
    Feeding,
    /// The packet of the last frame went in.
    Fed,
    /// The decoder gives what it still holds.
    Draining,
}

/// An open file and its decoder.
pub(super) struct Decoding {
    pub input: Input,
    /// The frame that was found.
    pub frame: Video,
    decoder: ff::decoder::Video,
    /// Threads of the decoder.
    threads: usize,
    /// Hears what the decoder's own threads log.
    ear: Option<Ear>,
    /// Takes packed pictures apart.
    unpacker: Option<Unpacker>,
    checker: Checker,
    wanted: Wanted,
    /// Time of the frame given last since the last seek.
    last: Option<i64>,
    phase: Phase,
    /// The packet fed last was a key frame.
    pub fed_key: bool,
    /// Time of the frame after which the decoder is to give all that it holds.
    ends_at: Option<i64>,
}

impl Decoding {
    /// A decoder of `threads` threads at the start of a file, whose frames are found by time where `index` allows it.
    pub fn new(input: Input, index: &Index, threads: usize) -> Result<Self, Failure> {
        let is_packed = index.seekable && index.skips == Skips::Unpacked;
        let unpacker = if is_packed { Unpacker::new(&input) } else { None };
        Self::with(input, unpacker, threads)
    }

    /// A decoder for frames that are counted from the start of a file.
    pub fn plain(input: Input, threads: usize) -> Result<Self, Failure> {
        Self::with(input, None, threads)
    }

    fn with(input: Input, unpacker: Option<Unpacker>, threads: usize) -> Result<Self, Failure> {
        let ear = (threads > 1).then(Ear::new);
        let decoder = decoder::open(&input, threads, unpacker.as_ref(), ear.as_ref())?;
        let checker = Checker::new(input.stream().parameters().id(), input.extradata());
        Ok(Self {
            input,
            frame: Video::empty(),
            decoder,
            threads,
            ear,
            unpacker,
            checker,
            wanted: Wanted::default(),
            last: None,
            phase: Phase::Feeding,
            fed_key: false,
            ends_at: None,
        })
    }

    /// Names what will be asked for, so that frames between may be left out and none is decoded for nothing.
    pub fn expect(&mut self, wanted: Wanted) {
        if self.wanted.stamps.last() > self.last.as_ref() {
            // On the way to frames that were never asked for, some may be left out that are wanted now.
            self.last = None;
        }
        self.wanted = wanted;
    }

    /// Goes on with a decoder of so many threads.
    pub fn use_threads(&mut self, threads: usize) -> Result<(), Failure> {
        if threads != self.threads {
            let ear = (threads > 1).then(Ear::new);
            let unpacker = self.unpacker.as_ref();
            self.decoder = decoder::open(&self.input, threads, unpacker, ear.as_ref())?;
            (self.threads, self.ear, self.last) = (threads, ear, None);
        }
        Ok(())
    }

    /// Whether the decoder's threads have met anything that a frame need not show.
    ///
    /// A frame may be given before another thread marks it as spoilt, but not before that thread has logged it.
    pub fn is_troubled(&self) -> bool {
        self.ear.as_ref().is_some_and(Ear::has_heard)
    }

    /// Whether the frame at a time is reached without a seek.
    pub fn is_before(&self, index: &Index, stamp: i64) -> bool {
        let key = index.key_before(stamp);
        let is_behind = |key: i64| self.last.is_some_and(|last| key <= last && last < stamp);
        self.ends_at.is_none() && key.is_some_and(|key| is_behind(key.pts))
    }

    /// Leaves the frame at a time in `frame`; false where it is not found, or is not what it should be. `stop` ends the search.
    pub fn find(&mut self, index: &Index, stamp: i64, stop: &AtomicBool) -> Result<bool, Stop> {
        let Some(key) = index.key_before(stamp) else { return Ok(false) };
        if !self.is_before(index, stamp) {
            if !self.input.seek(key.target) {
                return Ok(false);
            }
            self.decoder.flush();
            if let Some(unpacker) = &mut self.unpacker {
                unpacker.flush();
            }
            (self.phase, self.last) = (Phase::Landing, None);
        }
        self.ends_at = self.ends_with(index, stamp).then_some(stamp);
        let may_skip = index.skips == Skips::Unneeded || self.unpacker.is_some();
        while !stop.load(Ordering::Relaxed) && self.next(index, may_skip)? {
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

    /// Whether nothing more is wanted of the decoder after a frame: the next one is reached by another key frame, or there is
    /// none.
    fn ends_with(&self, index: &Index, stamp: i64) -> bool {
        let after = self.wanted.stamps.partition_point(|&wanted| wanted <= stamp);
        let is_end = match self.wanted.stamps.get(after) {
            Some(&next) => index.key_before(next).is_some_and(|key| key.pts > stamp),
            None => self.wanted.is_all,
        };
        is_end && index.made_of == Source::Packets
    }

    /// The decoder gave a frame that holds more or less than the file says.
    pub fn is_spoilt(&self) -> bool {
        self.frame.is_corrupt() || self.frame.has_decode_errors()
    }

    /// The time of the frame.
    pub fn stamp(&self) -> Option<i64> {
        self.frame.pts().or_else(|| self.frame.timestamp())
    }

    /// Decodes one frame into `frame`; false at the end of the stream. On the way to the last of the wanted frames those that
    /// neither are wanted nor needed by others may be left out.
    pub fn next(&mut self, index: &Index, may_skip: bool) -> Result<bool, Stop> {
        loop {
            match self.decoder.receive_frame(&mut self.frame) {
                Ok(()) => return Ok(true),
                Err(ff::Error::Other { errno: ff::error::EAGAIN }) => {}
                Err(ff::Error::Eof) => return Ok(false),
                Err(error) => return Err(Stop::Decode(error.into())),
            }
            match self.phase {
                Phase::Landing | Phase::Feeding => self.feed(index, may_skip)?,
                Phase::Fed => self.drain()?,
                Phase::Draining => return Ok(false),
            }
        }
    }

    fn drain(&mut self) -> Result<(), Stop> {
        self.phase = Phase::Draining;
        self.decoder.send_eof().map_err(|error| Stop::Decode(error.into()))
    }

    fn feed(&mut self, index: &Index, may_skip: bool) -> Result<(), Stop> {
        log::clear();
        loop {
            let Some(mut packet) = self.input.read().map_err(Stop::Read)? else {
                return self.drain();
            };
            if self.phase == Phase::Landing && !packet.is_key() {
                continue;
            }
            (self.phase, self.fed_key) = (Phase::Feeding, packet.is_key());
            if let Some(time) = index.time_of(packet.dts()) {
                packet.set_pts(Some(time));
            }
            if let Some(unpacker) = &mut self.unpacker {
                let Some(picture) = unpacker.take(&packet).map_err(Stop::Decode)? else { continue };
                packet = picture;
            }
            let is_passed = may_skip && self.is_passed(packet.pts());
            if is_passed && self.checker.is_spare_alone(packet.data().unwrap_or_default()) {
                // The decoder would leave it out as well, but one of its threads would wait with it.
                continue;
            }
            self.decoder.skip_frame(if is_passed {
                ff::Discard::NonReference
            } else {
                ff::Discard::Default
            });
            // When the last frame is inside, the packets after it would only push it out.
            if self.ends_at.is_some() && packet.pts() == self.ends_at {
                self.phase = Phase::Fed;
            }
            return self.decoder.send_packet(&packet).map_err(|error| Stop::Decode(error.into()));
        }
    }

    /// Whether a frame is passed on the way to others; what comes after the last one may be asked for next.
    fn is_passed(&self, stamp: Option<i64>) -> bool {
        let wanted = &self.wanted.stamps;
        stamp.is_some_and(|stamp| {
            wanted.last().is_some_and(|&last| stamp < last) && wanted.binary_search(&stamp).is_err()
        })
    }
}
