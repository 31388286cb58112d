//! RGB frames to an MP4 file: H.264 where libx264 is there, MPEG-4 part 2 otherwise.

use std::ffi::{CString, c_int};
use std::ptr;

use ffmpeg_next::ffi;

use crate::failure::{Class, Failure};
use crate::log;

/// Frames between key frames: short, so that readers can be tried at many places of a small file.
const GROUP: c_int = 12;

/// An open file that takes frames of one size.
pub struct Encoder {
    format: *mut ffi::AVFormatContext,
    codec: *mut ffi::AVCodecContext,
    frame: *mut ffi::AVFrame,
    packet: *mut ffi::AVPacket,
    scaler: *mut ffi::SwsContext,
    width: usize,
    height: usize,
    frames: i64,
}

// SAFETY: all functions take `&mut self`, and nothing in here is bound to a thread.
unsafe impl Send for Encoder {}

fn check(action: &str, code: c_int) -> Result<c_int, Failure> {
    if code < 0 { Err(Failure::from_code(Class::Encode, action, code)) } else { Ok(code) }
}

fn allocated<T>(pointer: *mut T) -> Result<*mut T, Failure> {
    if pointer.is_null() { Err(Failure::new(Class::Encode, "out of memory")) } else { Ok(pointer) }
}

impl Encoder {
    /// Creates (or overwrites) the file; `path` holds the bytes of its name. Both sides must be even.
    ///
    /// # Errors
    /// `Argument` for odd sides or an impossible rate, `Encode` with FFmpeg's words.
    pub fn open(path: &[u8], width: usize, height: usize, fps: f64) -> Result<Self, Failure> {
        log::capture();
        log::clear();
        let fits = |side: usize| side > 0 && side <= 16384 && side.is_multiple_of(2);
        if !fits(width) || !fits(height) {
            return Err(Failure::new(
                Class::Argument,
                format!("expected even sides up to 16384 but received {width}x{height}"),
            ));
        }
        if !(fps.is_finite() && fps > 0.0 && fps <= 1000.0) {
            return Err(Failure::new(
                Class::Argument,
                format!("expected 0 < fps <= 1000 but received {fps}"),
            ));
        }
        let address = CString::new([b"file:", path].concat())
            .map_err(|_| Failure::new(Class::Argument, "expected a path without a zero byte"))?;
        let mut encoder = Self {
            format: ptr::null_mut(),
            codec: ptr::null_mut(),
            frame: ptr::null_mut(),
            packet: ptr::null_mut(),
            scaler: ptr::null_mut(),
            width,
            height,
            frames: 0,
        };
        encoder.open_codec(fps)?;
        encoder.open_file(&address)?;
        encoder.allocate()?;
        Ok(encoder)
    }

    fn open_codec(&mut self, fps: f64) -> Result<(), Failure> {
        // SAFETY: pointers are checked before use, and the context is ours.
        unsafe {
            check(
                "mp4",
                ffi::avformat_alloc_output_context2(
                    &raw mut self.format,
                    ptr::null(),
                    c"mp4".as_ptr(),
                    ptr::null(),
                ),
            )?;
            let x264 = ffi::avcodec_find_encoder_by_name(c"libx264".as_ptr());
            let codec = if x264.is_null() {
                ffi::avcodec_find_encoder(ffi::AVCodecID::AV_CODEC_ID_MPEG4)
            } else {
                x264
            };
            if codec.is_null() {
                return Err(Failure::new(
                    Class::Encode,
                    "this FFmpeg has neither the encoder libx264 nor mpeg4",
                ));
            }
            self.codec = allocated(ffi::avcodec_alloc_context3(codec))?;
            let context = &mut *self.codec;
            // MPEG-4 part 2 holds no larger denominator.
            let rate = ffi::av_d2q(fps, 65535);
            (context.width, context.height) = (self.width as c_int, self.height as c_int);
            context.pix_fmt = ffi::AVPixelFormat::AV_PIX_FMT_YUV420P;
            context.framerate = rate;
            context.time_base = ffi::AVRational { num: rate.den, den: rate.num };
            context.gop_size = GROUP;
            // The number of threads changes what is written; one gives the same file on every machine.
            context.thread_count = 1;
            context.colorspace = ffi::AVColorSpace::AVCOL_SPC_SMPTE170M;
            context.color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
            if (*(*self.format).oformat).flags & ffi::AVFMT_GLOBALHEADER as c_int != 0 {
                context.flags |= ffi::AV_CODEC_FLAG_GLOBAL_HEADER as c_int;
            }
            if x264.is_null() {
                context.flags |= ffi::AV_CODEC_FLAG_QSCALE as c_int;
                context.global_quality = 2 * ffi::FF_QP2LAMBDA as c_int;
            } else {
                check(
                    "preset",
                    ffi::av_opt_set(context.priv_data, c"preset".as_ptr(), c"veryfast".as_ptr(), 0),
                )?;
                check(
                    "crf",
                    ffi::av_opt_set(context.priv_data, c"crf".as_ptr(), c"12".as_ptr(), 0),
                )?;
                // The macroblock tree of narrow pictures reads memory that x264 never set: other bytes for the same frames.
                check(
                    "mbtree",
                    ffi::av_opt_set(context.priv_data, c"mbtree".as_ptr(), c"0".as_ptr(), 0),
                )?;
            }
            check(
                "could not open the encoder",
                ffi::avcodec_open2(self.codec, codec, ptr::null_mut()),
            )?;
        }
        Ok(())
    }

    fn open_file(&mut self, address: &CString) -> Result<(), Failure> {
        // SAFETY: the format and codec contexts are open; the stream belongs to the format context.
        unsafe {
            let stream = allocated(ffi::avformat_new_stream(self.format, ptr::null()))?;
            (*stream).time_base = (*self.codec).time_base;
            (*stream).avg_frame_rate = (*self.codec).framerate;
            check(
                "parameters",
                ffi::avcodec_parameters_from_context((*stream).codecpar, self.codec),
            )?;
            let opened = ffi::avio_open(
                &raw mut (*self.format).pb,
                address.as_ptr(),
                ffi::AVIO_FLAG_WRITE as c_int,
            );
            check("could not create the file", opened)?;
            check(
                "could not write the header",
                ffi::avformat_write_header(self.format, ptr::null_mut()),
            )?;
        }
        Ok(())
    }

    fn allocate(&mut self) -> Result<(), Failure> {
        let (width, height) = (self.width as c_int, self.height as c_int);
        let yuv = ffi::AVPixelFormat::AV_PIX_FMT_YUV420P;
        // SAFETY: each pointer is checked, and freed on drop.
        unsafe {
            self.packet = allocated(ffi::av_packet_alloc())?;
            self.frame = allocated(ffi::av_frame_alloc())?;
            ((*self.frame).width, (*self.frame).height) = (width, height);
            (*self.frame).format = yuv as c_int;
            check("picture", ffi::av_frame_get_buffer(self.frame, 0))?;
            let rgb = ffi::AVPixelFormat::AV_PIX_FMT_RGB24;
            let flags = (ffi::SWS_BICUBIC | ffi::SWS_ACCURATE_RND) as c_int;
            let (none, nothing) = (ptr::null_mut(), ptr::null());
            let scaler = ffi::sws_getContext(
                width,
                height,
                rgb,
                width,
                height,
                yuv,
                flags,
                none,
                ptr::null_mut(),
                nothing,
            );
            self.scaler = allocated(scaler)?;
        }
        Ok(())
    }

    /// Appends one packed RGB frame.
    ///
    /// # Errors
    /// `Argument` for a frame of another size, `Encode` with FFmpeg's words.
    pub fn write(&mut self, rgb: &[u8]) -> Result<(), Failure> {
        log::clear();
        let bytes = self.width * self.height * 3;
        if rgb.len() != bytes {
            return Err(Failure::new(
                Class::Argument,
                format!("expected {bytes} bytes per frame but received {}", rgb.len()),
            ));
        }
        let planes = [rgb.as_ptr(), ptr::null(), ptr::null(), ptr::null()];
        let strides = [(self.width * 3) as c_int, 0, 0, 0];
        // SAFETY: `rgb` holds `height` packed rows, the frame has buffers of the same size, made writable first.
        unsafe {
            check("picture", ffi::av_frame_make_writable(self.frame))?;
            let frame = &mut *self.frame;
            let height = self.height as c_int;
            let (data, linesize) = (frame.data.as_ptr(), frame.linesize.as_ptr());
            ffi::sws_scale(
                self.scaler,
                planes.as_ptr(),
                strides.as_ptr(),
                0,
                height,
                data,
                linesize,
            );
            frame.pts = self.frames;
            self.frames += 1;
        }
        self.encode(self.frame)
    }

    /// Writes what the encoder still holds and the container's index. A file that is not finished cannot be read.
    ///
    /// # Errors
    /// `Encode` with FFmpeg's words.
    pub fn finish(&mut self) -> Result<(), Failure> {
        log::clear();
        self.encode(ptr::null_mut())?;
        // SAFETY: the header was written, and the file is closed once: `avio_closep` clears the pointer.
        unsafe {
            check("could not finish the file", ffi::av_write_trailer(self.format))?;
            check("could not close the file", ffi::avio_closep(&raw mut (*self.format).pb))?;
        }
        Ok(())
    }

    /// Sends a frame, or the end when null, and writes the packets that come out.
    fn encode(&mut self, frame: *mut ffi::AVFrame) -> Result<(), Failure> {
        // SAFETY: contexts, packet and stream 0 are valid from `open` on.
        unsafe {
            check("could not encode", ffi::avcodec_send_frame(self.codec, frame))?;
            loop {
                let code = ffi::avcodec_receive_packet(self.codec, self.packet);
                if code == ffi::AVERROR(ffi::EAGAIN) || code == ffi::AVERROR_EOF {
                    return Ok(());
                }
                check("could not encode", code)?;
                let stream = *(*self.format).streams;
                ffi::av_packet_rescale_ts(
                    self.packet,
                    (*self.codec).time_base,
                    (*stream).time_base,
                );
                (*self.packet).stream_index = 0;
                check(
                    "could not write",
                    ffi::av_interleaved_write_frame(self.format, self.packet),
                )?;
            }
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: each pointer is null or ours; the free functions take both.
        unsafe {
            ffi::sws_freeContext(self.scaler);
            ffi::av_frame_free(&raw mut self.frame);
            ffi::av_packet_free(&raw mut self.packet);
            ffi::avcodec_free_context(&raw mut self.codec);
            if !self.format.is_null() {
                ffi::avio_closep(&raw mut (*self.format).pb);
                ffi::avformat_free_context(self.format);
            }
        }
    }
}
