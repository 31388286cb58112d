//! A decoder for one stream, and the packets that it is fed.

use std::ffi::c_int;
use std::hint::black_box;
use std::ptr;
use std::sync::Once;

use ff::ffi;
use ff::packet::Mut;
use ffmpeg_next as ff;

use crate::failure::{Class, Failure};
use crate::input::Input;
use crate::log::{self, Ear};

/// The most pixels of a frame: a short file can claim any size.
pub const MOST_PIXELS: i64 = 1 << 26;

/// Lets the C library keep the memory of one decoder for the next.
///
/// Each takes some megabytes and gives them back at the end of its video; with glibc's first settings they then go to the
/// system and come again page by page, a tenth of the time of a short clip. glibc sets its bounds by the largest block that
/// was given back, as it is in any program that has worked with larger ones; elsewhere this does nothing.
fn keep_memory() {
    const BLOCK: usize = 16 << 20;
    static ONCE: Once = Once::new();
    // The block is never written to, so it takes no memory.
    ONCE.call_once(|| drop(black_box(vec![0_u8; BLOCK])));
}

/// How much a second thread of the decoder adds to the first one for frames that all are decoded.
///
/// Measured on two cores: H.264 of small pictures, and AV1, whose decoder has threads of its own.
pub fn gain_of_threads(codec: ff::codec::Id) -> f64 {
    let threaded = ffi::AV_CODEC_CAP_FRAME_THREADS | ffi::AV_CODEC_CAP_OTHER_THREADS;
    // SAFETY: FFmpeg's list of decoders is static.
    let capabilities =
        unsafe { ffi::avcodec_find_decoder(codec.into()).as_ref() }.map_or(0, |it| it.capabilities);
    match codec {
        _ if !log::HEARS || capabilities as u32 & threaded == 0 => 0.0,
        ff::codec::Id::AV1 => 0.3,
        _ => 0.6,
    }
}

/// Opens a decoder for the stream of a file, or for what an unpacker makes of it; `ear` hears what all its threads log.
///
/// # Errors
/// `Open` when FFmpeg has none or it refuses the stream.
pub fn open(
    input: &Input,
    threads: usize,
    unpacker: Option<&Unpacker>,
    ear: Option<&Ear>,
) -> Result<ff::decoder::Video, Failure> {
    keep_memory();
    let failed = |error: ff::Error| {
        Failure::from_code(Class::Open, "could not open a decoder", error.into())
    };
    let codec = input.stream().parameters().id();
    let mut context =
        ff::codec::Context::from_parameters(input.stream().parameters()).map_err(failed)?;
    // SAFETY: the context is not open yet, which is when these may be set.
    unsafe {
        if let Some(unpacker) = unpacker {
            let parameters = (*unpacker.filter).par_out;
            let code = ffi::avcodec_parameters_to_context(context.as_mut_ptr(), parameters);
            if code < 0 {
                return Err(failed(code.into()));
            }
        }
        (*context.as_mut_ptr()).thread_count = threads.max(1) as c_int;
        (*context.as_mut_ptr()).opaque = ear.map_or(ptr::null_mut(), Ear::mark);
        (*context.as_mut_ptr()).max_pixels = MOST_PIXELS;
        (*context.as_mut_ptr()).pkt_timebase = input.stream().time_base().into();
    }
    context.decoder().video().map_err(|error| match error {
        ff::Error::DecoderNotFound => {
            Failure::new(Class::Open, format!("this FFmpeg has no decoder for {}", codec.name()))
        }
        other => failed(other),
    })
}

/// Gives every picture of a packed MPEG-4 stream its own packet, by FFmpeg's filter for that.
///
/// Such packets hold a picture and a second one for a later packet, which the decoder keeps only when it decodes the first.
/// Once they are apart, pictures that nobody needs may be left out.
pub struct Unpacker {
    filter: *mut ffi::AVBSFContext,
}

// SAFETY: the filter is used by one thread at a time (its functions take `&mut self`) and is bound to none.
unsafe impl Send for Unpacker {}

impl Unpacker {
    /// A filter for the stream of a file; `None` where FFmpeg has none.
    pub fn new(input: &Input) -> Option<Self> {
        let mut unpacker = Self { filter: ptr::null_mut() };
        // SAFETY: the name is terminated; the filter is allocated before it is set up, and freed on drop.
        unsafe {
            let kind = ffi::av_bsf_get_by_name(c"mpeg4_unpack_bframes".as_ptr());
            if kind.is_null() || ffi::av_bsf_alloc(kind, &raw mut unpacker.filter) < 0 {
                return None;
            }
            let filter = unpacker.filter;
            (*filter).time_base_in = input.stream().time_base().into();
            (ffi::avcodec_parameters_copy((*filter).par_in, input.parameters()) >= 0
                && ffi::av_bsf_init(filter) >= 0)
                .then_some(unpacker)
        }
    }

    /// Takes a packet of the stream and gives the one that goes in its place, with the same times.
    ///
    /// # Errors
    /// FFmpeg's error number.
    pub fn take(&mut self, packet: &ff::Packet) -> Result<Option<ff::Packet>, c_int> {
        let (mut given, mut taken) = (packet.clone(), ff::Packet::empty());
        // SAFETY: the filter is set up, and both packets are ours.
        let code = unsafe {
            match ffi::av_bsf_send_packet(self.filter, given.as_mut_ptr()) {
                0 => ffi::av_bsf_receive_packet(self.filter, taken.as_mut_ptr()),
                refused => refused,
            }
        };
        match ff::Error::from(code) {
            _ if code >= 0 => Ok(Some(taken)),
            ff::Error::Other { errno: ff::error::EAGAIN } => Ok(None),
            _ => Err(code),
        }
    }

    /// Forgets what was kept, before packets from elsewhere.
    pub fn flush(&mut self) {
        // SAFETY: the filter is set up.
        unsafe { ffi::av_bsf_flush(self.filter) };
    }
}

impl Drop for Unpacker {
    fn drop(&mut self) {
        // SAFETY: null, or a filter that is ours alone.
        unsafe { ffi::av_bsf_free(&raw mut self.filter) };
    }
}
