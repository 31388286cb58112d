//! Threads that decode ahead of the caller, each by a decoder of its own.
//!
//! They only ever take the short way to a frame. Whatever they are in doubt about they leave to the caller, who decodes as one
//! thread alone does: frames and errors are those of one thread, whatever the number of threads.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use ff::frame::Video;
use ffmpeg_next as ff;

use super::decoding::{Decoding, Wanted};
use super::plan::Plan;
use crate::index::Index;
use crate::input::Twin;

/// Frames behind one key frame, on their way to the caller.
struct Run {
    wanted: Wanted,
    frames: VecDeque<(i64, Video)>,
    /// Nothing will be added.
    is_over: bool,
}

/// What changes.
struct State {
    /// In the order of the file.
    runs: Vec<Run>,
    /// Places of those that nobody has taken.
    queue: VecDeque<usize>,
    /// Place of the run that the caller reads.
    front: usize,
    /// Frames that wait for the caller.
    held: usize,
}

/// What the threads share with the caller.
struct Board {
    index: Arc<Index>,
    /// Threads of each decoder.
    threads: usize,
    /// Frames that may wait for the caller.
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
    stop: AtomicBool,
}

/// Threads at work.
pub(super) struct Crew {
    board: Arc<Board>,
    workers: Vec<JoinHandle<Option<Decoding>>>,
    /// Time of the frame taken last.
    taken: Option<i64>,
    has_failed: bool,
}

impl Crew {
    /// Begins to decode. Those of `idle` that there are threads for are used; `most` frames may wait for the caller, or one
    /// that it waits for.
    pub fn new(
        (plan, is_all): (Plan, bool),
        index: Arc<Index>,
        twin: &Twin,
        idle: &mut Vec<Decoding>,
        most: usize,
    ) -> Self {
        let Plan { runs, order, decoders, threads } = plan;
        let count = runs.len();
        let runs = runs.into_iter().enumerate().map(|(number, run)| {
            let wanted = Wanted { stamps: run.stamps, is_all: is_all || number + 1 < count };
            Run { wanted, frames: VecDeque::new(), is_over: false }
        });
        let state = State { runs: runs.collect(), queue: order.into(), front: 0, held: 0 };
        let board = Arc::new(Board {
            index,
            threads,
            most,
            state: Mutex::new(state),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        board.put_nearest_first(idle);
        let mut idle = idle.drain(..);
        let workers = (0..decoders).filter_map(|_| {
            let first = Board::next(&board)?;
            let decoding = idle.next().map_or_else(|| Err(twin.clone()), Ok);
            // A thread that cannot be had leaves its run to the caller.
            let builder = Builder::new().name("clip-decoder".into());
            builder.spawn(move || first.work(decoding)).ok()
        });
        let workers: Vec<_> = workers.collect();
        drop(idle);
        if workers.is_empty() {
            board.leave();
        }
        Self { board, workers, taken: None, has_failed: false }
    }

    /// Waits for the frame with a time, when those before it are not wanted any more; `None` leaves it to the caller.
    pub fn take(&mut self, stamp: i64) -> Option<Video> {
        if self.taken.replace(stamp).is_some_and(|taken| taken >= stamp) {
            return None;
        }
        let mut guard = self.board.lock();
        loop {
            let state = &mut *guard;
            let run = state.runs.get_mut(state.front)?;
            if run.wanted.stamps.last().is_none_or(|&last| last < stamp) {
                state.held -= run.frames.len();
                run.frames.clear();
                state.front += 1;
                self.board.changed.notify_all();
                continue;
            }
            match run.frames.pop_front() {
                Some((reached, frame)) => {
                    state.held -= 1;
                    self.board.changed.notify_all();
                    if reached >= stamp {
                        self.has_failed = reached > stamp;
                        return (reached == stamp).then_some(frame);
                    }
                }
                None if run.is_over => {
                    self.has_failed = true;
                    return None;
                }
                None => guard = self.board.wait(guard),
            }
        }
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
        self.board.stop.store(true, Ordering::Relaxed);
        self.board.leave();
        self.workers.drain(..).filter_map(|worker| worker.join().ok().flatten()).collect()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.end();
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the decoder that stands before the first frame the first one, so that it goes on from there.
    fn put_nearest_first(&self, idle: &mut [Decoding]) {
        let state = self.lock();
        let first = state.queue.front().and_then(|&run| state.runs[run].wanted.stamps.first());
        let is_near = |stamp| idle.iter().position(|one| one.is_before(&self.index, stamp));
        if let Some(near) = first.and_then(|&first| is_near(first)) {
            idle.swap(0, near);
        }
    }

    /// The next run that nobody has taken.
    fn next(board: &Arc<Self>) -> Option<Hand> {
        let run = board.lock().queue.pop_front()?;
        Some(Hand { board: Arc::clone(board), run })
    }

    /// Gives up the runs that nobody has taken.
    fn leave(&self) {
        let mut state = self.lock();
        while let Some(run) = state.queue.pop_front() {
            state.runs[run].is_over = true;
        }
        self.changed.notify_all();
    }
}

/// A run in the hands of a thread, which is over when they let it go, by a panic too.
struct Hand {
    board: Arc<Board>,
    run: usize,
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.board.lock().runs[self.run].is_over = true;
        self.board.changed.notify_all();
    }
}

/// Gives up what is left when a thread ends: nobody may wait for what nobody decodes.
struct Leaving(Arc<Board>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Hand {
    /// Decodes one run after another; gives the decoder back where it can be used again.
    fn work(self, decoding: Result<Decoding, Twin>) -> Option<Decoding> {
        let board = Arc::clone(&self.board);
        let _leaving = Leaving(Arc::clone(&board));
        let mut decoding = match decoding {
            Ok(mut decoding) => {
                decoding.use_threads(board.threads).ok()?;
                decoding
            }
            Err(twin) => Decoding::new(twin.open().ok()?, &board.index, board.threads).ok()?,
        };
        let mut next = Some(self);
        while let Some(hand) = next {
            if !hand.decode(&mut decoding) {
                break;
            }
            drop(hand);
            next = Board::next(&board);
        }
        (!decoding.is_troubled()).then_some(decoding)
    }

    /// Hands the frames of a run over; false where one was not found.
    fn decode(&self, decoding: &mut Decoding) -> bool {
        let wanted = self.board.lock().runs[self.run].wanted.clone();
        decoding.expect(wanted.clone());
        for stamp in wanted.stamps {
            let is_found =
                matches!(decoding.find(&self.board.index, stamp, &self.board.stop), Ok(true));
            if !is_found || decoding.is_troubled() {
                return false;
            }
            if !self.put(stamp, std::mem::replace(&mut decoding.frame, Video::empty())) {
                break;
            }
        }
        true
    }

    /// Waits for room and puts a frame there; false when the caller has gone on to another run.
    fn put(&self, stamp: i64, frame: Video) -> bool {
        let board = &self.board;
        let mut state = board.lock();
        loop {
            if state.front > self.run || board.stop.load(Ordering::Relaxed) {
                return false;
            }
            // What the caller waits for always has room, or those who decode the rest would keep it out.
            let is_waited_for = state.front == self.run && state.runs[self.run].frames.is_empty();
            if state.held < board.most || is_waited_for {
                state.held += 1;
                state.runs[self.run].frames.push_back((stamp, frame));
                board.changed.notify_all();
                return true;
            }
            state = board.wait(state);
        }
    }
}
