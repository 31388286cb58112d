//! Writing a zip archive of stored entries.

use std::io::{self, Write};

/// PyTorch maps files into memory and wants storages to begin at such places.
const ALIGNMENT: u64 = 64;
/// The extra field with which PyTorch pads, too.
const PADDING_FIELD: u16 = u16::from_le_bytes(*b"FB");
const HEADER_SIZE: u64 = 30;
/// A 32-bit field whose value stands in the zip64 field instead.
const ELSEWHERE: u32 = u32::MAX;
/// First of January 1980, the zero of zip archives: equal weights give equal files.
const DATE: u16 = 0x21;

/// An archive that grows at its end.
pub(super) struct Archive<'w> {
    writer: &'w mut dyn Write,
    written: u64,
    directory: Vec<u8>,
    entries: u64,
}

impl<'w> Archive<'w> {
    pub(super) fn new(writer: &'w mut dyn Write) -> Self {
        Self { writer, written: 0, directory: Vec::new(), entries: 0 }
    }

    /// Adds an entry.
    pub(super) fn add(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        let (start, size, crc) = (self.written, data.len() as u64, crc32fast::hash(data));
        let wide = size >= u64::from(ELSEWHERE);
        let mut extra = Vec::new();
        if wide {
            extra.extend(field(1, &[size, size]));
        }
        let data_start = start + HEADER_SIZE + (name.len() + extra.len() + 4) as u64;
        let padding = (ALIGNMENT - data_start % ALIGNMENT) % ALIGNMENT;
        extra.extend(PADDING_FIELD.to_le_bytes());
        extra.extend((padding as u16).to_le_bytes());
        extra.resize(extra.len() + padding as usize, 0);
        let shown = if wide { ELSEWHERE } else { size as u32 };

        let mut header = Vec::from(*b"PK\x03\x04");
        common(&mut header, crc, shown);
        header.extend((name.len() as u16).to_le_bytes());
        header.extend((extra.len() as u16).to_le_bytes());
        header.extend(name.as_bytes());
        header.extend(extra);
        self.put(&header)?;
        self.put(data)?;

        let mut extra = Vec::new();
        let far = start >= u64::from(ELSEWHERE);
        match (wide, far) {
            (true, true) => extra.extend(field(1, &[size, size, start])),
            (true, false) => extra.extend(field(1, &[size, size])),
            (false, true) => extra.extend(field(1, &[start])),
            (false, false) => {}
        }
        self.directory.extend(*b"PK\x01\x02\x2d\x00");
        common(&mut self.directory, crc, shown);
        self.directory.extend((name.len() as u16).to_le_bytes());
        self.directory.extend((extra.len() as u16).to_le_bytes());
        // Comment, disk and attributes: none.
        self.directory.extend([0; 10]);
        self.directory.extend(if far { ELSEWHERE } else { start as u32 }.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.directory.extend(extra);
        self.entries += 1;
        Ok(())
    }

    /// Writes the directory and the records at the end; always the zip64 ones, as PyTorch does.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let (start, size) = (self.written, self.directory.len() as u64);
        let directory = std::mem::take(&mut self.directory);
        self.put(&directory)?;
        let record = self.written;
        let mut end = Vec::from(*b"PK\x06\x06");
        end.extend(44_u64.to_le_bytes());
        end.extend([0x2d, 0, 0x2d, 0]);
        end.extend([0; 8]);
        for value in [self.entries, self.entries, size, start] {
            end.extend(value.to_le_bytes());
        }
        end.extend(*b"PK\x06\x07\x00\x00\x00\x00");
        end.extend(record.to_le_bytes());
        end.extend(1_u32.to_le_bytes());
        end.extend(*b"PK\x05\x06\x00\x00\x00\x00");
        let entries = u16::try_from(self.entries).unwrap_or(u16::MAX);
        end.extend(entries.to_le_bytes());
        end.extend(entries.to_le_bytes());
        end.extend(u32::try_from(size).unwrap_or(ELSEWHERE).to_le_bytes());
        end.extend(u32::try_from(start).unwrap_or(ELSEWHERE).to_le_bytes());
        end.extend([0, 0]);
        self.put(&end)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// What local header and directory share: version, flags (names in UTF-8), method, time, checksum
/// and the two equal sizes.
fn common(header: &mut Vec<u8>, crc: u32, size: u32) {
    for value in [0x2d, 0x800, 0, 0, DATE] {
        header.extend(u16::to_le_bytes(value));
    }
    for value in [crc, size, size] {
        header.extend(value.to_le_bytes());
    }
}

/// An extra field of 64-bit values.
fn field(number: u16, values: &[u64]) -> Vec<u8> {
    let mut field = Vec::from(number.to_le_bytes());
    field.extend((values.len() as u16 * 8).to_le_bytes());
    field.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    field
}
