//! Does the file end where its container says that it does?
//!
//! Demuxers read a file that was cut as one that ends early, without an error. The lengths that containers state for their
//! own parts tell the two apart; only headers are read for that, never the frames.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// The bytes of a file.
pub trait Bytes {
    /// How many there are.
    fn length(&self) -> u64;

    /// Fills `out` from a position; false when the file ends before that.
    fn read(&mut self, at: u64, out: &mut [u8]) -> bool;
}

impl Bytes for File {
    fn length(&self) -> u64 {
        self.metadata().map_or(0, |about| about.len())
    }

    fn read(&mut self, at: u64, out: &mut [u8]) -> bool {
        self.seek(SeekFrom::Start(at)).is_ok() && self.read_exact(out).is_ok()
    }
}

/// Whether an MP4 file lacks the box that says where its frames are, or a part of it: then there is nothing to go by.
pub fn cut_header(file: &mut impl Bytes) -> Option<String> {
    let mut is_mp4 = false;
    let boxes = boxes(file);
    for (name, range) in &boxes {
        // Other files hardly begin with one of these names.
        is_mp4 |= matches!(name, b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip");
        if !is_mp4 {
            return None;
        }
        if name == b"moov" {
            let short = cut("its header, `moov`,", range.end, file.length());
            return short.map(|reason| format!("{reason}; copy or fetch the whole file again"));
        }
    }
    let (last, range) = boxes.last()?;
    if range.end + 8 <= file.length() {
        // No box follows: where the header is nobody can tell.
        return None;
    }
    let part = format!("`{}`", String::from_utf8_lossy(last));
    Some(match cut(&part, range.end, file.length()) {
        Some(reason) => format!(
            "{reason}, and its header, `moov`, comes after that; copy or fetch the whole file again"
        ),
        None => "it has no header, `moov`: the recording was not ended properly, or the file is cut; record, copy or fetch it again".into(),
    })
}

/// What the file lacks, for a container by FFmpeg's name; `None` when it is whole, or where nothing can be told.
pub fn shortfall(container: &str, file: &mut impl Bytes) -> Option<String> {
    let is = |name| container.split(',').any(|known| known == name);
    if is("matroska") {
        matroska(file)
    } else if is("mp4") {
        mp4(file)
    } else if is("avi") {
        avi(file)
    } else if is("mpegts") {
        mpegts(file)
    } else {
        None
    }
}

fn cut(part: &str, end: u64, length: u64) -> Option<String> {
    (end > length)
        .then(|| format!("the file is cut: {part} ends at byte {end}, the file at byte {length}"))
}

/// Elements of Matroska and WebM (RFC 8794): the segment, or its parts where its length was not written.
fn matroska(file: &mut impl Bytes) -> Option<String> {
    const SEGMENT: u64 = 0x1853_8067;
    const CLUSTER: u64 = 0x1f43_b675;
    let length = file.length();
    let mut at = 0;
    while at < length {
        let Some((id, size, header)) = element(file, at) else {
            // Nothing that can be read as an element: filling, or something behind the segment.
            return None;
        };
        match size {
            Some(size) => {
                let end = at.saturating_add(header).saturating_add(size);
                let part = match id {
                    SEGMENT => "the segment",
                    CLUSTER => "a cluster",
                    _ => "an element",
                };
                if let Some(short) = cut(part, end, length) {
                    return Some(short);
                }
                if id == SEGMENT {
                    return None;
                }
                at = end;
            }
            // A live recording; its parts follow.
            None if matches!(id, SEGMENT | CLUSTER) => at += header,
            None => return None,
        }
    }
    None
}

/// Identity, size (`None`: unknown) and header bytes of the element at a position.
fn element(file: &mut impl Bytes, at: u64) -> Option<(u64, Option<u64>, u64)> {
    let mut head = [0; 12];
    let most = usize::try_from(file.length() - at).unwrap_or(usize::MAX).min(head.len());
    if !file.read(at, &mut head[..most]) {
        return None;
    }
    let id_bytes = head[0].leading_zeros() as usize + 1;
    let size_bytes = head.get(id_bytes)?.leading_zeros() as usize + 1;
    if id_bytes > 4 || size_bytes > 8 || id_bytes + size_bytes > most {
        return None;
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
    let unknown = (1_u64 << (7 * size_bytes)) - 1;
    let size = number(&head[id_bytes..id_bytes + size_bytes]) & unknown;
    let header = (id_bytes + size_bytes) as u64;
    Some((number(&head[..id_bytes]), (size != unknown).then_some(size), header))
}

/// Fragments of MP4 (ISO/IEC 14496-12): a cut sample table there only looks shorter. Cut data shows in the sample table.
fn mp4(file: &mut impl Bytes) -> Option<String> {
    let length = file.length();
    let mut fragments = boxes(file).into_iter().filter(|(name, _)| name == b"moof");
    fragments.find_map(|(_, range)| cut("the index of a fragment", range.end, length))
}

/// Names and places of the boxes of an MP4 file; the last one may end after the file.
fn boxes(file: &mut impl Bytes) -> Vec<([u8; 4], Range<u64>)> {
    let length = file.length();
    let (mut found, mut at) = (Vec::new(), 0);
    let (mut head, mut long) = ([0; 8], [0; 8]);
    while at + 8 <= length && file.read(at, &mut head) {
        let [a, b, c, d, e, f, g, h] = head;
        let size = match u32::from_be_bytes([a, b, c, d]) {
            // The rest of the file; a recorder that was stopped leaves it so.
            0 => length - at,
            1 if at + 16 <= length && file.read(at + 8, &mut long) => u64::from_be_bytes(long),
            size => u64::from(size),
        };
        if size < 8 {
            break;
        }
        let end = at.saturating_add(size);
        found.push(([e, f, g, h], at..end));
        at = end;
    }
    found
}

/// Chunks of AVI, those of all its RIFF parts. A recorder that was stopped leaves sizes of 0, which say nothing.
fn avi(file: &mut impl Bytes) -> Option<String> {
    let length = file.length();
    let mut at = 0;
    let mut head = [0; 8];
    while at + 8 <= length && file.read(at, &mut head) {
        let [id @ .., a, b, c, d] = head;
        let size = u32::from_le_bytes([a, b, c, d]);
        if !id.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
            || matches!(size, 0 | u32::MAX)
        {
            return None;
        }
        if &id == b"RIFF" {
            // Its chunks follow the four letters of its kind.
            at += 12;
            continue;
        }
        let end = at + 8 + u64::from(size);
        let part = format!("the chunk `{}`", String::from_utf8_lossy(&id));
        if let Some(short) = cut(&part, end, length) {
            return Some(short);
        }
        at = end + end % 2;
    }
    None
}

/// Packets of an MPEG transport stream, with a time before or a check sum after them or without.
fn mpegts(file: &mut impl Bytes) -> Option<String> {
    let mut byte = [0];
    let mut is_sync = |at: u64| file.read(at, &mut byte) && byte[0] == 0x47;
    let packet = [(188, 0), (192, 4), (204, 0)].into_iter().find(|&(packet, lead)| {
        is_sync(lead) && is_sync(lead + packet) && is_sync(lead + 2 * packet)
    })?;
    let length = file.length();
    let whole = length.next_multiple_of(packet.0);
    cut("its last transport packet", whole, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Bytes for Vec<u8> {
        fn length(&self) -> u64 {
            self.len() as u64
        }

        fn read(&mut self, at: u64, out: &mut [u8]) -> bool {
            let from = usize::try_from(at).expect("a short file");
            let part = self.get(from..from + out.len());
            part.is_some_and(|part| {
                out.copy_from_slice(part);
                true
            })
        }
    }

    /// Which lengths of a file are taken for cut ones.
    fn cuts(container: &str, file: &[u8]) -> Vec<usize> {
        let short = |length: &usize| shortfall(container, &mut file[..*length].to_vec()).is_some();
        (1..=file.len()).filter(short).collect()
    }

    fn join(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn a_segment_of_matroska_tells_its_end() {
        let header = [0x1a, 0x45, 0xdf, 0xa3, 0x82, 1, 2];
        let segment = [0x18, 0x53, 0x80, 0x67, 0x88, 0x1f, 0x43, 0xb6, 0x75, 0x83, 9, 9, 9];
        let file = join(&[&header, &segment]);
        // From its size on the segment is known; the header of the file is five bytes of seven.
        let expected: Vec<usize> = [5, 6].into_iter().chain(12..20).collect();
        assert_eq!(cuts("matroska,webm", &file), expected);
        assert_eq!(shortfall("matroska,webm", &mut join(&[&file, b"tail"])), None);
    }

    #[test]
    fn a_live_recording_of_matroska_is_followed_into_its_clusters() {
        let segment = [0x18, 0x53, 0x80, 0x67, 0x01, 255, 255, 255, 255, 255, 255, 255];
        let cluster = [0x1f, 0x43, 0xb6, 0x75, 0xff];
        let block = [0xa3, 0x84, 1, 2, 3, 4];
        let file = join(&[&segment, &cluster, &block, &cluster, &block]);
        assert_eq!(cuts("matroska,webm", &file), [19, 20, 21, 22, 30, 31, 32, 33]);
    }

    #[test]
    fn only_the_index_of_a_fragment_is_looked_for_in_mp4() {
        let ftyp = [0, 0, 0, 16, b'f', b't', b'y', b'p', 0, 0, 0, 0, 0, 0, 0, 0];
        let moof = [0, 0, 0, 20, b'm', b'o', b'o', b'f', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mdat = [0, 0, 0, 18, b'm', b'd', b'a', b't', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let file = join(&[&ftyp, &moof, &mdat]);
        let expected: Vec<usize> = (24..36).collect();
        assert_eq!(cuts("mov,mp4,m4a,3gp,3g2,mj2", &file), expected);
        assert_eq!(shortfall("mov,mp4,m4a", &mut vec![0; 64]), None);
    }

    #[test]
    fn a_cut_header_of_mp4_is_known() {
        let ftyp = [0, 0, 0, 16, b'f', b't', b'y', b'p', 0, 0, 0, 0, 0, 0, 0, 0];
        let moov = [0, 0, 0, 20, b'm', b'o', b'o', b'v', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let file = join(&[&ftyp, &moov]);
        let is_cut = |file: &[u8]| cut_header(&mut file.to_vec()).is_some();
        let cuts: Vec<usize> = (1..=file.len()).filter(|&end| is_cut(&file[..end])).collect();
        // Before byte 8 there is no box, and nothing that tells an MP4 file.
        assert_eq!(cuts, (8..36).collect::<Vec<_>>());
        let told = |file: &[u8]| cut_header(&mut file.to_vec()).unwrap_or_default();
        assert!(told(&file[..12]).contains("cut: `ftyp` ends at byte 16, the file at byte 12"));
        assert!(told(&file[..16]).starts_with("it has no header, `moov`"));
        let stopped = join(&[&ftyp, b"\0\0\0\0mdatframes", &[0; 9]]);
        assert!(told(&stopped).starts_with("it has no header, `moov`"));
        assert!(!is_cut(&join(&[&ftyp, b"\0\0\0\x05what is this", &moov])));
        assert!(!is_cut(&join(&[b"\0\0\0\x10text and more text", &moov])));
    }

    #[test]
    fn chunks_of_avi_tell_their_ends_unless_the_recorder_was_stopped() {
        let list = b"RIFF\x20\0\0\0AVI LIST\x05\0\0\0hdrl\x01\0LIST\x06\0\0\0movi\x01\x02";
        assert_eq!(cuts("avi", list), (20..25).chain(34..40).collect::<Vec<_>>());
        let mut stopped = list.to_vec();
        stopped[30] = 0;
        assert_eq!(shortfall("avi", &mut stopped), None);
    }

    #[test]
    fn a_transport_stream_ends_with_a_packet() {
        for (packet, lead) in [(188, 0), (192, 4), (204, 0)] {
            let mut one = vec![0; packet];
            one[lead] = 0x47;
            let file = one.repeat(4);
            assert_eq!(shortfall("mpegts", &mut file.clone()), None);
            assert!(shortfall("mpegts", &mut file[..packet * 4 - 7].to_vec()).is_some());
        }
    }
}
