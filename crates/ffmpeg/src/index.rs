//! Which frames a stream holds, in display order, and where decoding can start.

use ff::ffi;
use ffmpeg_next as ff;

use crate::bitstream::Checker;
use crate::input::Input;

/// A packet at which decoding can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// When its frame is shown, in the stream's unit.
    pub pts: i64,
    /// What the container is asked for to get there.
    pub target: i64,
}

/// The frames of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Time of each frame in the stream's unit, rising.
    pub stamps: Vec<i64>,
    /// Where decoding can start, rising.
    pub keys: Vec<Key>,
    /// Every packet is known to make one frame with its own time, so `stamps` are the frames that decode.
    pub is_sure: bool,
    /// Frames can be recognised by their time after a seek.
    pub seekable: bool,
    /// Frames that no other needs may be left out on the way to the wanted one.
    pub may_skip: bool,
}

impl Index {
    /// Reads all packets of the stream, from where it stands (the start) to the end, without decoding.
    pub fn read(input: &mut Input) -> Self {
        let field_order = input.parameters().field_order;
        let mut checker = Checker::new(input.stream().parameters().id(), input.extradata());
        // Fields may come in packets of their own, two to a frame.
        let mut sure = matches!(
            field_order,
            ffi::AVFieldOrder::AV_FIELD_UNKNOWN | ffi::AVFieldOrder::AV_FIELD_PROGRESSIVE
        );
        let mut timed = true;
        let mut index = Self::default();
        let by_pts = input.seeks_by_pts();
        let mut first = true;
        loop {
            let packet = match input.read() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(_) => {
                    sure = false;
                    break;
                }
            };
            sure &= !packet.is_corrupt()
                && packet.data().is_some_and(|data| checker.is_one_picture(data));
            sure &= !first || packet.is_key();
            first = false;
            let Some(pts) = packet.pts() else {
                timed = false;
                continue;
            };
            if packet.is_key() {
                let target = if by_pts { pts } else { packet.dts().unwrap_or(pts) };
                index.keys.push(Key { pts, target });
            }
            // Packets outside an edit list are decoded and not shown.
            if packet.flags().bits() & ffi::AV_PKT_FLAG_DISCARD == 0 {
                index.stamps.push(pts);
            }
        }
        index.finish(timed, sure, checker.may_skip());
        index
    }

    fn finish(&mut self, timed: bool, sure: bool, may_skip: bool) {
        self.stamps.sort_unstable();
        self.keys.sort_unstable_by_key(|key| key.pts);
        let distinct = self.stamps.windows(2).all(|pair| pair[0] < pair[1]);
        // Frames shown before the first key frame cannot always be decoded.
        let reachable = match (self.stamps.first(), self.keys.first()) {
            (Some(&stamp), Some(key)) => key.pts <= stamp,
            _ => false,
        };
        self.is_sure = timed && distinct && reachable && sure;
        self.seekable = timed && distinct && !self.keys.is_empty();
        self.may_skip = may_skip;
    }

    /// Takes the times of the frames that a full decode gave.
    pub fn replace(&mut self, stamps: &[Option<i64>]) {
        let known: Option<Vec<i64>> = stamps.iter().copied().collect();
        let rising =
            known.as_ref().is_some_and(|known| known.windows(2).all(|pair| pair[0] < pair[1]));
        self.seekable &= rising;
        self.stamps = known.unwrap_or_else(|| vec![i64::MIN; stamps.len()]);
        self.is_sure = true;
    }

    /// The last place to start decoding for a frame shown at `stamp`.
    pub fn key_before(&self, stamp: i64) -> Option<Key> {
        let after = self.keys.partition_point(|key| key.pts <= stamp);
        after.checked_sub(1).map(|last| self.keys[last])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(stamps: &[i64], keys: &[i64]) -> Index {
        let mut index = Index {
            stamps: stamps.to_vec(),
            keys: keys.iter().map(|&pts| Key { pts, target: pts - 2 }).collect(),
            ..Index::default()
        };
        index.finish(true, true, true);
        index
    }

    #[test]
    fn decoding_starts_at_the_last_key_frame_that_is_not_later() {
        let index = index(&[0, 3, 1, 2, 4, 6, 5], &[4, 0]);
        assert!(index.is_sure && index.seekable);
        assert_eq!(index.stamps, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(index.key_before(3), Some(Key { pts: 0, target: -2 }));
        assert_eq!(index.key_before(4), Some(Key { pts: 4, target: 2 }));
        assert_eq!(index.key_before(-1), None);
    }

    #[test]
    fn equal_times_and_leading_frames_make_an_index_unsure() {
        assert!(!index(&[0, 1, 1], &[0]).seekable);
        assert!(!index(&[0, 1, 2], &[1]).is_sure);
        assert!(!index(&[], &[]).is_sure);
    }

    #[test]
    fn frames_without_a_time_are_counted_and_not_sought() {
        let mut index = index(&[0, 1, 2], &[0]);
        index.replace(&[Some(0), None]);
        assert!(index.is_sure && !index.seekable);
        assert_eq!(index.stamps.len(), 2);
    }
}
