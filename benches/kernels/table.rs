//! Timing in turns, and the summary table.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};

use crate::shapes::{Case, copies};

/// A measured line: what, where, and the medians of both sides in seconds.
struct Line {
    what: String,
    case: String,
    large: bool,
    /// Useful bytes, or none where the other side is no copy.
    bytes: Option<i64>,
    ours: f64,
    theirs: f64,
    ratio: f64,
}

static LINES: Mutex<Vec<Line>> = Mutex::new(Vec::new());

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Turns {
    Ours,
    Theirs,
    /// What both do besides, timed alone and taken off both.
    Shared,
}

unsafe extern "C" {
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn mallopt(parameter: i32, value: i32) -> i32;
}

/// Lets freed memory be used again instead of going back to the system: results then lie in touched
/// memory, on both sides, as those of the other operations here do. Fresh pages would take most of a
/// step's time.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const TRIM_THRESHOLD: i32 = -1;
        const MMAP_MAX: i32 = -4;
        // SAFETY: settings of glibc's allocator, made before there are other threads.
        unsafe {
            mallopt(MMAP_MAX, 0);
            mallopt(TRIM_THRESHOLD, i32::MAX);
        }
    }
}

/// Linux' clock of the processor time of this thread.
const THREAD_CPU: i32 = 3;

/// Seconds that this thread was on a processor.
///
/// On a machine that others use, `TIMEWEAVE_BENCH_CLOCK=cpu` with one thread leaves out the time that
/// was theirs.
fn cpu_seconds() -> Option<f64> {
    let mut time = [0i64; 2];
    // SAFETY: the structure of two 64-bit numbers is that of 64-bit Linux.
    let code = unsafe { clock_gettime(THREAD_CPU, &raw mut time) };
    (code == 0).then(|| time[0] as f64 + time[1] as f64 * 1e-9)
}

fn timed(body: &mut dyn FnMut()) -> f64 {
    let by_cpu = std::env::var("TIMEWEAVE_BENCH_CLOCK").is_ok_and(|clock| clock == "cpu");
    if let Some(before) = cpu_seconds().filter(|_| by_cpu) {
        body();
        return cpu_seconds().map_or(f64::NAN, |after| after - before).max(1e-9);
    }
    let start = Instant::now();
    body();
    start.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Lets both sides take turns under criterion's clock; criterion reports ours.
fn turns(
    c: &mut Criterion,
    case: &Case,
    what: &str,
    bytes: Option<i64>,
    mut side: impl FnMut(Turns, usize),
) {
    let mut group = c.benchmark_group(what);
    group.sample_size(10).warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(800));
    if let Some(bytes) = bytes {
        group.throughput(Throughput::Bytes(bytes as u64));
    }
    let (mut ours, mut theirs, mut turn) = (Vec::new(), Vec::new(), 0);
    group.bench_function(case.name(), |bencher| {
        bencher.iter_custom(|iterations| {
            let mut total = 0.0;
            for _ in 0..iterations {
                turn += 1;
                let shared = timed(&mut || side(Turns::Shared, turn));
                // The first one, on fresh pages, may take longer than the rest.
                let mut alone = |whose| (timed(&mut || side(whose, turn)) - shared).max(1e-9);
                theirs.push(alone(Turns::Theirs));
                let time = alone(Turns::Ours);
                ours.push(time);
                total += time;
            }
            Duration::from_secs_f64(total)
        });
    });
    group.finish();
    if ours.is_empty() {
        return;
    }
    let mut ratios: Vec<_> = ours.iter().zip(&theirs).map(|(a, b)| b / a).collect();
    let line = Line {
        what: what.into(),
        case: case.name(),
        large: case.is_large(),
        bytes,
        ratio: median(&mut ratios),
        ours: median(&mut ours),
        theirs: median(&mut theirs),
    };
    LINES.lock().expect("no bench panicked").push(line);
}

/// Times `body`, which touches `maps` maps' worth of useful bytes, beside a copy of as many.
pub fn beside_copy(
    c: &mut Criterion,
    case: &Case,
    what: &str,
    maps: i64,
    mut body: impl FnMut(usize),
) {
    // The interlacing's backward also reads the quarter of its input that moves.
    let quarter = if what == "interlace backward" { case.bytes() / 4 } else { 0 };
    let bytes = maps * case.bytes() + quarter;
    let mut buffers = copies(bytes);
    turns(c, case, what, Some(bytes), |whose, turn| match whose {
        Turns::Ours => body(turn),
        Turns::Theirs => {
            let count = buffers.len();
            let [from, to] = &mut buffers[turn % count];
            to.copy_(from);
        }
        Turns::Shared => {}
    });
}

/// Times both sides of `body`, ours and the authors' composition, without what they share.
pub fn against(c: &mut Criterion, case: &Case, what: &str, mut body: impl FnMut(Turns)) {
    turns(c, case, what, None, |whose, _| body(whose));
}

/// Prints what was measured in this run.
pub fn print() {
    let lines = LINES.lock().expect("no bench panicked");
    let threads = tch::get_num_threads();
    println!(
        "\n{:?}, {threads} threads; ratio: copy time / our time",
        timeweave_kernels::cpu::Isa::current()
    );
    println!(
        "| operation | map | ours GB/s | copy GB/s | of copy |\n| --- | --- | --- | --- | --- |"
    );
    for line in lines.iter() {
        let Some(bytes) = line.bytes else { continue };
        let speed = |seconds: f64| bytes as f64 / seconds / 1e9;
        let small = if line.large { "" } else { " (small)" };
        println!(
            "| {} | {}{small} | {:.1} | {:.1} | {:.0} % |",
            line.what,
            line.case,
            speed(line.ours),
            speed(line.theirs),
            100.0 * line.ratio
        );
    }
    println!(
        "\n| operation | map | ours ms | composed ms | times faster |\n| --- | --- | --- | --- | --- |"
    );
    for line in lines.iter().filter(|line| line.bytes.is_none()) {
        println!(
            "| {} | {} | {:.1} | {:.1} | {:.1} |",
            line.what,
            line.case,
            line.ours * 1e3,
            line.theirs * 1e3,
            line.ratio
        );
    }
}
