//! Which frame each packet of MPEG-4 part 2 makes and in which order they are shown, where the container has no times.
//!
//! AVI numbers packets and says nothing about display. The coding types of the pictures do (ISO/IEC 14496-2): a picture
//! that others refer to is shown when the next such picture comes, a B picture at once. Packets that hold two pictures,
//! the second for a later packet without one ("packed bitstream" of DivX and Xvid), are followed as FFmpeg's decoder does.

use std::mem;

/// How a picture is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Intra,
    Predicted,
    Bidirectional,
}

/// A picture in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plane {
    kind: Kind,
    /// The packet holds its content; otherwise it stands for a repeated or a packed picture.
    is_coded: bool,
}

/// Bytes of the longest packet that can only stand for a picture.
const PLACE_HOLDER: usize = 7;

/// What the headers of the stream say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layer {
    /// Pictures may come in another order than they are shown in; `None` where it is left open.
    reorders: Option<bool>,
    /// Bits of a picture's time.
    time_bits: u32,
    is_interlaced: bool,
}

/// A frame that a packet makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The packet's number in the container (its decoding time).
    pub dts: i64,
    /// Place in display order, from 0.
    pub rank: i64,
    /// Decoding can start at this packet.
    pub is_key: bool,
}

/// Follows the packets of one stream from its start.
#[derive(Debug, Default)]
pub struct Order {
    layer: Option<Layer>,
    is_packed: bool,
    /// The picture kept from the packet before.
    kept: Option<Plane>,
    frames: Vec<(i64, Kind, bool)>,
    has_b: bool,
    is_lost: bool,
}

impl Order {
    /// For a stream; `extradata` holds its headers if the container has them.
    pub fn new(extradata: &[u8]) -> Self {
        let mut order = Self::default();
        order.headers(extradata);
        order
    }

    /// Takes the next packet.
    pub fn push(&mut self, dts: Option<i64>, packet: &[u8]) {
        let (Some(dts), false) = (dts, self.is_lost) else {
            self.is_lost = true;
            return;
        };
        if self.frames.is_empty() {
            self.headers(packet);
        }
        let Some(planes) = self.planes(packet) else {
            self.is_lost = true;
            return;
        };
        self.has_b |= planes.iter().any(|plane| plane.kind == Kind::Bidirectional);
        // A kept picture takes the place of the packet's own, which is kept in turn if it is one.
        let kept = self.kept.is_some();
        let (made, rest) = match (mem::take(&mut self.kept), planes.as_slice()) {
            (Some(before), rest) => (Some(before), rest),
            (None, [first, rest @ ..]) => (Some(*first), rest),
            (None, []) => {
                self.is_lost = true;
                return;
            }
        };
        match *rest {
            [] => {}
            [next] if self.is_packed => {
                // The decoder does not look for a picture in so few bytes.
                let is_kept = next.kind != Kind::Predicted && packet.len() > PLACE_HOLDER;
                self.kept = is_kept.then_some(next);
                // What is not kept is a place holder, or else a picture that is lost.
                self.is_lost |= !is_kept && next.is_coded;
            }
            _ => self.is_lost = true,
        }
        if let Some(plane) = made.filter(|plane| plane.is_coded) {
            self.frames.push((dts, plane.kind, plane.kind == Kind::Intra && !kept));
        }
    }

    /// Packets may hold a second picture, which the decoder keeps only when it decodes the first.
    pub fn is_packed(&self) -> bool {
        self.is_packed
    }

    /// Pictures so far that no other refers to.
    pub fn spare(&self) -> usize {
        self.frames.iter().filter(|frame| frame.1 == Kind::Bidirectional).count()
    }

    /// Frames come out the same wherever decoding starts.
    ///
    /// FFmpeg measures the distance of fields at the first B picture that it meets, with any reference before it.
    pub fn may_seek(&self) -> bool {
        self.layer.is_some_and(|layer| !layer.is_interlaced || !(self.has_b || self.is_lost))
    }

    /// The frames in the order of their packets; `None` when any packet was not understood.
    pub fn finish(self) -> Option<Vec<Shown>> {
        let reorders = self.layer.and_then(|layer| layer.reorders);
        // Without a word on the order the decoder changes its mind at the first B picture.
        if self.is_lost || (self.has_b && reorders != Some(true)) {
            return None;
        }
        let mut shown: Vec<Shown> =
            (self.frames.iter()).map(|&(dts, _, is_key)| Shown { dts, rank: 0, is_key }).collect();
        let (mut rank, mut waiting) = (0, None);
        for (place, frame) in self.frames.iter().enumerate() {
            let now = match frame.1 {
                Kind::Bidirectional => Some(place),
                Kind::Intra | Kind::Predicted => waiting.replace(place),
            };
            if let Some(now) = now {
                shown[now].rank = rank;
                rank += 1;
            }
        }
        if let Some(last) = waiting {
            shown[last].rank = rank;
        }
        Some(shown)
    }

    /// Reads what stands before the first picture.
    fn headers(&mut self, data: &[u8]) {
        for (code, content) in parts(data) {
            match code {
                0x20..=0x2f => self.layer = layer(content),
                0xb2 => self.is_packed |= is_packed(content),
                0xb6 => break,
                _ => {}
            }
        }
    }

    /// The pictures of a packet; `None` where one cannot be read.
    fn planes(&self, packet: &[u8]) -> Option<Vec<Plane>> {
        let time_bits = self.layer?.time_bits;
        let pictures = parts(packet).filter(|&(code, _)| code == 0xb6);
        pictures.map(|(_, content)| plane(content, time_bits)).collect()
    }
}

/// Start codes and what follows each, up to the end.
fn parts(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    data.windows(4)
        .enumerate()
        .filter(|(_, code)| code[..3] == [0, 0, 1])
        .map(|(at, code)| (code[3], &data[at + 4..]))
}

/// Bits from the highest to the lowest.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.data.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }
}

/// Reads a video object layer (ISO/IEC 14496-2, 6.2.3) up to its first flag of coding.
fn layer(content: &[u8]) -> Option<Layer> {
    const EXTENDED_ASPECT: u32 = 15;
    const VBV_BITS: u32 = 79;
    const SIDE_BITS: u32 = 13;
    let mut bits = Bits { data: content, at: 0 };
    bits.take(1 + 8)?;
    if bits.take(1)? == 1 {
        bits.take(4 + 3)?;
    }
    if bits.take(4)? == EXTENDED_ASPECT {
        bits.take(16)?;
    }
    let mut reorders = None;
    if bits.take(1)? == 1 {
        bits.take(2)?;
        reorders = Some(bits.take(1)? == 0);
        if bits.take(1)? == 1 {
            bits.take(VBV_BITS)?;
        }
    }
    let is_rectangle = bits.take(2)? == 0;
    bits.take(1)?;
    let resolution = bits.take(16)?;
    let time_bits = (u32::BITS - resolution.saturating_sub(1).leading_zeros()).max(1);
    bits.take(1)?;
    if bits.take(1)? == 1 {
        bits.take(time_bits)?;
    }
    bits.take(1 + SIDE_BITS + 1 + SIDE_BITS + 1)?;
    let is_interlaced = bits.take(1)? == 1;
    is_rectangle.then_some(Layer { reorders, time_bits, is_interlaced })
}

/// Reads the beginning of a video object plane (ISO/IEC 14496-2, 6.2.5).
fn plane(content: &[u8], time_bits: u32) -> Option<Plane> {
    let mut bits = Bits { data: content, at: 0 };
    let kind = match bits.take(2)? {
        0 => Kind::Intra,
        2 => Kind::Bidirectional,
        _ => Kind::Predicted,
    };
    while bits.take(1)? == 1 {}
    bits.take(1 + time_bits + 1)?;
    Some(Plane { kind, is_coded: bits.take(1)? == 1 })
}

/// Whether an encoder's name is one of `DivX503b1393p` and the like, whose `p` announces packed pictures.
fn is_packed(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b"DivX") else { return false };
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &rest[digits(rest)..];
    let Some(rest) = rest.strip_prefix(b"Build").or_else(|| rest.strip_prefix(b"b")) else {
        return false;
    };
    rest.get(digits(rest)) == Some(&b'p')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A layer of 25 ticks (5 bits) that reorders, after an encoder's name.
    fn headers(name: &str) -> Vec<u8> {
        // 0 00000001 0 0001 1 01 0 0 00 1 0000000000011001 1 0 1 0000001000000 1 0000000110000 1 0, and ones
        let layer = [0, 0, 1, 0x20, 0x00, 0x86, 0x84, 0x00, 0x66, 0x81, 0x02, 0x03, 0x0b];
        [b"\0\0\x01\xb2".as_slice(), name.as_bytes(), b"\0", &layer].concat()
    }

    /// A picture of a kind (0 I, 1 P, 2 B), coded or not.
    fn picture(kind: u8, is_coded: bool) -> Vec<u8> {
        vec![0, 0, 1, 0xb6, kind << 6 | 0x10, 0x5f | u8::from(is_coded) << 5, 0x7f, 0x7f]
    }

    fn ranks(name: &str, packets: &[Vec<u8>]) -> Option<Vec<(i64, i64, bool)>> {
        let mut order = Order::new(&headers(name));
        for (dts, packet) in packets.iter().enumerate() {
            order.push(Some(dts as i64), packet);
        }
        let shown = order.finish()?;
        Some(shown.iter().map(|frame| (frame.dts, frame.rank, frame.is_key)).collect())
    }

    #[test]
    fn the_layer_is_read() {
        let order = Order::new(&headers("Lavc59"));
        assert_eq!(
            order.layer,
            Some(Layer { reorders: Some(true), time_bits: 5, is_interlaced: false })
        );
        assert!(!order.is_packed);
        let names = [("DivX503b1393p", true), ("DivX503b1393", false), ("DivX5Build2p", true)];
        for (name, expected) in names {
            assert_eq!(Order::new(&headers(name)).is_packed, expected, "{name}");
        }
    }

    #[test]
    fn b_pictures_are_shown_before_the_picture_that_came_before_them() {
        let [i, p, b] = [0, 1, 2].map(|kind| picture(kind, true));
        let shown = ranks("", &[i, p.clone(), b.clone(), p, b]);
        let expected = [(0, 0, true), (1, 2, false), (2, 1, false), (3, 4, false), (4, 3, false)];
        assert_eq!(shown.expect("understood"), expected);
    }

    #[test]
    fn a_packet_without_content_makes_no_frame() {
        let [i, p] = [0, 1].map(|kind| picture(kind, true));
        let shown = ranks("", &[i, picture(1, false), p]);
        assert_eq!(shown.expect("understood"), [(0, 0, true), (2, 1, false)]);
    }

    #[test]
    fn packed_pictures_come_out_of_the_packet_after() {
        let [i, p, b] = [0, 1, 2].map(|kind| picture(kind, true));
        let none = picture(1, false);
        let packets = [
            i.clone(),
            [p.clone(), b.clone()].concat(),
            b.clone(),
            none.clone(),
            [i.clone(), b.clone()].concat(),
            none.clone(),
        ];
        let expected = [
            (0, 0, true),
            (1, 3, false),
            (2, 1, false),
            (3, 2, false),
            (4, 5, true),
            (5, 4, false),
        ];
        assert_eq!(ranks("DivX503b1393p", &packets).expect("understood"), expected);
        assert_eq!(ranks("Lavc59", &packets), None, "two pictures without the mark");
        assert_eq!(
            ranks("DivX503b1393p", &[i, [p, b].concat(), none.clone(), none]).map(|f| f.len()),
            Some(3)
        );
    }

    #[test]
    fn what_is_not_understood_gives_no_order() {
        let [i, p, b] = [0, 1, 2].map(|kind| picture(kind, true));
        assert_eq!(ranks("", &[i.clone(), vec![1, 2, 3]]), None);
        assert_eq!(ranks("DivX503b1393p", &[i.clone(), [p.clone(), p, b].concat()]), None);
        let mut order = Order::new(&[]);
        order.push(Some(0), &i);
        assert_eq!(order.finish(), None, "no layer");
        let mut order = Order::new(&headers(""));
        order.push(None, &i);
        assert_eq!(order.finish(), None, "no number");
    }
}
