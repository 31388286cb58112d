//! A limit of time that a busy machine does not break. The tests of `timeweave-models` use it too.

use std::time::{Duration, Instant};

/// The result of `work`, which has to come within a second. A machine that does something else
/// may stop a process for longer than that: the quickest of three tries counts.
pub fn in_a_second<T>(what: &str, work: impl Fn() -> T) -> T {
    let mut took = Vec::new();
    for _ in 0..3 {
        let started = Instant::now();
        let result = work();
        took.push(started.elapsed());
        if took.last() <= Some(&Duration::from_secs(1)) {
            return result;
        }
    }
    panic!("{what} took {took:?}, longer than a second");
}
