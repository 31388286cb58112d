//! Image files of every kind become upright RGB, and what is no image is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use png::{BitDepth, ColorType};
use timeweave_video::{OpenOptions, RgbImage, VideoError, open};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

/// The only frame of a folder with one image.
fn read(file: &[u8], name: &str, options: &OpenOptions) -> Result<RgbImage, VideoError> {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join(name), file).expect("write");
    let mut source = open(folder.path(), options)?;
    Ok(source.frames(&[0])?.remove(0))
}

fn image(file: &[u8], name: &str) -> RgbImage {
    read(file, name, &OpenOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// A PNG file of 2x3 equal pixels.
fn png(color: ColorType, depth: BitDepth, row: &[u8], palette: Option<(&[u8], &[u8])>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 2, 3);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if let Some((colours, alpha)) = palette {
        encoder.set_palette(colours.to_vec());
        encoder.set_trns(alpha.to_vec());
    }
    encoder.write_header().expect("header").write_image_data(&row.repeat(3)).expect("data");
    file
}

#[test]
fn png_images_of_all_kinds_become_rgb() {
    use BitDepth::{Eight, Four, One, Sixteen};
    use ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
    let palette: Option<(&[u8], &[u8])> = Some((&[9, 9, 9, 1, 2, 3], &[255, 0]));
    let kinds: [(_, _, &[u8], _, [u8; 3]); 11] = [
        (Rgb, Eight, &[1, 2, 3, 1, 2, 3], None, [1, 2, 3]),
        (Rgba, Eight, &[1, 2, 3, 9, 1, 2, 3, 0], None, [1, 2, 3]),
        (Grayscale, Eight, &[7, 7], None, [7; 3]),
        (Grayscale, One, &[0b1100_0000], None, [255; 3]),
        (Grayscale, Four, &[0x55], None, [0x55; 3]),
        (GrayscaleAlpha, Eight, &[7, 9, 7, 9], None, [7; 3]),
        (Rgb, Sixteen, &[1, 200, 2, 200, 3, 200, 1, 200, 2, 200, 3, 200], None, [1, 2, 3]),
        (Rgba, Sixteen, &[1, 9, 2, 9, 3, 9, 0, 0, 1, 9, 2, 9, 3, 9, 0, 0], None, [1, 2, 3]),
        (Grayscale, Sixteen, &[7, 250, 7, 250], None, [7; 3]),
        (Indexed, Eight, &[1, 1], palette, [1, 2, 3]),
        (Indexed, One, &[0b1100_0000], palette, [1, 2, 3]),
    ];
    for (color, depth, row, palette, expected) in kinds {
        let image = image(&png(color, depth, row, palette), "1.png");
        assert_eq!(image.data, expected.repeat(6), "{color:?} {depth:?}");
    }
    println!("checked: {} kinds of PNG", kinds.len());
}

/// A JPEG file of 16x8 pixels: one colour to the left, one to the right.
fn jpeg(format: PixelFormat, subsamp: Subsamp, left: &[u8], right: &[u8]) -> Vec<u8> {
    let row = [left.repeat(8), right.repeat(8)].concat();
    let pixels = row.repeat(8);
    let mut compressor = Compressor::new().expect("compressor");
    compressor.set_quality(100).expect("quality");
    compressor.set_subsamp(subsamp).expect("subsampling");
    let image = Image { pixels: pixels.as_slice(), width: 16, pitch: row.len(), height: 8, format };
    compressor.compress_to_vec(image).expect("jpeg")
}

fn near(image: &RgbImage, x: u32, y: u32, expected: [u8; 3]) {
    let at = ((y * image.width + x) * 3) as usize;
    let pixel = &image.data[at..at + 3];
    let off = pixel.iter().zip(expected).map(|(&value, expected)| value.abs_diff(expected)).max();
    assert!(off <= Some(2), "{pixel:?} at {x},{y} is not {expected:?}");
}

#[test]
fn jpeg_images_of_all_colour_spaces_become_rgb() {
    let (red, blue) = ([200, 30, 40], [20, 50, 180]);
    let colour = image(&jpeg(PixelFormat::RGB, Subsamp::None, &red, &blue), "1.jpg");
    near(&colour, 2, 3, red);
    near(&colour, 13, 3, blue);
    let grey = image(&jpeg(PixelFormat::GRAY, Subsamp::Gray, &[50], &[220]), "1.jpg");
    near(&grey, 2, 3, [50; 3]);
    near(&grey, 13, 3, [220; 3]);
    // Adobe's inks are inverted: 255 is none, so light is ink * black / 255.
    let inks = jpeg(PixelFormat::CMYK, Subsamp::None, &[200, 30, 40, 255], &[200, 100, 50, 128]);
    let inks = image(&inks, "1.jpg");
    near(&inks, 2, 3, red);
    near(&inks, 13, 3, [100, 50, 25]);
    println!("checked: 3 kinds of JPEG");
}

/// A JPEG file with an Exif orientation.
fn turned(orientation: u8, left: [u8; 3], right: [u8; 3]) -> Vec<u8> {
    let file = jpeg(PixelFormat::RGB, Subsamp::None, &left, &right);
    let mut block = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".to_vec();
    block.extend([0, orientation, 0, 0, 0, 0, 0, 0]);
    let length = (block.len() as u16 + 2).to_be_bytes();
    [&file[..2], &[0xff, 0xe1], &length, &block, &file[2..]].concat()
}

#[test]
fn an_orientation_is_honoured_unless_rotation_is_off() {
    let (red, blue) = ([200, 30, 40], [20, 50, 180]);
    let upright = image(&turned(6, red, blue), "1.jpg");
    assert_eq!((upright.width, upright.height), (8, 16), "a quarter turn clockwise");
    near(&upright, 3, 2, red);
    near(&upright, 3, 13, blue);
    let mirrored = image(&turned(2, red, blue), "1.jpg");
    near(&mirrored, 2, 3, blue);
    let options = OpenOptions { rotate: false, ..OpenOptions::default() };
    let stored = read(&turned(6, red, blue), "1.jpg", &options).expect("an image");
    assert_eq!((stored.width, stored.height), (16, 8));
    near(&stored, 2, 3, red);
}

fn webp(width: u32, height: u32, color: image_webp::ColorType, data: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = image_webp::WebPEncoder::new(&mut file);
    encoder.encode(data, width, height, color).expect("webp");
    file
}

#[test]
fn webp_images_become_rgb() {
    use image_webp::ColorType;
    let data: Vec<u8> = (0..5 * 4 * 3).map(|value| (value * 37 % 251) as u8).collect();
    let file = webp(5, 4, ColorType::Rgb8, &data);
    assert_eq!(image(&file, "1.webp").data, data);
    let clear: Vec<u8> =
        data.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 128]).collect();
    assert_eq!(image(&webp(5, 4, ColorType::Rgba8, &clear), "1.webp").data, data);
    for length in [0, 11, 12, 20, file.len() / 2, file.len() - 1] {
        let error = read(&file[..length], "1.webp", &OpenOptions::default());
        assert_eq!(error.expect_err("cut").code(), "INVALID_IMAGE", "{length} bytes");
    }
    println!("checked: 2 kinds of WebP");
}

/// Makes a file with the `ffmpeg` program; `None` without it or its encoder.
fn made(folder: &Path, name: &str, arguments: &[&str]) -> Option<PathBuf> {
    let path = folder.join(name);
    let mut program = Command::new("ffmpeg");
    program.args([
        "-v",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=96x64:rate=25,gblur=sigma=6",
    ]);
    let status = program.args(["-frames:v", "1"]).args(arguments).arg(&path).status();
    status.is_ok_and(|status| status.success()).then_some(path)
}

#[test]
fn lossy_webp_shows_the_picture_that_png_shows() {
    let folder = tempfile::tempdir().expect("folder");
    let exact = made(folder.path(), "a.png", &[]);
    let lossy = made(folder.path(), "b.webp", &["-c:v", "libwebp", "-quality", "95"]);
    let (Some(exact), Some(lossy)) = (exact, lossy) else {
        println!("checked: 0 lossy WebP files (no ffmpeg program with libwebp)");
        return;
    };
    let exact = image(&fs::read(exact).expect("read"), "1.png");
    let lossy = image(&fs::read(lossy).expect("read"), "1.webp");
    let off: u64 = exact.data.iter().zip(&lossy.data).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let mean = off as f64 / exact.data.len() as f64;
    assert!(mean < 3.0, "off by {mean:.2} levels");
    println!("checked: 1 lossy WebP file, off by {mean:.2} levels");
}

#[test]
fn files_that_claim_huge_sizes_are_refused_without_the_memory() {
    let mut jpeg = jpeg(PixelFormat::RGB, Subsamp::None, &[1; 3], &[2; 3]);
    let frame = jpeg.windows(2).position(|bytes| bytes == [0xff, 0xc0]).expect("a frame header");
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x75, 0x30, 0x75, 0x30]);
    let mut png = png(ColorType::Rgb, BitDepth::Eight, &[1; 6], None);
    png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let sum = crc(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&sum);
    for (file, name) in [(jpeg, "1.jpg"), (png, "1.png")] {
        let error = read(&file, name, &OpenOptions::default()).expect_err("too large");
        assert_eq!(error.code(), "INVALID_IMAGE");
        assert!(error.to_string().contains("are the most"), "{error}");
    }
}

/// The check sum of a PNG chunk (ISO/IEC 15948, annex D).
fn crc(bytes: &[u8]) -> u32 {
    let step = |sum: u32, &byte: &u8| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    };
    !bytes.iter().fold(u32::MAX, step)
}
