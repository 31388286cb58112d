//! Pictures that are converted here are, to the bit, those of libswscale.

use std::ffi::c_int;
use std::ptr;

use ff::ffi;
use ff::format::Pixel;
use ff::frame::Video;
use ffmpeg_next as ff;
use timeweave_ffmpeg::picture::{Picture, Turn};

/// Numbers without a pattern.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A picture of noise; every other one holds the extremes alone.
fn noise(noise: &mut Noise, (width, height): (u32, u32), matrix: u32, full_range: bool) -> Video {
    let mut frame = Video::new(Pixel::YUV420P, width, height);
    let extremes = noise.next().is_multiple_of(2);
    for plane in 0..3 {
        for value in frame.data_mut(plane) {
            let byte = noise.next() as u8;
            *value = if extremes { [0, 255, 16, 235][usize::from(byte % 4)] } else { byte };
        }
    }
    let space = match matrix {
        1 => ff::color::Space::BT709,
        5 => ff::color::Space::BT470BG,
        7 => ff::color::Space::SMPTE240M,
        9 => ff::color::Space::BT2020NCL,
        _ => ff::color::Space::Unspecified,
    };
    frame.set_color_space(space);
    frame.set_color_range(if full_range { ff::color::Range::JPEG } else { ff::color::Range::MPEG });
    frame
}

/// What libswscale makes of it.
fn expected(frame: &Video, full_range: bool) -> Vec<u8> {
    let (width, height) = (frame.width() as i32, frame.height() as i32);
    let flags = (ffi::SWS_BILINEAR | ffi::SWS_ACCURATE_RND | ffi::SWS_FULL_CHR_H_INT) as c_int;
    let stride = (width as usize * 3).next_multiple_of(64);
    let mut rows = vec![0_u8; stride * height as usize + 64];
    // SAFETY: the converter is made for these sizes, and the rows are long enough for whole registers.
    unsafe {
        let scaler = ffi::sws_getContext(
            width,
            height,
            ffi::AVPixelFormat::AV_PIX_FMT_YUV420P,
            width,
            height,
            ffi::AVPixelFormat::AV_PIX_FMT_RGB24,
            flags,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null(),
        );
        assert!(!scaler.is_null());
        let matrix = ffi::sws_getCoefficients((*frame.as_ptr()).colorspace as i32);
        let range = i32::from(full_range);
        ffi::sws_setColorspaceDetails(scaler, matrix, range, matrix, 1, 0, 1 << 16, 1 << 16);
        let planes = [rows.as_mut_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut()];
        let raw = frame.as_ptr();
        let made = ffi::sws_scale(
            scaler,
            (&raw const (*raw).data).cast(),
            (&raw const (*raw).linesize).cast(),
            0,
            height,
            planes.as_ptr(),
            [stride as i32, 0, 0, 0].as_ptr(),
        );
        assert_eq!(made, height);
        ffi::sws_freeContext(scaler);
    }
    let packed = rows.chunks(stride).take(height as usize);
    packed.flat_map(|row| &row[..width as usize * 3]).copied().collect()
}

#[test]
fn pictures_of_420_are_those_of_libswscale() {
    let mut numbers = Noise(0x9e37_79b9_7f4a_7c15);
    let mut pictures = 0;
    let sides = [2, 4, 14, 15, 16, 17, 18, 20, 22, 30, 31, 32, 34, 46, 48, 62, 64, 66, 130];
    for (place, &width) in sides.iter().enumerate() {
        for &height in &sides {
            let matrix = [2, 1, 5, 7, 9][(place + height as usize) % 5];
            for full_range in [false, true] {
                let frame = noise(&mut numbers, (width, height), matrix, full_range);
                let mut out = vec![7; (width * height * 3) as usize];
                let mut picture = Picture::new(width as usize, height as usize, Turn::default());
                picture.write(&frame, &mut out).expect("converted");
                let expected = expected(&frame, full_range);
                let off = out.iter().zip(&expected).position(|(a, b)| a != b);
                assert_eq!(
                    off.map(|at| (at, out[at], expected[at])),
                    None,
                    "{width}x{height}, matrix {matrix}, full range {full_range}"
                );
                pictures += 1;
            }
        }
    }
    println!("checked: {pictures} pictures");
}
