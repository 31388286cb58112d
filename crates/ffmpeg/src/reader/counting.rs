//! The slow way: frames are counted from the start of the file, with none left out.

use super::{Origin, Reader, Stop};
use crate::decoder;
use crate::failure::{Failure, describe};
use crate::input::Input;

impl Reader {
    /// Leaves the frame at an index in `self.frame`.
    pub(super) fn find_by_count(&mut self, frame: usize) -> Result<(), Failure> {
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
    pub(super) fn scan(&mut self) -> Result<(), Failure> {
        self.restart()?;
        let mut stamps = Vec::new();
        while self.count_next() {
            stamps.push(self.stamp());
        }
        self.counted = None;
        self.index.replace(&stamps);
        self.origin = Origin::Frames;
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

    /// Opens the file anew, so that decoding starts exactly as for a reader that never seeks.
    fn restart(&mut self) -> Result<(), Failure> {
        self.input = Input::open(&self.path, self.options.stream, false)?;
        self.unpacker = None;
        self.threads = self.options.threads;
        self.decoder = decoder::open(&self.input, self.threads, None)?;
        (self.counted, self.last, self.landing, self.draining) = (Some(0), None, false, false);
        self.ends_at = None;
        Ok(())
    }
}
