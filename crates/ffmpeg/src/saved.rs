//! An index as bytes, so that a file that had to be counted by decoding is counted once.
//!
//! Numbers are written as differences to the one before, in seven bits a byte. Bytes that are not an index made by this
//! module are refused, but not looked for: whoever keeps them keeps a check sum.

use crate::index::{Index, Key, Skips, Source};

/// Names the layout.
const LAYOUT: u64 = 2;

/// Writes numbers.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A number that can be negative: the sign goes last.
    fn signed(&mut self, value: i64) {
        self.number((value << 1 ^ value >> 63) as u64);
    }

    fn rising(&mut self, values: impl ExactSizeIterator<Item = i64>) {
        self.number(values.len() as u64);
        let mut before = 0_i64;
        for value in values {
            self.signed(value.wrapping_sub(before));
            before = value;
        }
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend(text.bytes());
    }
}

/// Reads them again.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.number()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn rising(&mut self) -> Option<Vec<i64>> {
        let count = usize::try_from(self.number()?).ok()?;
        // Every number takes a byte at least, so a length that lies takes no memory.
        if count > self.0.len() {
            return None;
        }
        let mut before = 0_i64;
        let next = |_| {
            before = before.wrapping_add(self.signed()?);
            Some(before)
        };
        (0..count).map(next).collect()
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

impl Index {
    /// The index as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.number(LAYOUT);
        let flags = [self.is_sure, self.seekable];
        writer.number(flags.iter().fold(0, |sum, &flag| sum << 1 | u64::from(flag)));
        writer.number(self.skips as u64);
        writer.rising(self.stamps.iter().copied());
        writer.rising(self.keys.iter().map(|key| key.pts));
        writer.rising(self.keys.iter().map(|key| key.target));
        writer.rising(self.times.iter().map(|time| time.0));
        writer.rising(self.times.iter().map(|time| time.1));
        writer.text(self.damage.as_deref().unwrap_or_default());
        writer.number(self.expected.map_or(0, |frames| frames as u64 + 1));
        writer.0
    }

    /// The index that [`Index::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.number()? != LAYOUT {
            return None;
        }
        let flags = reader.number()?;
        let skips = match reader.number()? {
            0 => Skips::Never,
            1 => Skips::Unneeded,
            2 => Skips::Unpacked,
            _ => return None,
        };
        let stamps = reader.rising()?;
        let (pts, targets) = (reader.rising()?, reader.rising()?);
        let (dts, shown) = (reader.rising()?, reader.rising()?);
        let damage = Some(reader.text()?).filter(|text| !text.is_empty());
        let expected = usize::try_from(reader.number()?).ok()?.checked_sub(1);
        let is_rising = |values: &[i64]| values.windows(2).all(|pair| pair[0] < pair[1]);
        let seekable = flags & 1 != 0;
        let is_whole =
            reader.0.is_empty() && pts.len() == targets.len() && dts.len() == shown.len();
        if !is_whole || seekable && !is_rising(&stamps) || !is_rising(&dts) {
            return None;
        }
        let keys = pts.into_iter().zip(targets).map(|(pts, target)| Key { pts, target });
        Some(Self {
            stamps,
            keys: keys.collect(),
            is_sure: flags & 2 != 0,
            made_of: Source::Other,
            is_in_order: false,
            seekable,
            skips,
            damage,
            expected,
            spare: 0,
            times: dts.into_iter().zip(shown).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_comes_back_and_rubbish_does_not() {
        let index = Index {
            stamps: vec![-9_000, -1, 0, 512, i64::MAX - 1],
            keys: vec![Key { pts: -9_000, target: -10_000 }, Key { pts: 512, target: 0 }],
            is_sure: true,
            made_of: Source::Other,
            is_in_order: false,
            seekable: true,
            skips: Skips::Unpacked,
            damage: Some("the file is cut".into()),
            expected: Some(0),
            spare: 0,
            times: vec![(0, 3), (1, 0)],
        };
        let bytes = index.to_bytes();
        assert_eq!(Index::from_bytes(&bytes), Some(index));
        let unknown = Index { stamps: vec![i64::MIN; 300], ..Index::default() };
        assert_eq!(Index::from_bytes(&unknown.to_bytes()), Some(unknown));
        for length in 0..bytes.len() {
            assert_eq!(Index::from_bytes(&bytes[..length]), None, "{length} bytes");
        }
        assert_eq!(Index::from_bytes(&[2, 3, 2, 0xff, 0xff, 0xff, 0xff, 0x0f]), None);
    }
}
