//! MP4 and Matroska files whose header says all that is needed of an H.264 stream, but for what its first packet says.
//!
//! FFmpeg's general way to know a stream decodes frames of it, which takes as long as some of the frames that are wanted.

use std::ptr;

use ff::ffi;
use ff::packet::Ref;
use ffmpeg_next as ff;

/// Whether the header of a file tells the frame rate, the size and the decoder's configuration of a stream.
///
/// The demuxer of MP4 has found the delay of display from all the times in the header, so there is none to be guessed; in
/// Matroska it shows when all packets were read.
pub fn suffices(context: &ff::format::context::Input, stream: usize) -> bool {
    let is = |container| context.format().name().split(',').any(|name| name == container);
    let is_known = is("mp4") || is("matroska");
    let Some(stream) = context.stream(stream).filter(|_| is_known) else { return false };
    // SAFETY: a stream of an open file has parameters, and as many bytes of extradata as it says.
    unsafe {
        let parameters = &*(*stream.as_ptr()).codecpar;
        let is_configured = parameters.extradata_size > 6 && *parameters.extradata == 1;
        let is_sized = parameters.width > 0 && parameters.height > 0;
        let is_indexed = !is("mp4") || ffi::avformat_index_get_entries_count(stream.as_ptr()) > 0;
        let is_h264 = parameters.codec_id == ffi::AVCodecID::AV_CODEC_ID_H264;
        is_h264 && is_configured && is_sized && is_indexed && stream.avg_frame_rate().0 > 0
    }
}

/// Takes the size of the pictures from a stream's first packet, because headers lie; false unless that is a progressive key
/// frame.
pub fn look(stream: &ff::Stream<'_>, packet: &ff::Packet) -> bool {
    let Ok(mut codec) = ff::codec::Context::from_parameters(stream.parameters()) else {
        return false;
    };
    // SAFETY: the stream, the packet and the codec's context live; the parser is ours, and what it gives lies in the packet.
    unsafe {
        let parameters = &mut *(*stream.as_ptr()).codecpar;
        let parser = ffi::av_parser_init(parameters.codec_id as _);
        if parser.is_null() {
            return false;
        }
        (*parser).flags |= ffi::PARSER_FLAG_COMPLETE_FRAMES as std::ffi::c_int;
        let (mut picture, mut bytes) = (ptr::null_mut(), 0);
        let raw = packet.as_ptr();
        ffi::av_parser_parse2(
            parser,
            codec.as_mut_ptr(),
            &raw mut picture,
            &raw mut bytes,
            (*raw).data,
            (*raw).size,
            (*raw).pts,
            (*raw).dts,
            (*raw).pos,
        );
        let (width, height) = ((*parser).width, (*parser).height);
        let is_plain = (*parser).key_frame == 1
            && (*parser).field_order == ffi::AVFieldOrder::AV_FIELD_PROGRESSIVE
            && (*parser).picture_structure == ffi::AVPictureStructure::AV_PICTURE_STRUCTURE_FRAME;
        ffi::av_parser_close(parser);
        if !is_plain || width <= 0 || height <= 0 {
            return false;
        }
        (parameters.width, parameters.height) = (width, height);
        parameters.field_order = ffi::AVFieldOrder::AV_FIELD_PROGRESSIVE;
        true
    }
}
