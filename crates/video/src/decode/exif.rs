//! How an image file says that its picture is to be turned (Exif 2.32, tag 0x0112).

use crate::RgbImage;

/// The Exif block of a JPEG file, from its TIFF header on.
pub(super) fn of_jpeg(file: &[u8]) -> Option<&[u8]> {
    let mut rest = file.get(2..)?;
    loop {
        let [0xff, kind, high, low, ..] = *rest else { return None };
        // Segments end where the picture's data begins.
        if matches!(kind, 0xda | 0xd9 | 0x00) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let segment = rest.get(4..2 + length)?;
        if kind == 0xe1 && segment.starts_with(b"Exif\0\0") {
            return segment.get(6..);
        }
        rest = rest.get(2 + length..)?;
    }
}

/// The orientation in an Exif block, 1 (upright) to 8; 1 where there is none.
pub(super) fn orientation(block: &[u8]) -> u8 {
    // WebP files are seen with JPEG's prefix.
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    find(block).filter(|value| (1..=8).contains(value)).unwrap_or(1)
}

fn find(block: &[u8]) -> Option<u8> {
    let is_little = match block.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = *block.get(at..)?.first_chunk::<2>()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = *block.get(at..)?.first_chunk::<4>()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let directory = long(4)? as usize;
    let entries = usize::from(short(directory)?);
    (0..entries)
        .map_while(|entry| directory.checked_add(2 + 12 * entry))
        .find(|&at| short(at) == Some(0x0112))
        .and_then(|at| short(at + 8))
        .and_then(|value| u8::try_from(value).ok())
}

/// Turns an image as its orientation says.
pub(super) fn upright(image: RgbImage, orientation: u8) -> RgbImage {
    // Which corner of the stored picture comes to the upper left, and whether its rows become columns.
    let (transposed, from_right, from_below) = match orientation {
        2 => (false, true, false),
        3 => (false, true, true),
        4 => (false, false, true),
        5 => (true, false, false),
        6 => (true, false, true),
        7 => (true, true, true),
        8 => (true, true, false),
        _ => return image,
    };
    let (width, height) = (image.width as usize, image.height as usize);
    let (out_width, out_height) = if transposed { (height, width) } else { (width, height) };
    let pixels = image.data.as_chunks::<3>().0;
    let mut data = Vec::with_capacity(image.data.len());
    for y in 0..out_height {
        for x in 0..out_width {
            let (x, y) = if transposed { (y, x) } else { (x, y) };
            let x = if from_right { width - 1 - x } else { x };
            let y = if from_below { height - 1 - y } else { y };
            data.extend(pixels[y * width + x]);
        }
    }
    RgbImage { width: out_width as u32, height: out_height as u32, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An Exif block whose directory holds the orientation behind another entry.
    fn block(value: u8, is_little: bool) -> Vec<u8> {
        let short = |n: u16| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let long = |n: u32| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let mut block = if is_little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        block.extend(long(8));
        block.extend(short(2));
        for (tag, value) in [(0x0100, 640), (0x0112, u16::from(value))] {
            block.extend(short(tag));
            block.extend(short(3));
            block.extend(long(1));
            block.extend(short(value));
            block.extend([0, 0]);
        }
        block
    }

    #[test]
    fn the_orientation_is_found_in_both_byte_orders_and_nowhere_in_rubbish() {
        for value in 1..=8 {
            assert_eq!(orientation(&block(value, true)), value);
            assert_eq!(
                orientation(&[b"Exif\0\0".as_slice(), &block(value, false)].concat()),
                value
            );
        }
        assert_eq!(orientation(&block(9, true)), 1);
        let whole = block(6, true);
        for length in 0..whole.len() - 2 {
            orientation(&whole[..length]);
        }
        assert_eq!(orientation(b"II*\0\xff\xff\xff\xff"), 1);
    }

    #[test]
    fn pictures_are_turned_as_the_standard_says() {
        // Two rows of three pixels, 1 2 3 over 4 5 6.
        let image =
            RgbImage { width: 3, height: 2, data: (1..=6).flat_map(|value| [value; 3]).collect() };
        let turned = |orientation| {
            let image = upright(image.clone(), orientation);
            let values: Vec<u8> = image.data.iter().step_by(3).copied().collect();
            (image.width, values)
        };
        assert_eq!(turned(1), (3, vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(turned(2), (3, vec![3, 2, 1, 6, 5, 4]));
        assert_eq!(turned(3), (3, vec![6, 5, 4, 3, 2, 1]));
        assert_eq!(turned(4), (3, vec![4, 5, 6, 1, 2, 3]));
        assert_eq!(turned(5), (2, vec![1, 4, 2, 5, 3, 6]));
        assert_eq!(turned(6), (2, vec![4, 1, 5, 2, 6, 3]), "a quarter turn clockwise");
        assert_eq!(turned(7), (2, vec![6, 3, 5, 2, 4, 1]));
        assert_eq!(turned(8), (2, vec![3, 6, 2, 5, 1, 4]), "a quarter turn anticlockwise");
    }
}
