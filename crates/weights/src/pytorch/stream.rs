//! The bytes of a pickle one after the other.

use super::{LONGEST_PICKLE, too_long};
use crate::error::Fault;
use crate::input::Input;

/// Bytes that are fetched at once.
const CHUNK: u64 = 1 << 16;

/// A part of a file, read forwards.
pub(super) struct Stream<'s, 'a> {
    input: &'s mut Input<'a>,
    start: u64,
    end: u64,
    buffer: Vec<u8>,
    buffer_start: u64,
    next: usize,
}

impl<'s, 'a> Stream<'s, 'a> {
    /// The bytes from `start` to `end` of a file.
    pub(super) fn new(input: &'s mut Input<'a>, start: u64, end: u64) -> Self {
        Self { input, start, end, buffer: Vec::new(), buffer_start: start, next: 0 }
    }

    /// Place of the next byte in the file.
    pub(super) fn position(&self) -> u64 {
        self.buffer_start + self.next as u64
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        if let Some(&byte) = self.buffer.get(self.next) {
            self.next += 1;
            return Ok(byte);
        }
        let start = self.position();
        let count = (self.end - start).min(CHUNK);
        if count == 0 {
            return Err(self.ended());
        }
        self.buffer = self.input.read_at(start, count, "its pickle")?;
        self.buffer_start = start;
        self.next = 1;
        Ok(self.buffer[0])
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: u64) -> Result<Vec<u8>, Fault> {
        let start = self.position();
        if count > self.end - start {
            return Err(self.ended());
        }
        let fits = self.next + count as usize;
        if let Some(bytes) = self.buffer.get(self.next..fits) {
            self.next = fits;
            return Ok(bytes.to_vec());
        }
        let bytes = self.input.read_at(start, count, "its pickle")?;
        self.buffer.clear();
        self.buffer_start = start + count;
        self.next = 0;
        Ok(bytes)
    }

    /// Passes over the next `count` bytes, which must be there; `what` names them.
    pub(super) fn skip(&mut self, count: u64, what: &str) -> Result<(), Fault> {
        let start = self.position();
        if count > self.end - start {
            return Err(Fault::Truncated(format!("ends inside {what} of {count} bytes")));
        }
        self.buffer.clear();
        self.buffer_start = start + count;
        self.next = 0;
        Ok(())
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    /// The bytes up to the next line feed, which is dropped; at most `longest` of them.
    pub(super) fn line(&mut self, longest: usize) -> Result<Vec<u8>, Fault> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(line),
                _ if line.len() == longest => {
                    let reason = format!("has a damaged pickle: a name of over {longest} bytes");
                    return Err(Fault::Unreadable(reason));
                }
                byte => line.push(byte),
            }
        }
    }

    fn ended(&self) -> Fault {
        if self.end - self.start >= LONGEST_PICKLE {
            return too_long(self.input.length());
        }
        Fault::Truncated(format!("ends inside its pickle, at byte {}", self.end))
    }
}
