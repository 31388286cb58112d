//! The zip archives that `torch.save` writes: entries that are stored, not compressed.
//!
//! Read here and not by a general zip library, since the subset is small and its checks are the
//! point: no entry is ever inflated, so no archive unpacks to more than its own size, and entries
//! that overlap or lie about their size are refused before anything is read.

use indexmap::IndexMap;

use crate::error::{Fault, quoted};
use crate::input::Input;

/// Longest directory that is read, in bytes: some hundred thousand entries.
const LONGEST_DIRECTORY: u64 = 64 << 20;
const END: [u8; 4] = *b"PK\x05\x06";
const END_SIZE: usize = 22;
const END_64: [u8; 4] = *b"PK\x06\x06";
const END_64_SIZE: u64 = 56;
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const LOCATOR_64_SIZE: usize = 20;
const DIRECTORY: [u8; 4] = *b"PK\x01\x02";
const DIRECTORY_SIZE: usize = 46;
const LOCAL: [u8; 4] = *b"PK\x03\x04";
const LOCAL_SIZE: u64 = 30;
/// A 32-bit field that has its value in the zip64 extra field instead.
const ELSEWHERE: u64 = 0xffff_ffff;

/// One file of an archive.
struct Entry {
    /// Place of its local header.
    header: u64,
    size: u64,
    /// Its checksum; 0 when the writer did not compute any.
    crc: u32,
}

/// The directory of an archive.
pub(super) struct Archive {
    entries: IndexMap<String, Entry>,
    /// Where the directory begins and the entries must have ended.
    end: u64,
}

impl Archive {
    pub(super) fn open(input: &mut Input<'_>) -> Result<Self, Fault> {
        let (start, size) = find_directory(input)?;
        if size > LONGEST_DIRECTORY {
            return Err(Fault::TooLarge {
                what: "bytes of zip directory",
                limit: LONGEST_DIRECTORY,
                claimed: size.to_string(),
            });
        }
        let directory = input.read_at(start, size, "its zip directory")?;
        let mut entries = IndexMap::new();
        let mut rest = directory.as_slice();
        let mut total = 0_u64;
        while !rest.is_empty() {
            let (name, entry, after) = parse_entry(rest)?;
            total = total.saturating_add(entry.size);
            if total > start {
                // Stored entries cannot hold more than the file before the directory.
                return Err(Fault::TooLarge {
                    what: "bytes in its entries",
                    limit: start,
                    claimed: format!("{total} up to {}", quoted(&name)),
                });
            }
            let shown = quoted(&name);
            if entries.insert(name, entry).is_some() {
                return Err(Fault::Unreadable(format!("has two entries named {shown}")));
            }
            rest = after;
        }
        Ok(Self { entries, end: start })
    }

    /// What stands before `data.pkl` in the names of a checkpoint's entries, e.g. `archive/`.
    pub(super) fn root(&self) -> Result<String, Fault> {
        let mut roots = self.entries.keys().filter_map(|name| {
            let root = name.strip_suffix("data.pkl")?;
            let one_folder = root.find('/').is_none_or(|slash| slash + 1 == root.len());
            (root.is_empty() || root.ends_with('/') && one_folder).then_some(root)
        });
        let root = roots.next().ok_or_else(|| {
            Fault::Unreadable("is a zip archive without data.pkl, so no PyTorch checkpoint".into())
        })?;
        if roots.next().is_some() {
            return Err(Fault::Unreadable("is a zip archive with two data.pkl".into()));
        }
        Ok(root.to_owned())
    }

    /// Bytes of an entry, or nothing when there is no such entry.
    pub(super) fn size(&self, name: &str) -> Option<u64> {
        self.entries.get(name).map(|entry| entry.size)
    }

    /// The bytes of an entry, after comparing their checksum.
    pub(super) fn read(&self, input: &mut Input<'_>, name: &str) -> Result<Vec<u8>, Fault> {
        let shown = quoted(name);
        let Some(entry) = self.entries.get(name) else {
            return Err(Fault::Truncated(format!("lacks the entry {shown}")));
        };
        let header = input.read_at(entry.header, LOCAL_SIZE, &shown)?;
        let (name_size, extra_size) = (u16_at(&header, 26), u16_at(&header, 28));
        let name_start = entry.header + LOCAL_SIZE;
        if header[..4] != LOCAL || input.read_at(name_start, name_size, &shown)? != name.as_bytes()
        {
            return Err(Fault::Unreadable(format!(
                "has no entry {shown} where its directory says"
            )));
        }
        let start = name_start + name_size + extra_size;
        if start.checked_add(entry.size).is_none_or(|end| end > self.end) {
            return Err(Fault::Unreadable(format!("has an entry {shown} that runs into the next")));
        }
        let bytes = input.read_at(start, entry.size, &shown)?;
        // torch.serialization.set_crc32_options(False) leaves zeros.
        if entry.crc != 0 && entry.crc != crc32fast::hash(&bytes) {
            return Err(Fault::Unreadable(format!("is damaged: the checksum of {shown} differs")));
        }
        Ok(bytes)
    }
}

/// Place and size of the directory, from the records at the archive's end.
fn find_directory(input: &mut Input<'_>) -> Result<(u64, u64), Fault> {
    let length = input.length();
    let tail_size = length.min((LOCATOR_64_SIZE + END_SIZE + usize::from(u16::MAX)) as u64);
    let tail_start = length - tail_size;
    let tail = input.read_at(tail_start, tail_size, "the end of its zip archive")?;
    let is_end = |&at: &usize| {
        let comment = END_SIZE + u16_at(&tail, at + 20) as usize;
        tail[at..at + 4] == END && at + comment == tail.len()
    };
    let last = tail.len().checked_sub(END_SIZE);
    let at = last.and_then(|last| (0..=last).rev().find(is_end)).ok_or_else(|| {
        Fault::Truncated("has no zip directory at its end (was the download interrupted?)".into())
    })?;
    let mut place = (u64::from(u32_at(&tail, at + 16)), u64::from(u32_at(&tail, at + 12)));
    let mut end = tail_start + at as u64;
    let locator = at.checked_sub(LOCATOR_64_SIZE).map(|start| &tail[start..at]);
    if let Some(locator) = locator.filter(|locator| locator[..4] == LOCATOR_64) {
        end = u64_at(locator, 8);
        let record = input.read_at(end, END_64_SIZE, "its zip64 record")?;
        if record[..4] != END_64 {
            return Err(Fault::Unreadable("has no zip64 record where it should be".into()));
        }
        place = (u64_at(&record, 48), u64_at(&record, 40));
    }
    if place.0.checked_add(place.1).is_none_or(|directory_end| directory_end > end) {
        return Err(Fault::Unreadable("has a zip directory that lies outside the archive".into()));
    }
    Ok(place)
}

/// The first entry of a directory, its name, and the directory behind it.
fn parse_entry(directory: &[u8]) -> Result<(String, Entry, &[u8]), Fault> {
    let damaged = || Fault::Unreadable("has a damaged zip directory".into());
    let (head, rest) = directory.split_at_checked(DIRECTORY_SIZE).ok_or_else(damaged)?;
    let sizes = [28, 30, 32].map(|at| u16_at(head, at) as usize);
    let (name, rest) = rest.split_at_checked(sizes[0]).ok_or_else(damaged)?;
    let (extra, rest) = rest.split_at_checked(sizes[1]).ok_or_else(damaged)?;
    let (_comment, rest) = rest.split_at_checked(sizes[2]).ok_or_else(damaged)?;
    if head[..4] != DIRECTORY {
        return Err(damaged());
    }
    let name = String::from_utf8(name.to_vec()).map_err(|_| damaged())?;
    let (flags, method) = (u16_at(head, 8), u16_at(head, 10));
    if flags & 1 != 0 {
        return Err(Fault::Refused(format!("an encrypted entry {}", quoted(&name))));
    }
    if method != 0 {
        let shown = quoted(&name);
        return Err(Fault::Refused(format!("a compressed entry {shown} (zip method {method})")));
    }
    // Full size, size in the archive, place: those that need 64 bits stand in the extra field.
    let mut fields = [24, 20, 42].map(|at| u64::from(u32_at(head, at)));
    let mut wide = zip64_field(extra).chunks_exact(8);
    for field in fields.iter_mut().filter(|field| **field == ELSEWHERE) {
        *field = u64_at(wide.next().ok_or_else(damaged)?, 0);
    }
    let [size, stored, header] = fields;
    if size != stored {
        let shown = quoted(&name);
        let reason = format!("has a stored entry {shown} of {stored} bytes that claims {size}");
        return Err(Fault::Unreadable(reason));
    }
    Ok((name, Entry { header, size, crc: u32_at(head, 16) }, rest))
}

/// The zip64 field (number 1) of an entry's extra fields; empty when there is none.
fn zip64_field(mut extra: &[u8]) -> &[u8] {
    while extra.len() >= 4 {
        let (number, size) = (u16_at(extra, 0), u16_at(extra, 2) as usize);
        let field = &extra[4..extra.len().min(4 + size)];
        if number == 1 {
            return field;
        }
        extra = &extra[4 + field.len()..];
    }
    &[]
}

fn u16_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
