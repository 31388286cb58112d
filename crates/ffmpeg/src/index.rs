//! Which frames a stream holds, in display order, and where decoding can start.

use std::ffi::c_int;

use ff::ffi;
use ff::packet::Ref;
use ffmpeg_next as ff;

use crate::bitstream::Checker;
use crate::failure::describe;
use crate::input::Input;
use crate::log;
use crate::order::{Order, Shown};

/// A packet at which decoding can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// When its frame is shown, in the stream's unit.
    pub pts: i64,
    /// What the container is asked for to get there.
    pub target: i64,
}

/// Which frames may be left out without changing others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Skips {
    /// None.
    #[default]
    Never,
    /// Those that no other refers to.
    Unneeded,
    /// The same, once every picture has its own packet (MPEG-4 "packed bitstream").
    Unpacked,
}

/// What the frames of an index are known by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Packets, each of which makes one frame.
    Packets,
    /// Anything else: a frame may be made of several packets.
    #[default]
    Other,
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
    /// What the frames are known by; not saved.
    pub(crate) made_of: Source,
    /// Packets come in the order in which their frames are shown; not saved.
    pub(crate) is_in_order: bool,
    /// Frames can be recognised by their time after a seek.
    pub seekable: bool,
    /// Which frames may be left out on the way to the wanted one.
    pub skips: Skips,
    /// What is wrong with the file, as far as its packets show.
    pub damage: Option<String>,
    /// Frames that the container announces.
    pub expected: Option<usize>,
    /// Frames that no other refers to, as far as the packets show it; not saved.
    pub(crate) spare: usize,
    /// Times that were found for packets without one: (decoding time, time of the frame), rising.
    pub(crate) times: Vec<(i64, i64)>,
}

/// What a container is asked for to get to a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// Its presentation time.
    Presentation,
    /// Its decoding time.
    Decoding,
    /// Its decoding time, which is all that the container has; the order of display is found from the packets.
    Number,
}

/// What the packets so far have shown.
struct Walk {
    checker: Checker,
    /// Follows MPEG-4 part 2.
    order: Option<Order>,
    target: Target,
    packets: usize,
    is_sure: bool,
    is_timed: bool,
}

impl Walk {
    fn new(input: &Input) -> Self {
        let parameters = input.parameters();
        let is_mpeg4 = parameters.codec_id == ffi::AVCodecID::AV_CODEC_ID_MPEG4;
        // Fields may come in packets of their own, two to a frame.
        let is_sure = matches!(
            parameters.field_order,
            ffi::AVFieldOrder::AV_FIELD_UNKNOWN | ffi::AVFieldOrder::AV_FIELD_PROGRESSIVE
        );
        Self {
            checker: Checker::new(input.stream().parameters().id(), input.extradata()),
            order: is_mpeg4.then(|| Order::new(input.extradata())),
            target: match input.seeks_by_pts() {
                true => Target::Presentation,
                false if is_mpeg4 && input.has_no_times() => Target::Number,
                false => Target::Decoding,
            },
            packets: 0,
            is_sure,
            is_timed: true,
        }
    }

    fn take(&mut self, packet: &ff::Packet, index: &mut Index) {
        let data = packet.data().unwrap_or_default();
        self.is_sure &= !packet.is_corrupt() && (self.packets > 0 || packet.is_key());
        self.packets += 1;
        if packet.is_corrupt() {
            index.damage.get_or_insert_with(|| format!("packet {} is incomplete", self.packets));
        }
        if let Some(order) = &mut self.order {
            order.push(packet.dts(), data);
        }
        if self.target == Target::Number {
            return;
        }
        self.is_sure &= self.checker.is_one_picture(data);
        let Some(pts) = packet.pts() else {
            self.is_timed = false;
            return;
        };
        if packet.is_key() {
            let decoding = packet.dts().filter(|_| self.target == Target::Decoding);
            index.keys.push(Key { pts, target: decoding.unwrap_or(pts) });
        }
        // Packets outside an edit list are decoded and not shown. The wrapper's flags lack this one.
        // SAFETY: the packet lives.
        let flags = unsafe { (*packet.as_ptr()).flags };
        if flags & ffi::AV_PKT_FLAG_DISCARD as c_int == 0 {
            index.stamps.push(pts);
        }
    }
}

impl Index {
    /// Reads all packets of the stream, from where it stands (the start) to the end, without decoding.
    pub fn read(input: &mut Input) -> Self {
        log::clear();
        let mut index = Self::default();
        let mut walk = Walk::new(input);
        loop {
            match input.read() {
                Ok(Some(packet)) => {
                    if walk.packets == 0 && !input.look(&packet) {
                        walk.is_sure = false;
                        break;
                    }
                    walk.take(&packet, &mut index);
                }
                Ok(None) => break,
                Err(code) => {
                    index.damage = Some(describe(code));
                    walk.is_sure = false;
                    break;
                }
            }
        }
        let mut skips = if walk.checker.may_skip() { Skips::Unneeded } else { Skips::Never };
        let mut may_seek = true;
        index.spare = walk.checker.spare();
        if let Some(order) = walk.order {
            may_seek = order.may_seek();
            index.spare = order.spare();
            if order.is_packed() {
                // Where packets have times, those of two pictures in one cannot be trusted.
                let is_known = walk.target == Target::Number;
                skips = if is_known { Skips::Unpacked } else { Skips::Never };
            }
            if walk.target == Target::Number {
                walk.is_timed = index.number(order.finish());
            }
        }
        index.finish(walk.is_timed, walk.is_sure, skips);
        index.seekable &= may_seek;
        index.expected = input.announced_frames();
        index.damage = input.shortfall().or(index.damage);
        index
    }

    /// Gives the frames their place in display order for a time; false when it is not known.
    fn number(&mut self, shown: Option<Vec<Shown>>) -> bool {
        let Some(shown) = shown else { return false };
        if !shown.windows(2).all(|pair| pair[0].dts < pair[1].dts) {
            return false;
        }
        self.stamps = shown.iter().map(|frame| frame.rank).collect();
        let keys = shown.iter().filter(|frame| frame.is_key);
        self.keys = keys.map(|frame| Key { pts: frame.rank, target: frame.dts }).collect();
        self.times = shown.iter().map(|frame| (frame.dts, frame.rank)).collect();
        true
    }

    /// The time to give a packet before it is decoded, where the container's own is of no use.
    pub fn time_of(&self, dts: Option<i64>) -> Option<i64> {
        let place = self.times.binary_search_by_key(&dts?, |time| time.0).ok()?;
        Some(self.times[place].1)
    }

    fn finish(&mut self, timed: bool, sure: bool, skips: Skips) {
        self.is_in_order = self.stamps.is_sorted();
        self.stamps.sort_unstable();
        self.keys.sort_unstable_by_key(|key| key.pts);
        let distinct = self.stamps.windows(2).all(|pair| pair[0] < pair[1]);
        // Frames shown before the first key frame cannot always be decoded.
        let reachable = match (self.stamps.first(), self.keys.first()) {
            (Some(&stamp), Some(key)) => key.pts <= stamp,
            _ => false,
        };
        self.is_sure = timed && distinct && reachable && sure;
        self.made_of = if self.is_sure { Source::Packets } else { Source::Other };
        self.seekable = timed && distinct && !self.keys.is_empty();
        self.skips = skips;
    }

    /// Takes the times of the frames that a full decode gave.
    pub fn replace(&mut self, stamps: &[Option<i64>]) {
        let known: Option<Vec<i64>> = stamps.iter().copied().collect();
        let rising =
            known.as_ref().is_some_and(|known| known.windows(2).all(|pair| pair[0] < pair[1]));
        self.seekable &= rising;
        self.stamps = known.unwrap_or_else(|| vec![i64::MIN; stamps.len()]);
        self.is_sure = true;
        self.made_of = Source::Other;
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
        index.finish(true, true, Skips::Unneeded);
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
