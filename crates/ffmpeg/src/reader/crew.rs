//! Threads that decode ahead of the caller, each by a decoder of its own.
//!
//! They only ever take the short way to a frame. Whatever they are in doubt about they leave to the caller, who decodes as one
//! thread alone does: frames and errors are those of one thread, whatever the number of threads.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use ff::frame::Video;
use ffmpeg_next as ff;

use super::decoding::{Decoding, Wanted};
use super::plan::{Plan, Run};
use crate::index::Index;
use crate::input::Twin;

/// A run that is to be decoded.
struct Job {
    wanted: Wanted,
    out: SyncSender<(i64, Video)>,
}

/// What the threads share.
struct Orders {
    index: Arc<Index>,
    /// Threads of each decoder.
    threads: usize,
    /// Runs that nobody has taken.
    queue: Mutex<VecDeque<Job>>,
    stop: AtomicBool,
}

/// Threads at work.
pub(super) struct Crew {
    orders: Arc<Orders>,
    workers: Vec<JoinHandle<Option<Decoding>>>,
    /// The frames of each run, and the time of its last one.
    runs: VecDeque<(i64, Receiver<(i64, Video)>)>,
    /// Time of the frame taken last.
    taken: Option<i64>,
    has_failed: bool,
}

impl Crew {
    /// Begins to decode. Those of `idle` that there are threads for are used; `held` frames may wait for the caller in each run.
    pub fn new(
        (plan, is_all): (Plan, bool),
        index: Arc<Index>,
        twin: &Twin,
        idle: &mut Vec<Decoding>,
        held: usize,
    ) -> Self {
        let Plan { runs, order, decoders, threads } = plan;
        let (mut jobs, mut receivers) = (Vec::new(), VecDeque::new());
        let count = runs.len();
        for (number, Run { stamps, .. }) in runs.into_iter().enumerate() {
            let (out, frames) = sync_channel(held);
            receivers.push_back((stamps.last().copied().unwrap_or_default(), frames));
            let wanted = Wanted { stamps, is_all: is_all || number + 1 < count };
            jobs.push(Some(Job { wanted, out }));
        }
        let mut jobs: VecDeque<Job> =
            order.into_iter().filter_map(|place| jobs[place].take()).collect();
        // A decoder that stands before the first frame goes on from there.
        let first = jobs.front().and_then(|job| job.wanted.stamps.first());
        if let Some(near) =
            first.and_then(|&first| idle.iter().position(|one| one.is_before(&index, first)))
        {
            idle.swap(0, near);
        }
        let queue = Mutex::new(jobs.split_off(decoders));
        let orders = Arc::new(Orders { index, threads, queue, stop: AtomicBool::new(false) });
        let mut idle = idle.drain(..);
        let workers = jobs.into_iter().filter_map(|job| {
            let orders = Arc::clone(&orders);
            let decoding = idle.next().map_or_else(|| Err(twin.clone()), Ok);
            // A thread that cannot be had leaves its run to the caller.
            let builder = Builder::new().name("clip-decoder".into());
            builder.spawn(move || orders.work(decoding, job)).ok()
        });
        let workers: Vec<_> = workers.collect();
        drop(idle);
        if workers.is_empty() {
            drop(Leaving(&orders));
        }
        Self { orders, workers, runs: receivers, taken: None, has_failed: false }
    }

    /// Waits for the frame with a time, when those before it are not wanted any more; `None` leaves it to the caller.
    pub fn take(&mut self, stamp: i64) -> Option<Video> {
        if self.taken.replace(stamp).is_some_and(|taken| taken >= stamp) {
            return None;
        }
        while let Some((last, frames)) = self.runs.front() {
            if *last < stamp {
                self.runs.pop_front();
                continue;
            }
            match frames.recv() {
                Ok((reached, frame)) if reached == stamp => return Some(frame),
                Ok((reached, _)) if reached < stamp => {}
                _ => {
                    self.has_failed = true;
                    return None;
                }
            }
        }
        None
    }

    /// Whether a thread was in doubt.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Ends the work; gives the decoders back.
    pub fn dismiss(mut self) -> Vec<Decoding> {
        self.end()
    }

    fn end(&mut self) -> Vec<Decoding> {
        self.orders.stop.store(true, Ordering::Relaxed);
        // Who waits to hand over a frame learns that nobody takes it.
        self.runs.clear();
        self.workers.drain(..).filter_map(|worker| worker.join().ok().flatten()).collect()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.end();
    }
}

/// Takes the runs that are left back when a thread ends: nobody may wait for what nobody decodes.
struct Leaving<'a>(&'a Orders);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Orders {
    /// Decodes one run after another; gives the decoder back where it can be used again.
    fn work(&self, decoding: Result<Decoding, Twin>, first: Job) -> Option<Decoding> {
        let _leaving = Leaving(self);
        let mut decoding = match decoding {
            Ok(mut decoding) => {
                decoding.use_threads(self.threads).ok()?;
                decoding
            }
            Err(twin) => Decoding::new(twin.open().ok()?, &self.index, self.threads).ok()?,
        };
        let mut next = Some(first);
        while let Some(job) = next {
            if !self.decode(&mut decoding, job) {
                break;
            }
            next = self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        }
        (!decoding.is_troubled()).then_some(decoding)
    }

    /// Hands the frames of a run over; false where one was not found.
    fn decode(&self, decoding: &mut Decoding, job: Job) -> bool {
        decoding.expect(job.wanted.clone());
        for stamp in job.wanted.stamps {
            let is_found = matches!(decoding.find(&self.index, stamp, &self.stop), Ok(true));
            if !is_found || decoding.is_troubled() {
                return false;
            }
            let frame = std::mem::replace(&mut decoding.frame, Video::empty());
            if job.out.send((stamp, frame)).is_err() {
                // The caller has gone on to another run.
                break;
            }
        }
        true
    }
}
