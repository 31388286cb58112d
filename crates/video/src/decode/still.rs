//! One JPEG or PNG file to RGB.

use std::fs;
use std::io::{Cursor, ErrorKind};
use std::path::Path;

use turbojpeg::{Decompressor, Image, PixelFormat};

use crate::{RgbImage, VideoError};

/// Reads image files one after the other; keeps its buffers.
pub(super) struct Stills {
    jpeg: Option<Decompressor>,
}

impl Stills {
    pub(super) fn new() -> Self {
        Self { jpeg: None }
    }

    /// Reads a file; its kind is told from its first bytes, not from its name.
    pub(super) fn read(&mut self, path: &Path) -> Result<RgbImage, VideoError> {
        let bytes = fs::read(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => VideoError::FileNotFound { path: path.to_owned() },
            _ => VideoError::FileAccess {
                action: "read",
                path: path.to_owned(),
                reason: error.to_string(),
            },
        })?;
        let image = match bytes.as_slice() {
            [] => Err("the file is empty".to_owned()),
            [0xff, 0xd8, ..] => self.read_jpeg(&bytes),
            [0x89, b'P', b'N', b'G', ..] => read_png(&bytes),
            _ => Err("it begins like neither".to_owned()),
        };
        image.map_err(|reason| VideoError::InvalidImage { path: path.to_owned(), reason })
    }

    fn read_jpeg(&mut self, bytes: &[u8]) -> Result<RgbImage, String> {
        let reader = match &mut self.jpeg {
            Some(reader) => reader,
            none => none.insert(Decompressor::new().map_err(|error| error.to_string())?),
        };
        let header = reader.read_header(bytes).map_err(|error| error.to_string())?;
        let (width, height) = (header.width, header.height);
        let mut data = vec![0; width * height * 3];
        let image = Image {
            pixels: data.as_mut_slice(),
            width,
            pitch: width * 3,
            height,
            format: PixelFormat::RGB,
        };
        match reader.decompress(bytes, image) {
            Ok(()) => {}
            // Rubbish between segments is common and harmless; the picture is whole when this warning is the last.
            Err(error) if error.to_string().contains("extraneous bytes before marker") => {}
            Err(error) => return Err(error.to_string()),
        }
        Ok(RgbImage { width: width as u32, height: height as u32, data })
    }
}

fn read_png(bytes: &[u8]) -> Result<RgbImage, String> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let size = reader.output_buffer_size().ok_or("it is too large")?;
    let mut raw = vec![0; size];
    let info = reader.next_frame(&mut raw).map_err(|error| error.to_string())?;
    raw.truncate(info.buffer_size());
    let data = match info.color_type {
        png::ColorType::Rgb => raw,
        png::ColorType::Rgba => {
            raw.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect()
        }
        png::ColorType::Grayscale => raw.iter().flat_map(|&grey| [grey; 3]).collect(),
        png::ColorType::GrayscaleAlpha => {
            raw.as_chunks::<2>().0.iter().flat_map(|&[grey, _]| [grey; 3]).collect()
        }
        png::ColorType::Indexed => return Err("its palette could not be expanded".to_owned()),
    };
    Ok(RgbImage { width: info.width, height: info.height, data })
}
