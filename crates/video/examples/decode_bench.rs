//! Times one clip per line of standard input: open, count, sample, decode, scale the short side, cut the middle out.
//!
//! `decode_bench [--frames 8] [--size 256] [--crop 224] [--threads 1] [--decoder auto] [--stream N]`
//! reads a path per line and answers
//! with one JSON object per line; `benches/peers/decode.py` drives it beside other readers. Thumbnails show that both
//! sides gave the same frames.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use timeweave_video::{Clip, Damaged, OpenOptions, Preprocess, eval_clip, open};

/// Side of a thumbnail in boxes.
const BOXES: usize = 4;

struct Settings {
    frames: usize,
    preprocess: Preprocess,
    open: OpenOptions,
}

fn settings() -> Result<Settings, Box<dyn Error>> {
    let preprocess = Preprocess { scale_size: 256, crop_size: 224, ..Preprocess::default() };
    let open = OpenOptions { damaged: Damaged::Use, ..OpenOptions::default() };
    let mut settings = Settings { frames: 8, preprocess, open };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("expected a value after {name}"))?;
        match name.as_str() {
            "--frames" => settings.frames = value.parse()?,
            "--size" => settings.preprocess.scale_size = value.parse()?,
            "--crop" => settings.preprocess.crop_size = value.parse()?,
            "--threads" => settings.open.threads = value.parse()?,
            "--stream" => settings.open.stream = Some(value.parse()?),
            "--decoder" => settings.open.decoder = serde_json::from_value(value.into())?,
            _ => return Err(format!("expected an option but received {name}").into()),
        }
    }
    settings.preprocess.validate(settings.frames)?;
    Ok(settings)
}

fn main() -> Result<(), Box<dyn Error>> {
    let settings = settings()?;
    for line in stdin().lock().lines() {
        let answer = clip(Path::new(&line?), &settings)?;
        let mut out = stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn clip(path: &Path, settings: &Settings) -> Result<Value, Box<dyn Error>> {
    let start = Instant::now();
    let mut source = open(path, &settings.open)?;
    let opened = start.elapsed().as_secs_f64();
    let (clip, indices) = eval_clip(&mut *source, &settings.preprocess, settings.frames)?;
    let seconds = start.elapsed().as_secs_f64();
    let thumbnails: Vec<_> = (0..clip.frames).map(|frame| thumbnail(&clip, frame)).collect();
    Ok(json!({
        "seconds": seconds,
        "openSeconds": opened,
        "decoder": source.info().decoder,
        "count": source.frame_count()?,
        "frames": indices,
        "thumbnails": thumbnails,
    }))
}

/// Means over boxes, channel by channel; a remainder at the right and lower edge is left out.
fn thumbnail(clip: &Clip, frame: usize) -> Vec<f64> {
    let plane = clip.height * clip.width;
    let (height, width) = (clip.height / BOXES, clip.width / BOXES);
    let mut means = Vec::with_capacity(3 * BOXES * BOXES);
    for channel in 0..3 {
        let values = &clip.data[(frame * 3 + channel) * plane..][..plane];
        for place in 0..BOXES * BOXES {
            let (top, left) = (place / BOXES * height, place % BOXES * width);
            let rows = (top..top + height).map(|y| &values[y * clip.width + left..][..width]);
            let sum: u32 = rows.flatten().map(|&value| u32::from(value)).sum();
            means.push(f64::from(sum) / (height * width) as f64);
        }
    }
    means
}
