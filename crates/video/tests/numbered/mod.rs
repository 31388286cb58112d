//! Pictures that show their own number, so that a reader can be caught giving the wrong one.

use timeweave_video::RgbImage;

/// Side of a block that stands for one bit.
const BLOCK: usize = 16;

/// A picture of 128x32 pixels: eight bits of the number above, their complement below, grey noise in between the blocks.
pub fn picture(number: usize) -> RgbImage {
    let (width, height) = (8 * BLOCK, 2 * BLOCK);
    let mut data = vec![0; width * height * 3];
    for (at, pixel) in data.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = (at % width, at / width);
        let bit = (number >> (x / BLOCK) & 1 == 1) != (y >= BLOCK);
        // A pattern that moves makes the encoder use references between frames.
        let shade = ((x + number * 3) * (y + 5) % 23) as u8;
        *pixel = if bit { [230 - shade; 3] } else { [20 + shade; 3] };
    }
    RgbImage::new(width as u32, height as u32, data).expect("a whole picture")
}

/// The number that a picture shows.
pub fn number(image: &RgbImage) -> Option<usize> {
    let bit = |row: usize, block: usize| {
        let at = ((row * BLOCK + BLOCK / 2) * image.width as usize + block * BLOCK + BLOCK / 2) * 3;
        image.data[at] > 128
    };
    let value = (0..8).map(|block| usize::from(bit(0, block)) << block).sum();
    (0..8).all(|block| bit(0, block) != bit(1, block)).then_some(value)
}
