//! Memory that goes round between the loader and those who use its batches.

use std::ops::Deref;

use crossbeam_channel::{Receiver, Sender, bounded};

/// Memory to be used again; what is given when it is full is freed.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    give: Sender<Vec<u8>>,
    take: Receiver<Vec<u8>>,
}

impl Pool {
    pub(crate) fn new(capacity: usize) -> Self {
        let (give, take) = bounded(capacity);
        Self { give, take }
    }

    /// Memory that was given, or none yet.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.take.try_recv().unwrap_or_default()
    }

    pub(crate) fn give(&self, memory: Vec<u8>) {
        // A full pool is no error: the memory is freed.
        let _ = self.give.try_send(memory);
    }
}

/// Bytes whose memory goes back where it came from when they are dropped.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    home: Option<Sender<Vec<u8>>>,
}

impl Buffer {
    pub(crate) fn of(bytes: Vec<u8>, pool: &Pool) -> Self {
        Self { bytes, home: Some(pool.give.clone()) }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self { bytes: self.bytes.clone(), home: None }
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            // The loader may be gone, or have enough.
            let _ = home.try_send(std::mem::take(&mut self.bytes));
        }
    }
}
