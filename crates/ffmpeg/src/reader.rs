//! The frame at an index, exactly: by seeking where that is safe, by decoding from the start where it is not.
//!
//! Index i is the i-th frame that a decoder gives from the start of the file. The fast way goes to the key frame before the
//! wanted one, leaves out frames that no other needs and checks the time of what it reaches; any doubt leads to the slow way.
//! With several threads a crew of decoders goes the fast way ahead of the caller.

mod counting;
mod crew;
mod decoding;
mod plan;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ff::frame::Video;
use ffmpeg_next as ff;

use crate::container;
use crate::failure::{Class, Damage, Failure};
use crate::index::Index;
use crate::input::{Input, Options, Twin};
use crate::picture::{Picture, Turn};
use crew::Crew;
use decoding::{Decoding, Wanted};
use plan::{Gain, Plan, plan};

/// An open video stream and its decoders.
pub struct Reader {
    path: Vec<u8>,
    options: Options,
    /// How to open the same stream again.
    twin: Twin,
    frame_rate: Option<f64>,
    gain: Gain,
    /// Those that are not with the crew; the first is the one that works alone.
    decodings: Vec<Decoding>,
    index: Arc<Index>,
    picture: Picture,
    /// The frame that was found.
    frame: Video,
    /// Frames given since the start with none left out.
    counted: Option<usize>,
    /// What stopped the decoder in the middle of the file.
    damage: Option<String>,
    wanted: Wanted,
    /// Decodes the wanted frames on its own threads.
    crew: Option<Crew>,
    /// Several threads may give other frames, or other errors, than one.
    is_doubted: bool,
    /// What was shared out.
    shared: Shared,
    origin: Origin,
}

/// What the threads beside the caller's have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// Decoders that were set to work side by side for the frames that were named last.
    pub decoders: usize,
    /// Threads of each of them.
    pub threads: usize,
    /// Frames that came from them, since the file was opened.
    pub frames: usize,
}

/// Where an index comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// It was given.
    Saved,
    /// The packets of a small file.
    Packets,
    /// The packets of a large file.
    ManyPackets,
    /// All frames were decoded.
    Frames,
}

/// Reading the packets of a larger file takes longer than decoding a few of its frames.
const LARGE: u64 = 32 << 20;

/// Ends no search.
static NEVER: AtomicBool = AtomicBool::new(false);

/// Bytes of decoded frames that may wait for the caller, those of all threads together; one frame always may.
const HELD: usize = 32 << 20;

impl Reader {
    /// Opens a file and indexes its frames; nothing is decoded yet. `saved` is what [`Reader::index_to_save`] gave for the
    /// same file, stream and libraries.
    ///
    /// # Errors
    /// `Open` and `NoVideoStream`.
    pub fn open(path: &[u8], options: Options, saved: Option<&[u8]>) -> Result<Self, Failure> {
        let opened = Self::open_whole(path, options, saved);
        let is_empty = |reader: &Self| reader.index.stamps.is_empty();
        if opened.as_ref().map_or(true, is_empty)
            && let Some(reason) = cut_header(path)
        {
            return Err(Failure::new(Class::Open, reason));
        }
        opened
    }

    fn open_whole(path: &[u8], options: Options, saved: Option<&[u8]>) -> Result<Self, Failure> {
        let saved = saved.and_then(Index::from_bytes).filter(|index| index.is_sure);
        let is_saved = saved.is_some();
        let (mut input, mut index) = match saved {
            Some(index) => (Input::open(path, options.stream, false)?, index),
            None => indexed(path, options)?,
        };
        let origin = match input.length() {
            _ if is_saved => Origin::Saved,
            length if length > LARGE => Origin::ManyPackets,
            _ => Origin::Packets,
        };
        let (width, height) = input.size()?;
        let matrix = if options.rotate { input.display_matrix() } else { None };
        let turn = matrix.map_or_else(Turn::default, |matrix| Turn::from_matrix(&matrix));
        index.seekable &= options.seek;
        let twin = input.twin(path, options.stream);
        let frame_rate = input.frame_rate();
        let gain = Gain::of(&input);
        let decoding = Decoding::new(input, &index, 1)?;
        Ok(Self {
            path: path.to_vec(),
            options,
            twin,
            frame_rate,
            gain,
            decodings: vec![decoding],
            index: Arc::new(index),
            picture: Picture::new(width, height, turn),
            frame: Video::empty(),
            counted: None,
            damage: None,
            wanted: Wanted::default(),
            crew: None,
            is_doubted: false,
            shared: Shared::default(),
            origin,
        })
    }

    /// Width and height of the frames as they come out.
    pub fn size(&self) -> (usize, usize) {
        self.picture.size()
    }

    /// Frames per second as the container states them.
    pub fn frame_rate(&self) -> Option<f64> {
        self.frame_rate
    }

    /// Frames, if they are known without decoding.
    pub fn known_frames(&self) -> Option<usize> {
        self.index.is_sure.then_some(self.index.stamps.len())
    }

    /// What is known to be wrong with the file: by its packets, and by all that was decoded so far.
    pub fn damage(&self) -> Option<Damage> {
        let reason = self.index.damage.as_ref().or(self.damage.as_ref())?.clone();
        Some(Damage { reason, expected: self.index.expected })
    }

    /// Whether frames are (still) found by seeking.
    pub fn is_seeking(&self) -> bool {
        self.index.seekable
    }

    /// What other threads have done; nothing where one thread was asked for.
    pub fn shared(&self) -> Shared {
        self.shared
    }

    /// The index as bytes, when finding it out again would take long; `None` when it would not, or it is not known yet.
    pub fn index_to_save(&self) -> Option<Vec<u8>> {
        let took_long = matches!(self.origin, Origin::ManyPackets | Origin::Frames);
        let is_worth = took_long && self.index.is_sure;
        is_worth.then(|| {
            let damage = self.index.damage.clone().or_else(|| self.damage.clone());
            Index { damage, ..Index::clone(&self.index) }.to_bytes()
        })
    }

    /// Frames that decode.
    ///
    /// # Errors
    /// When the file cannot be opened again.
    pub fn frame_count(&mut self) -> Result<usize, Failure> {
        if !self.index.is_sure {
            self.scan()?;
        }
        Ok(self.index.stamps.len())
    }

    /// Names all frames that will be asked for, so that those between them may be left out and none is decoded for nothing.
    /// With several threads they are decoded from here on.
    ///
    /// # Errors
    /// As for [`Reader::frame_count`].
    pub fn expect(&mut self, indices: &[usize]) -> Result<(), Failure> {
        self.prepare(indices, true)
    }

    fn prepare(&mut self, indices: &[usize], is_all: bool) -> Result<(), Failure> {
        self.frame_count()?;
        self.dismiss();
        let mut stamps: Vec<i64> =
            indices.iter().filter_map(|&index| self.index.stamps.get(index)).copied().collect();
        stamps.sort_unstable();
        stamps.dedup();
        self.wanted = Wanted { stamps, is_all };
        if !self.index.seekable {
            return Ok(());
        }
        if self.options.threads == 1 || self.is_doubted || !self.share() {
            self.work_alone()?;
        }
        Ok(())
    }

    /// Sets a crew to work at the wanted frames; false where they cannot be shared out.
    fn share(&mut self) -> bool {
        let wanted = &self.wanted.stamps;
        let gain = self.gain.among(&self.index, wanted);
        let (width, height) = self.picture.size();
        let held = (HELD / (width * height * 3).max(1)).max(1);
        let Some(plan) = plan(&self.index, wanted, (self.options.threads, gain), held) else {
            return false;
        };
        let Plan { decoders, threads, .. } = plan;
        (self.shared.decoders, self.shared.threads) = (decoders, threads);
        let index = Arc::clone(&self.index);
        let (twin, idle) = (self.twin.clone(), &mut self.decodings);
        self.crew = Some(Crew::new((plan, self.wanted.is_all), index, &twin, idle, held));
        true
    }

    fn dismiss(&mut self) {
        if let Some(crew) = self.crew.take() {
            self.is_doubted |= crew.has_failed();
            self.decodings.extend(crew.dismiss());
        }
    }

    /// Leaves the wanted frames to one decoder of one thread.
    fn work_alone(&mut self) -> Result<(), Failure> {
        if self.decodings.is_empty() {
            self.decodings.push(Decoding::new(self.twin.open()?, &self.index, 1)?);
        }
        let decoding = &mut self.decodings[0];
        decoding.use_threads(1)?;
        decoding.expect(self.wanted.clone());
        Ok(())
    }

    /// Writes the frames at `indices`, in any order, each as packed RGB into the buffer beside it.
    ///
    /// # Errors
    /// `OutOfRange`, `Decode`.
    pub fn frames(&mut self, indices: &[usize], out: &mut [&mut [u8]]) -> Result<(), Failure> {
        let mut order: Vec<usize> = (0..indices.len()).collect();
        order.sort_by_key(|&position| indices[position]);
        self.frame_count()?;
        let is_expected = |stamp: &i64| self.wanted.stamps.binary_search(stamp).is_ok();
        if !indices.iter().filter_map(|&index| self.index.stamps.get(index)).all(is_expected) {
            self.prepare(indices, false)?;
        }
        let mut current = None;
        for position in order {
            let frame = indices[position];
            if current != Some(frame) {
                self.find(frame)?;
                current = Some(frame);
            }
            let frames = self.index.stamps.len();
            self.picture.write(&self.frame, out[position]).map_err(|failure| Failure {
                frame,
                frames,
                ..failure
            })?;
        }
        Ok(())
    }

    /// Leaves the frame at an index in `self.frame`.
    fn find(&mut self, frame: usize) -> Result<(), Failure> {
        let frames = self.frame_count()?;
        if frame >= frames {
            return Err(self.past_the_end(frame));
        }
        if self.index.seekable {
            let stamp = self.index.stamps[frame];
            if self.find_by_crew(stamp)? || self.find_by_time(stamp) {
                return Ok(());
            }
            // Not where the index says: nothing but counting can be trusted in this file.
            Arc::make_mut(&mut self.index).seekable = false;
            self.counted = None;
        }
        self.find_by_count(frame)
    }

    fn find_by_crew(&mut self, stamp: i64) -> Result<bool, Failure> {
        let Some(crew) = &mut self.crew else { return Ok(false) };
        if let Some(frame) = crew.take(stamp) {
            self.frame = frame;
            self.shared.frames += 1;
            return Ok(true);
        }
        self.dismiss();
        self.work_alone()?;
        Ok(false)
    }

    fn find_by_time(&mut self, stamp: i64) -> bool {
        self.counted = None;
        let Some(decoding) = self.decodings.first_mut() else { return false };
        let is_found = matches!(decoding.find(&self.index, stamp, &NEVER), Ok(true));
        if is_found {
            std::mem::swap(&mut self.frame, &mut decoding.frame);
        }
        is_found
    }

    fn past_the_end(&self, frame: usize) -> Failure {
        let frames = self.index.stamps.len();
        match self.damage() {
            Some(Damage { reason, .. }) => Failure {
                class: Class::Decode,
                frame,
                frames,
                text: format!("{reason}; {frames} frames decode"),
            },
            None => Failure {
                class: Class::OutOfRange,
                frame,
                frames,
                text: format!("the stream has {frames} frames"),
            },
        }
    }
}

/// Whether an MP4 file ends inside its header: what FFmpeg makes of the rest says nothing of that.
fn cut_header(path: &[u8]) -> Option<String> {
    let mut file = File::open(str::from_utf8(path).ok()?).ok()?;
    container::cut_header(&mut file)
}

/// Opens a file and reads the index out of its packets, at first after a brief look; any doubt leads to a thorough one.
fn indexed(path: &[u8], options: Options) -> Result<(Input, Index), Failure> {
    let mut input = Input::open(path, options.stream, options.seek)?;
    if input.is_brief {
        let index = Index::read(&mut input);
        // Decoders are told how far frames are out of order by MP4 alone.
        let is_ordered = input.knows_delay() || index.is_in_order;
        if index.is_sure && index.seekable && index.damage.is_none() && is_ordered {
            return Ok((input, index));
        }
        input = Input::open(path, options.stream, false)?;
    }
    // A size that cannot be is refused before anything is read.
    input.size()?;
    let index = Index::read(&mut input);
    Ok((input, index))
}
