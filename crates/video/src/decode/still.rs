//! One JPEG, PNG or WebP file to RGB or grey.
//!
//! Transparency is dropped, of 16 bits the upper eight are kept, palettes are looked up, and CMYK is read inverted, as Adobe
//! writes it: all as Pillow's `convert("RGB")` does. Where a file says how it is to be turned (Exif), that is done on request.

use std::fs;
use std::io::{Cursor, ErrorKind};
use std::path::Path;

use image_webp::WebPDecoder;
use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat};

use super::exif;
use crate::{RgbImage, VideoError};

/// The most pixels of an image: a short file can claim any size.
pub(super) const MOST_PIXELS: usize = 1 << 26;

/// What a read gives before it is turned: width, height, pixels, and the orientation that the file states.
struct Raw {
    width: usize,
    height: usize,
    data: Vec<u8>,
    orientation: u8,
}

/// Reads image files one after the other; keeps its buffers.
pub(super) struct Stills {
    jpeg: Option<Decompressor>,
    upright: bool,
}

impl Stills {
    /// `upright`: turn images as their Exif orientation says.
    pub(super) fn new(upright: bool) -> Self {
        Self { jpeg: None, upright }
    }

    /// Reads a file; its kind is told from its first bytes, not from its name.
    pub(super) fn read(&mut self, path: &Path) -> Result<RgbImage, VideoError> {
        let raw = self.open(path, PixelFormat::RGB)?;
        let image = RgbImage { width: raw.width as u32, height: raw.height as u32, data: raw.data };
        Ok(if self.upright { exif::upright(image, raw.orientation) } else { image })
    }

    /// Reads the brightness of a file: (width, height, bytes). It is never turned, for it shows no scene.
    pub(super) fn read_grey(&mut self, path: &Path) -> Result<(u32, u32, Vec<u8>), VideoError> {
        let raw = self.open(path, PixelFormat::GRAY)?;
        let data = if raw.data.len() == raw.width * raw.height {
            raw.data
        } else {
            raw.data.as_chunks::<3>().0.iter().map(|&pixel| brightness(pixel)).collect()
        };
        Ok((raw.width as u32, raw.height as u32, data))
    }

    fn open(&mut self, path: &Path, format: PixelFormat) -> Result<Raw, VideoError> {
        let bytes = fs::read(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => VideoError::FileNotFound { path: path.to_owned() },
            _ => VideoError::FileAccess {
                action: "read",
                path: path.to_owned(),
                reason: error.to_string(),
            },
        })?;
        let raw = match bytes.as_slice() {
            [] => Err("the file is empty".to_owned()),
            [0xff, 0xd8, ..] => self.read_jpeg(&bytes, format),
            [0x89, b'P', b'N', b'G', ..] => read_png(&bytes),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => read_webp(&bytes),
            _ => Err("it begins like none of them".to_owned()),
        };
        raw.map_err(|reason| VideoError::InvalidImage { path: path.to_owned(), reason })
    }

    fn read_jpeg(&mut self, bytes: &[u8], format: PixelFormat) -> Result<Raw, String> {
        let reader = match &mut self.jpeg {
            Some(reader) => reader,
            none => none.insert(Decompressor::new().map_err(|error| error.to_string())?),
        };
        let header = reader.read_header(bytes).map_err(|error| error.to_string())?;
        let (width, height) = (header.width, header.height);
        let is_cmyk = matches!(header.colorspace, Colorspace::CMYK | Colorspace::YCCK);
        let format = if is_cmyk { PixelFormat::CMYK } else { format };
        let pitch = width * format.size();
        let mut data = vec![0; checked(width, height)? * format.size()];
        let image = Image { pixels: data.as_mut_slice(), width, pitch, height, format };
        match reader.decompress(bytes, image) {
            Ok(()) => {}
            // Rubbish between segments is common and harmless; the picture is whole when this warning is the last.
            Err(error) if error.to_string().contains("extraneous bytes before marker") => {}
            Err(error) => return Err(error.to_string()),
        }
        if is_cmyk {
            data = data.as_chunks::<4>().0.iter().flat_map(|&inks| from_cmyk(inks)).collect();
        }
        let orientation = exif::of_jpeg(bytes).map_or(1, exif::orientation);
        Ok(Raw { width, height, data, orientation })
    }
}

/// The number of pixels, if it is one that a frame can have.
fn checked(width: usize, height: usize) -> Result<usize, String> {
    match width.checked_mul(height) {
        Some(pixels) if pixels <= MOST_PIXELS => Ok(pixels),
        _ => Err(format!("it states {width}x{height} pixels, and {MOST_PIXELS} are the most")),
    }
}

/// Inverted inks to light: a channel is what its ink and black let through.
fn from_cmyk([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let light = |ink: u8| ((u32::from(ink) * u32::from(black) + 127) / 255) as u8;
    [light(cyan), light(magenta), light(yellow)]
}

/// ITU-R BT.601 luma in 16-bit fixed point, as Pillow's `convert("L")`.
fn brightness([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 19595 * u32::from(red) + 38470 * u32::from(green) + 7471 * u32::from(blue);
    ((sum + 0x8000) >> 16) as u8
}

fn read_png(bytes: &[u8]) -> Result<Raw, String> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let (width, height) = reader.info().size();
    checked(width as usize, height as usize)?;
    let size = reader.output_buffer_size().ok_or("it is too large")?;
    let mut raw = vec![0; size];
    let info = reader.next_frame(&mut raw).map_err(|error| error.to_string())?;
    raw.truncate(info.buffer_size());
    let data = match info.color_type {
        png::ColorType::Rgb => raw,
        png::ColorType::Rgba => opaque(&raw),
        png::ColorType::Grayscale => raw.iter().flat_map(|&grey| [grey; 3]).collect(),
        png::ColorType::GrayscaleAlpha => {
            raw.as_chunks::<2>().0.iter().flat_map(|&[grey, _]| [grey; 3]).collect()
        }
        png::ColorType::Indexed => return Err("its palette could not be expanded".to_owned()),
    };
    let orientation = reader.info().exif_metadata.as_deref().map_or(1, exif::orientation);
    Ok(Raw { width: info.width as usize, height: info.height as usize, data, orientation })
}

fn read_webp(bytes: &[u8]) -> Result<Raw, String> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let stated = bytes.get(4..8).and_then(<[u8]>::first_chunk).copied().map(u32::from_le_bytes);
    if stated.is_none_or(|size| size as usize + 8 > bytes.len()) {
        return Err("the file is cut".to_owned());
    }
    if decoder.is_animated() {
        return Err("it is an animation, which is no frame".to_owned());
    }
    let (width, height) = decoder.dimensions();
    checked(width as usize, height as usize)?;
    let size = decoder.output_buffer_size().ok_or("it is too large")?;
    let mut data = vec![0; size];
    decoder.read_image(&mut data).map_err(|error| error.to_string())?;
    if decoder.has_alpha() {
        data = opaque(&data);
    }
    let notes = decoder.exif_metadata().ok().flatten();
    let orientation = notes.as_deref().map_or(1, exif::orientation);
    Ok(Raw { width: width as usize, height: height as usize, data, orientation })
}

fn opaque(pixels: &[u8]) -> Vec<u8> {
    pixels.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect()
}
