//! Cheap looks into packets: does each one hold exactly one sound picture?
//!
//! An index made from packets is only right when every packet decodes to one frame. Decoding everything to find out is
//! slow, so the structure of the packets is checked instead; a stream that fails is counted by decoding it.

use ffmpeg_next::codec::Id;

/// How the packets of a codec are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// H.264 in length-prefixed units (ISO/IEC 14496-15).
    H264 { prefix: usize },
    /// H.265 in length-prefixed units (ISO/IEC 14496-15).
    Hevc { prefix: usize },
    /// H.264 with start codes: FFmpeg finds the units again after damage.
    H264StartCodes,
    /// MPEG-4 part 2, whose packets may hold several pictures or an empty one.
    Mpeg4,
    /// Codecs whose packet is one picture by definition.
    OnePicture,
    /// Anything else.
    Unknown,
}

/// Checks the packets of one stream, in the order of the file.
#[derive(Debug)]
pub struct Checker {
    layout: Layout,
    layers: bool,
    spare: usize,
}

impl Checker {
    /// A checker for a codec; `extradata` is the configuration record of the container.
    pub fn new(codec: Id, extradata: &[u8]) -> Self {
        let prefixed = extradata.first() == Some(&1);
        let layout = match codec {
            Id::H264 if prefixed && extradata.len() > 4 => {
                Layout::H264 { prefix: usize::from(extradata[4] & 3) + 1 }
            }
            Id::H264 => Layout::H264StartCodes,
            Id::HEVC if prefixed && extradata.len() > 21 => {
                Layout::Hevc { prefix: usize::from(extradata[21] & 3) + 1 }
            }
            Id::MPEG4 => Layout::Mpeg4,
            Id::AV1
            | Id::VP9
            | Id::MJPEG
            | Id::PRORES
            | Id::DNXHD
            | Id::FFV1
            | Id::HUFFYUV
            | Id::RAWVIDEO => Layout::OnePicture,
            _ => Layout::Unknown,
        };
        Self { layout, layers: false, spare: 0 }
    }

    /// Whether the packet is sound and makes exactly one frame.
    pub fn is_one_picture(&mut self, packet: &[u8]) -> bool {
        match self.layout {
            Layout::H264 { prefix } => {
                let (mut pictures, mut needed) = (false, false);
                let sound = units(packet, prefix, |unit| {
                    let is_slice = matches!(unit[0] & 0x1f, 1 | 5);
                    pictures |= is_slice;
                    needed |= is_slice && unit[0] & 0x60 != 0;
                    unit[0] & 0x80 == 0
                });
                self.spare += usize::from(pictures && !needed);
                sound && pictures
            }
            Layout::Hevc { prefix } => self.is_hevc_picture(packet, prefix),
            Layout::Mpeg4 => is_mpeg4_picture(packet),
            Layout::H264StartCodes | Layout::OnePicture => true,
            Layout::Unknown => false,
        }
    }

    /// Whether frames that no other refers to may be left undecoded without changing the others.
    ///
    /// A "non-reference" picture of H.265 is one for its own temporal layer only; upper layers may still refer to it.
    pub fn may_skip(&self) -> bool {
        match self.layout {
            Layout::H264 { .. } | Layout::H264StartCodes | Layout::Mpeg4 => true,
            Layout::Hevc { .. } => !self.layers,
            Layout::OnePicture | Layout::Unknown => false,
        }
    }

    /// Whether pictures that no other refers to are known as such without a decoder.
    pub fn knows_spare(&self) -> bool {
        matches!(self.layout, Layout::H264 { .. })
    }

    /// Whether the packet holds a picture that no other refers to, and nothing that the decoder keeps for later ones.
    pub fn is_spare_alone(&self, packet: &[u8]) -> bool {
        const DELIMITER: u8 = 9;
        const FILLER: u8 = 12;
        let Layout::H264 { prefix } = self.layout else { return false };
        let mut pictures = false;
        let sound = units(packet, prefix, |unit| match unit[0] & 0x1f {
            1 => {
                pictures = true;
                unit[0] & 0xe0 == 0
            }
            kind => matches!(kind, DELIMITER | FILLER),
        });
        sound && pictures
    }

    /// Pictures so far that no other refers to, where that is seen without decoding.
    pub fn spare(&self) -> usize {
        self.spare
    }

    fn is_hevc_picture(&mut self, packet: &[u8], prefix: usize) -> bool {
        let mut pictures = false;
        let mut layers = false;
        let sound = units(packet, prefix, |unit| {
            let kind = (unit[0] >> 1) & 0x3f;
            pictures |= kind < 32;
            layers |= kind < 32 && unit.get(1).is_some_and(|byte| byte & 7 > 1);
            // After a broken link (16..=18) or an end of sequence (36) the leading pictures are not shown.
            unit[0] & 0x80 == 0 && !matches!(kind, 16..=18 | 36)
        });
        self.layers |= layers;
        sound && pictures
    }
}

/// Walks length-prefixed units; false when a length does not fit or `each` says so.
fn units(packet: &[u8], prefix: usize, mut each: impl FnMut(&[u8]) -> bool) -> bool {
    let mut rest = packet;
    while !rest.is_empty() {
        let Some((length, tail)) = rest.split_at_checked(prefix) else { return false };
        let length = length.iter().fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte));
        let Some((unit, tail)) = tail.split_at_checked(length) else { return false };
        if unit.is_empty() || !each(unit) {
            return false;
        }
        rest = tail;
    }
    true
}

/// One video object plane, and more than the few bytes of a plane that is not coded.
fn is_mpeg4_picture(packet: &[u8]) -> bool {
    const NOT_CODED: usize = 16;
    packet.len() > NOT_CODED
        && packet.windows(4).filter(|&code| code == [0, 0, 1, 0xb6]).count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const AVC: [u8; 5] = [1, 100, 0, 31, 0xff];

    #[test]
    fn sound_units_make_one_picture_and_damaged_lengths_do_not() {
        let mut checker = Checker::new(Id::H264, &AVC);
        assert!(checker.may_skip());
        assert!(checker.is_one_picture(&[0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 0x06]));
        assert_eq!(checker.spare(), 0);
        assert!(checker.is_one_picture(&[0, 0, 0, 2, 0x01, 1]));
        assert_eq!(checker.spare(), 1, "no other refers to it");
        assert!(
            !checker.is_one_picture(&[0, 0, 0, 1, 0x06]),
            "a packet without a slice shows nothing"
        );
        assert!(!checker.is_one_picture(&[0xff, 0xff, 0xff, 0xff, 0x65]));
        assert!(!checker.is_one_picture(&[0, 0, 0, 0, 0x65]));
        assert!(!checker.is_one_picture(&[0, 0]));
    }

    #[test]
    fn a_packet_is_left_out_only_when_it_holds_nothing_else() {
        let checker = Checker::new(Id::H264, &AVC);
        assert!(checker.knows_spare());
        assert!(checker.is_spare_alone(&[0, 0, 0, 2, 0x09, 0xf0, 0, 0, 0, 2, 0x01, 1]));
        let refused: [&[u8]; 6] = [
            &[0, 0, 0, 2, 0x21, 1],
            &[0, 0, 0, 2, 0x01, 1, 0, 0, 0, 2, 0x41, 1],
            &[0, 0, 0, 2, 0x06, 1, 0, 0, 0, 2, 0x01, 1],
            &[0, 0, 0, 2, 0x09, 0xf0],
            &[0, 0, 0, 3, 0x01, 1],
            &[],
        ];
        for packet in refused {
            assert!(!checker.is_spare_alone(packet), "{packet:?}");
        }
        assert!(!Checker::new(Id::H264, &[]).is_spare_alone(&[0, 0, 1, 1, 1]), "start codes");
    }

    #[test]
    fn temporal_layers_of_hevc_forbid_skipping() {
        let mut record = [0_u8; 23];
        (record[0], record[21]) = (1, 3);
        let mut checker = Checker::new(Id::HEVC, &record);
        assert!(checker.is_one_picture(&[0, 0, 0, 3, 0x02, 0x01, 0]));
        assert!(checker.may_skip());
        assert!(checker.is_one_picture(&[0, 0, 0, 3, 0x02, 0x02, 0]));
        assert!(!checker.may_skip());
        assert!(
            !checker.is_one_picture(&[0, 0, 0, 3, 0x20, 0x01, 0]),
            "a broken link hides pictures"
        );
    }

    #[test]
    fn packed_and_empty_planes_of_mpeg4_are_told_apart() {
        let mut checker = Checker::new(Id::MPEG4, &[]);
        let plane = [[0, 0, 1, 0xb6].as_slice(), &[7; 20]].concat();
        assert!(checker.is_one_picture(&plane));
        assert!(!checker.is_one_picture(&plane[..7]));
        assert!(!checker.is_one_picture(&[plane.clone(), plane].concat()));
    }
}
