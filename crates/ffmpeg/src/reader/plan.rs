//! How the frames that are wanted are shared out among threads.
//!
//! Frames behind different key frames do not need each other, so that each such run can have a decoder of its own, on a
//! thread of its own. Where there is one run, or one that is much longer than the others, the decoder's own threads do more.

use crate::bitstream::Checker;
use crate::decoder::gain_of_threads;
use crate::index::Index;
use crate::input::Input;

/// Frames that are reached from one key frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    /// Their times, rising.
    pub stamps: Vec<i64>,
    /// Frames that are decoded on the way to the last of them, roughly.
    pub cost: f64,
}

/// Who decodes what.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// In the order of the file.
    pub runs: Vec<Run>,
    /// Places of the runs, in the order in which decoders take them: one that is done takes the next that nobody has taken.
    pub order: Vec<usize>,
    /// Decoders that work side by side.
    pub decoders: usize,
    /// Threads of each.
    pub threads: usize,
}

/// What a decoder's second thread does, the first one doing 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gain {
    all: f64,
    /// Frames that no other needs do not reach the decoder.
    knows_spare: bool,
}

impl Gain {
    /// For the stream of a file.
    pub fn of(input: &Input) -> Self {
        let codec = input.stream().parameters().id();
        let knows_spare = Checker::new(codec, input.extradata()).knows_spare();
        Self { all: gain_of_threads(codec), knows_spare }
    }

    /// For the frames with some times, rising.
    ///
    /// Threads decode frames side by side. One that is given a frame to leave out waits for its turn like any other, so that
    /// where many are left out by the decoder its threads stand still.
    pub fn among(self, index: &Index, wanted: &[i64]) -> f64 {
        const FEW: usize = 4;
        let place = |stamp: i64| index.stamps.partition_point(|&other| other < stamp);
        let is_dense = match wanted {
            [first, .., last] => wanted.len() * FEW > place(*last) - place(*first),
            _ => false,
        };
        let has_spare = index.spare * FEW >= index.stamps.len();
        if has_spare && !is_dense && !self.knows_spare { 0.0 } else { self.all }
    }
}

/// A plan for at most `threads` threads at a time; `gain` as in [`Gain`]. Of all frames `held` may wait to be taken.
/// `None` where a frame is reached from no key frame, and where none is wanted.
pub(super) fn plan(
    index: &Index,
    wanted: &[i64],
    (threads, gain): (usize, f64),
    held: usize,
) -> Option<Plan> {
    let runs = runs(index, wanted)?;
    let mut order: Vec<usize> = (0..runs.len()).collect();
    // Decoders that wait with a late run for an early one that nobody decodes would wait for ever.
    if wanted.len() <= held {
        // Then the short ones fill what the long ones leave.
        order.sort_by(|&one, &other| runs[other].cost.total_cmp(&runs[one].cost));
    }
    let each = |decoders: usize| if gain > 0.0 { threads / decoders } else { 1 };
    let time = |&decoders: &usize| {
        let speed = 1.0 + gain * (each(decoders) - 1) as f64;
        longest(order.iter().map(|&place| runs[place].cost), decoders) / speed
    };
    let decoders =
        (1..=threads.min(runs.len())).min_by(|one, other| time(one).total_cmp(&time(other)))?;
    if decoders == 1 {
        order.sort_unstable();
    }
    Some(Plan { runs, order, decoders, threads: each(decoders) })
}

fn runs(index: &Index, wanted: &[i64]) -> Option<Vec<Run>> {
    // Opening a decoder, and seeking, take about as long as a frame.
    const START: f64 = 1.0;
    let place = |stamp: i64| index.stamps.partition_point(|&other| other < stamp);
    let needed = 1.0 - index.spare as f64 / index.stamps.len().max(1) as f64;
    let mut runs: Vec<Run> = Vec::new();
    let mut before = None;
    for &stamp in wanted {
        let key = index.key_before(stamp)?;
        if before != Some(key.pts) {
            runs.push(Run { stamps: Vec::new(), cost: 0.0 });
            before = Some(key.pts);
        }
        let run = runs.last_mut()?;
        run.stamps.push(stamp);
        run.cost = START + needed * (place(stamp) + 1 - place(key.pts)) as f64;
    }
    Some(runs)
}

/// When the last of some decoders is done, each taking the next run when it is free.
fn longest(costs: impl Iterator<Item = f64>, decoders: usize) -> f64 {
    let mut free = vec![0.0_f64; decoders];
    for cost in costs {
        if let Some(first) = free.iter_mut().min_by(|one, other| one.total_cmp(other)) {
            *first += cost;
        }
    }
    free.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Key;

    /// A hundred frames, with key frames at some.
    fn index(keys: &[i64]) -> Index {
        let keys = keys.iter().map(|&pts| Key { pts, target: pts }).collect();
        Index { stamps: (0..100).collect(), keys, ..Index::default() }
    }

    fn shape(keys: &[i64], wanted: &[i64], threads: usize, gain: f64) -> (usize, usize, usize) {
        let index = index(keys);
        let plan = plan(&index, wanted, (threads, gain), 8).expect("a key frame before each");
        (plan.runs.len(), plan.decoders, plan.threads)
    }

    #[test]
    fn runs_of_a_length_are_shared_out() {
        let wanted = [10, 40, 60, 90];
        assert_eq!(shape(&[0, 50], &wanted, 2, 0.6), (2, 2, 1));
        assert_eq!(shape(&[0, 50], &wanted, 4, 0.6), (2, 2, 2));
        assert_eq!(shape(&[0, 25, 50, 75], &wanted, 2, 0.6), (4, 2, 1));
        assert_eq!(shape(&[0, 25, 50, 75], &wanted, 4, 0.6), (4, 4, 1));
        let plan = plan(&index(&[0, 50]), &wanted, (2, 0.6), 8).expect("a plan");
        assert_eq!(plan.runs[1], Run { stamps: vec![60, 90], cost: 42.0 });
    }

    #[test]
    fn long_runs_are_taken_first_where_all_their_frames_may_wait() {
        let (index, wanted) = (index(&[0, 10, 20, 60]), [5, 15, 40, 50, 90]);
        let order = |held| plan(&index, &wanted, (2, 0.6), held).expect("a plan").order;
        assert_eq!(order(5), [2, 3, 0, 1]);
        assert_eq!(order(4), [0, 1, 2, 3]);
        assert_eq!(shape(&[0, 10, 20, 60], &wanted, 2, 0.6), (4, 2, 1));
    }

    #[test]
    fn a_long_run_gets_a_decoder_of_several_threads_where_they_help() {
        assert_eq!(shape(&[0], &[10, 90], 2, 0.6), (1, 1, 2));
        assert_eq!(shape(&[0, 85], &[10, 80, 90], 2, 0.6), (2, 1, 2));
        assert_eq!(shape(&[0, 85], &[10, 80, 90], 2, 0.0), (2, 2, 1));
        assert_eq!(shape(&[0], &[10, 90], 2, 0.0), (1, 1, 1));
        assert_eq!(shape(&[0, 50], &[60], 3, 0.6), (1, 1, 3));
    }

    #[test]
    fn a_frame_before_the_first_key_frame_has_no_plan() {
        assert_eq!(plan(&index(&[5]), &[], (2, 0.6), 8), None);
        assert_eq!(plan(&index(&[5]), &[4, 8], (2, 0.6), 8), None);
    }
}
