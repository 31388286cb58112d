//! Reading at a place of a file, never beyond its end and never allocating for bytes that are
//! not there.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use crate::error::Fault;

/// What can be read at any place.
pub(crate) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// A file, or bytes in memory, of known length.
pub(crate) struct Input<'a> {
    reader: &'a mut dyn ReadSeek,
    length: u64,
}

impl<'a> Input<'a> {
    pub(crate) fn new(reader: &'a mut dyn ReadSeek, length: u64) -> Self {
        Self { reader, length }
    }

    /// Bytes of the whole file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// `count` bytes from `offset`; `what` names them in the error of a file that is too short.
    pub(crate) fn read_at(
        &mut self,
        offset: u64,
        count: u64,
        what: &str,
    ) -> Result<Vec<u8>, Fault> {
        let end = offset.checked_add(count).filter(|&end| end <= self.length);
        let (Some(_), Ok(count)) = (end, usize::try_from(count)) else {
            return Err(Fault::Truncated(format!(
                "ends inside {what}: {count} bytes from byte {offset} expected, {} bytes found",
                self.length
            )));
        };
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(count).map_err(|_| Fault::TooLarge {
            what: "bytes in one piece that the memory has room for",
            limit: count as u64 - 1,
            claimed: format!("{count} in {what}"),
        })?;
        self.reader
            .seek(SeekFrom::Start(offset))
            .and_then(|_| (&mut self.reader).take(count as u64).read_to_end(&mut bytes))
            .map_err(|error| failed(&error))?;
        if bytes.len() < count {
            return Err(failed(&ErrorKind::UnexpectedEof.into()));
        }
        Ok(bytes)
    }
}

/// An error of the operating system while reading.
pub(crate) fn failed(error: &std::io::Error) -> Fault {
    match error.kind() {
        ErrorKind::UnexpectedEof => Fault::Truncated("became shorter while it was read".into()),
        _ => Fault::Unreadable(format!("cannot be read: {error}")),
    }
}
