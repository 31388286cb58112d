//! The slow way: frames are counted from the start of the file, with none left out.

use std::sync::Arc;

use super::decoding::{Decoding, Stop};
use super::{Origin, Reader};
use crate::failure::{Failure, describe};
use crate::input::Input;

impl Reader {
    /// Leaves the frame at an index in `self.frame`.
    pub(super) fn find_by_count(&mut self, frame: usize) -> Result<(), Failure> {
        if self.counted.is_none_or(|counted| counted > frame) {
            self.restart()?;
        }
        while self.counted.is_some_and(|counted| counted <= frame) {
            if self.count_next() {
                continue;
            }
            if self.is_to_be_checked() {
                self.restart()?;
                continue;
            }
            let counted = self.counted.take().unwrap_or_default();
            Arc::make_mut(&mut self.index).stamps.truncate(counted);
            return Err(self.past_the_end(frame));
        }
        Ok(())
    }

    /// Decodes the whole file, to know its frames.
    pub(super) fn scan(&mut self) -> Result<(), Failure> {
        self.restart()?;
        let mut stamps = Vec::new();
        loop {
            if self.count_next() {
                stamps.push(self.stamp());
            } else if self.is_to_be_checked() {
                stamps.clear();
                self.restart()?;
            } else {
                break;
            }
        }
        self.counted = None;
        Arc::make_mut(&mut self.index).replace(&stamps);
        self.origin = Origin::Frames;
        Ok(())
    }

    fn stamp(&self) -> Option<i64> {
        self.frame.pts().or_else(|| self.frame.timestamp())
    }

    /// Whether counting is to begin again with one thread: several met something that they may tell otherwise.
    fn is_to_be_checked(&mut self) -> bool {
        let is_met = self.damage.is_some() || self.decodings[0].is_troubled();
        let is_new = is_met && self.options.threads > 1 && !self.is_doubted;
        if is_new {
            (self.is_doubted, self.damage) = (true, None);
        }
        is_new
    }

    /// The next frame in order; false at the end or at damage.
    fn count_next(&mut self) -> bool {
        let mut refused = None;
        loop {
            let decoding = &mut self.decodings[0];
            let next = decoding.next(&self.index, false);
            if decoding.is_troubled() {
                return false;
            }
            let reason = match next {
                Ok(true) if decoding.is_spoilt() => {
                    "the frame's data is damaged, the decoder filled in what it could not read"
                        .into()
                }
                Ok(true) => {
                    self.counted = self.counted.map(|counted| counted + 1);
                    std::mem::swap(&mut self.frame, &mut decoding.frame);
                    return true;
                }
                Ok(false) => {
                    self.damage = refused.or(self.damage.take());
                    return false;
                }
                Err(Stop::Decode(code)) => {
                    let reason = describe(code);
                    // A recording may begin in the middle of a group of pictures; the decoder then finds its feet.
                    if self.counted == Some(0) && !decoding.fed_key {
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

    /// Opens the file anew, so that decoding starts exactly as for a reader that never seeks.
    fn restart(&mut self) -> Result<(), Failure> {
        self.dismiss();
        let input = Input::open(&self.path, self.options.stream, false)?;
        let threads = if self.is_doubted { 1 } else { self.options.threads };
        self.decodings = vec![Decoding::plain(input, threads)?];
        self.counted = Some(0);
        Ok(())
    }
}
