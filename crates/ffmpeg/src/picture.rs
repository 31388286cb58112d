//! Decoded pictures to upright, packed RGB.

use std::ffi::c_int;
use std::{ptr, slice};

use ff::ffi;
use ff::frame::Video;
use ffmpeg_next as ff;

use crate::failure::{Class, Failure};
use crate::yuv420::{self, Colours, Converter, Plane};

/// One of the eight ways to lay a picture: columns and rows exchanged or not, each axis mirrored or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Columns become rows.
    pub transpose: bool,
    /// The result is mirrored left to right.
    pub mirror_x: bool,
    /// The result is mirrored top to bottom.
    pub mirror_y: bool,
}

impl Turn {
    /// The turn nearest to a display matrix, which maps (x, y) to (a x + c y, b x + d y) for rows (a b u) and (c d v).
    pub fn from_matrix(matrix: &[i32; 9]) -> Self {
        let [a, b, _, c, d, ..] = *matrix;
        if a.unsigned_abs() >= b.unsigned_abs() {
            Self { transpose: false, mirror_x: a < 0, mirror_y: d < 0 }
        } else {
            Self { transpose: true, mirror_x: c < 0, mirror_y: b < 0 }
        }
    }

    /// Size of the turned picture.
    pub fn size(self, width: usize, height: usize) -> (usize, usize) {
        if self.transpose { (height, width) } else { (width, height) }
    }

    /// Copies a picture whose rows lie `stride` bytes apart into packed rows.
    fn copy(self, rows: &[u8], stride: usize, width: usize, height: usize, out: &mut [u8]) {
        if self == Self::default() {
            for (from, to) in rows.chunks(stride).zip(out.chunks_exact_mut(width * 3)) {
                to.copy_from_slice(&from[..width * 3]);
            }
            return;
        }
        let (out_width, out_height) = self.size(width, height);
        for (y, row) in out.chunks_exact_mut(out_width * 3).enumerate() {
            let v = if self.mirror_y { out_height - 1 - y } else { y };
            for (x, pixel) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                let u = if self.mirror_x { out_width - 1 - x } else { x };
                let (from_x, from_y) = if self.transpose { (v, u) } else { (u, v) };
                let from = from_y * stride + from_x * 3;
                pixel.copy_from_slice(&rows[from..from + 3]);
            }
        }
    }
}

/// What the converter was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    format: ff::format::Pixel,
    width: u32,
    height: u32,
    matrix: c_int,
    full_range: bool,
}

impl Source {
    fn of(frame: &Video) -> Self {
        use ff::format::Pixel;
        // SAFETY: the frame holds a decoded picture.
        let (matrix, range) =
            unsafe { ((*frame.as_ptr()).colorspace as c_int, (*frame.as_ptr()).color_range) };
        let format = frame.format();
        let old_full_range = matches!(
            format,
            Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P | Pixel::YUVJ440P | Pixel::YUVJ411P
        );
        let full_range = old_full_range || range == ffi::AVColorRange::AVCOL_RANGE_JPEG;
        Self { format, width: frame.width(), height: frame.height(), matrix, full_range }
    }
}

/// Converts pictures of one stream; keeps its buffers.
pub struct Picture {
    width: usize,
    height: usize,
    turn: Turn,
    stride: usize,
    rows: Vec<u8>,
    scaler: *mut ffi::SwsContext,
    source: Option<Source>,
    quick: Converter,
}

// SAFETY: the converter is used by one thread at a time (all its functions take `&mut self`) and is bound to none.
unsafe impl Send for Picture {}

impl Picture {
    /// A converter to pictures of `width` x `height` pixels before the turn.
    pub fn new(width: usize, height: usize, turn: Turn) -> Self {
        // libswscale's vector code stores whole registers, past the end of a packed row.
        const REGISTER: usize = 64;
        let stride = (width * 3).next_multiple_of(REGISTER);
        let rows = vec![0; stride * height + REGISTER];
        let quick = Converter::default();
        Self { width, height, turn, stride, rows, scaler: ptr::null_mut(), source: None, quick }
    }

    /// Size of the pictures that come out.
    pub fn size(&self) -> (usize, usize) {
        self.turn.size(self.width, self.height)
    }

    /// Writes a decoded frame as packed RGB; `out` holds exactly one picture.
    ///
    /// # Errors
    /// `Argument` for a buffer of another size, `Decode` when the pixel format cannot be converted.
    pub fn write(&mut self, frame: &Video, out: &mut [u8]) -> Result<(), Failure> {
        let bytes = self.width * self.height * 3;
        if out.len() != bytes {
            return Err(Failure::new(
                Class::Argument,
                format!("expected {bytes} bytes per frame but received {}", out.len()),
            ));
        }
        let source = Source::of(frame);
        if let Some(planes) = self.quick_planes(frame, source) {
            self.write_quick(planes, source, out);
            return Ok(());
        }
        self.prepare(source)?;
        let planes = [self.rows.as_mut_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut()];
        let strides = [self.stride as c_int, 0, 0, 0];
        // SAFETY: the converter fits the frame (`prepare`), and `rows` holds `height` rows of `stride` bytes and a register more.
        let rows = unsafe {
            let raw = frame.as_ptr();
            let data = (&raw const (*raw).data).cast::<*const u8>();
            let linesize = (&raw const (*raw).linesize).cast::<c_int>();
            ffi::sws_scale(
                self.scaler,
                data,
                linesize,
                0,
                frame.height() as c_int,
                planes.as_ptr(),
                strides.as_ptr(),
            )
        };
        if rows != self.height as c_int {
            return Err(Failure::new(
                Class::Decode,
                format!("the picture was converted to {rows} rows of {}", self.height),
            ));
        }
        self.turn.copy(&self.rows, self.stride, self.width, self.height, out);
        Ok(())
    }

    /// The planes of a picture that needs no libswscale.
    fn quick_planes<'a>(&self, frame: &'a Video, source: Source) -> Option<[Plane<'a>; 3]> {
        use ff::format::Pixel;
        let size = (source.width as usize, source.height as usize);
        let is_quick = matches!(source.format, Pixel::YUV420P | Pixel::YUVJ420P)
            && size == (self.width, self.height)
            && yuv420::takes(size.0, size.1);
        if !is_quick {
            return None;
        }
        let plane = |number: usize, width: usize, height: usize| {
            // SAFETY: the frame holds a decoded picture.
            let (data, stride) =
                unsafe { ((*frame.as_ptr()).data[number], (*frame.as_ptr()).linesize[number]) };
            let stride = usize::try_from(stride).ok().filter(|&stride| stride >= width)?;
            let bytes = (height - 1) * stride + width;
            if data.is_null() {
                return None;
            }
            // SAFETY: a plane of this format has `height` rows of `width` bytes, `stride` apart, and lives with the frame.
            Some(Plane { data: unsafe { slice::from_raw_parts(data, bytes) }, stride })
        };
        let half = (size.0 / 2, size.1 / 2);
        Some([plane(0, size.0, size.1)?, plane(1, half.0, half.1)?, plane(2, half.0, half.1)?])
    }

    fn write_quick(&mut self, planes: [Plane<'_>; 3], source: Source, out: &mut [u8]) {
        // SAFETY: the tables are static, of four numbers each, and there is one for every number.
        let table = unsafe { *ffi::sws_getCoefficients(source.matrix).cast::<[c_int; 4]>() };
        let colours = Colours::new(table, source.full_range);
        let size = (self.width, self.height);
        if self.turn == Turn::default() {
            self.quick.write(&colours, planes, size, out, self.width * 3);
        } else {
            self.quick.write(&colours, planes, size, &mut self.rows, self.stride);
            self.turn.copy(&self.rows, self.stride, self.width, self.height, out);
        }
    }

    fn prepare(&mut self, source: Source) -> Result<(), Failure> {
        if self.source == Some(source) {
            return Ok(());
        }
        self.release();
        // The quick converter is darker by up to two levels and repeats colours over pairs of pixels.
        let flags = (ffi::SWS_BILINEAR | ffi::SWS_ACCURATE_RND | ffi::SWS_FULL_CHR_H_INT) as c_int;
        // SAFETY: the sizes are those of a decoded picture and of the stream; null pointers stand for defaults.
        self.scaler = unsafe {
            ffi::sws_getContext(
                source.width as c_int,
                source.height as c_int,
                source.format.into(),
                self.width as c_int,
                self.height as c_int,
                ffi::AVPixelFormat::AV_PIX_FMT_RGB24,
                flags,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null(),
            )
        };
        if self.scaler.is_null() {
            let text = format!("pictures of format {:?} cannot be converted to RGB", source.format);
            return Err(Failure::new(Class::Decode, text));
        }
        let neutral = 1 << 16;
        // SAFETY: the tables are static; a format without a matrix (RGB, grey) refuses, which is right for it.
        unsafe {
            let matrix = ffi::sws_getCoefficients(source.matrix);
            let range = c_int::from(source.full_range);
            ffi::sws_setColorspaceDetails(
                self.scaler,
                matrix,
                range,
                matrix,
                1,
                0,
                neutral,
                neutral,
            );
        }
        self.source = Some(source);
        Ok(())
    }

    fn release(&mut self) {
        // SAFETY: null, or a converter that is ours alone.
        unsafe { ffi::sws_freeContext(self.scaler) };
        self.scaler = ptr::null_mut();
        self.source = None;
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i32 = 1 << 16;

    fn turned(matrix: [i32; 4]) -> Vec<u8> {
        let turn =
            Turn::from_matrix(&[matrix[0], matrix[1], 0, matrix[2], matrix[3], 0, 0, 0, 1 << 30]);
        // Two rows of three pixels, 1 2 3 over 4 5 6, in rows of ten bytes.
        let mut rows = [0_u8; 20];
        for (index, value) in (1..=6).enumerate() {
            let from = index / 3 * 10 + index % 3 * 3;
            rows[from..from + 3].fill(value);
        }
        let mut out = [0_u8; 18];
        turn.copy(&rows, 10, 3, 2, &mut out);
        out.iter().step_by(3).copied().collect()
    }

    #[test]
    fn a_picture_is_laid_as_its_matrix_says() {
        assert_eq!(turned([ONE, 0, 0, ONE]), [1, 2, 3, 4, 5, 6]);
        assert_eq!(turned([-ONE, 0, 0, -ONE]), [6, 5, 4, 3, 2, 1]);
        assert_eq!(turned([0, ONE, -ONE, 0]), [4, 1, 5, 2, 6, 3], "a quarter turn clockwise");
        assert_eq!(turned([0, -ONE, ONE, 0]), [3, 6, 2, 5, 1, 4], "a quarter turn anticlockwise");
        assert_eq!(turned([-ONE, 0, 0, ONE]), [3, 2, 1, 6, 5, 4]);
    }
}
