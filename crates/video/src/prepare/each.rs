//! The same work on many items, on several threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::bounded;

/// Works on every item and hands each result to `done`, on the calling thread and in the order in which they are finished.
/// When `cancel` becomes true no further item is begun.
pub(crate) fn each<T: Sync, R: Send>(
    items: &[T],
    workers: usize,
    cancel: &AtomicBool,
    work: impl Fn(&T) -> R + Sync,
    mut done: impl FnMut(usize, R),
) {
    let next = AtomicUsize::new(0);
    let (results, finished) = bounded(workers);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(items.len()) {
            let (results, next, work) = (results.clone(), &next, &work);
            scope.spawn(move || {
                while !cancel.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    if results.send((index, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        for (index, result) in finished {
            done(index, result);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        let items: Vec<usize> = (0..100).collect();
        let mut seen = vec![0; 100];
        each(
            &items,
            4,
            &AtomicBool::new(false),
            |item| item * 2,
            |index, result| {
                assert_eq!(result, index * 2);
                seen[index] += 1;
            },
        );
        assert!(seen.iter().all(|&count| count == 1));
    }

    #[test]
    fn no_item_is_begun_after_a_stop() {
        let (items, cancel) = (vec![(); 100], AtomicBool::new(false));
        let mut count = 0;
        each(
            &items,
            2,
            &cancel,
            |()| (),
            |_, ()| {
                count += 1;
                cancel.store(true, Ordering::Relaxed);
            },
        );
        // Each worker has one in hand and the channel holds as many again.
        assert!((1..=6).contains(&count), "{count}");
    }
}
