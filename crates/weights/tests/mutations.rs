//! A hundred thousand damaged checkpoints: each is read or refused with a typed error, in bounded
//! memory and without a panic.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use timeweave_weights::read_bytes;

/// How many damaged files are read, unless `TIMEWEAVE_MUTATIONS` says another number.
const MUTATIONS: usize = 120_000;
/// Most bytes that reading one of them may hold at a time: the 16 MiB that any file may yield in
/// tensors, and the same again for what is fetched meanwhile.
const MOST_BYTES: usize = 32 << 20;
const SEED: u64 = 5;

/// The system's allocator, counting the bytes that are held and the most that ever were.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes on to the system's allocator with the same arguments; the counters do
// not touch the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the pointer came from `alloc` above with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn damaged_checkpoints_are_refused_without_panic_or_large_allocations() {
    let originals = originals();
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let (mut read, mut most, mut codes) = (0, 0, std::collections::BTreeMap::new());
    let rounds = std::env::var("TIMEWEAVE_MUTATIONS").ok().and_then(|text| text.parse().ok());
    let rounds = rounds.unwrap_or(MUTATIONS);
    for round in 0..rounds {
        let file = mutate(&originals, &mut random);
        let name = format!("round {round}");
        let before = HELD.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        match support::limit::in_a_second(&name, || read_bytes("mutation", &file)) {
            Ok(state) => {
                read += 1;
                let bytes: usize = state.tensors.values().map(|tensor| tensor.data.len()).sum();
                assert!(bytes <= MOST_BYTES, "round {round}: {bytes} bytes of tensors");
            }
            Err(error) => *codes.entry(error.code()).or_insert(0) += 1,
        }
        let held = MOST.load(Ordering::Relaxed).saturating_sub(before);
        most = most.max(held);
        assert!(held <= MOST_BYTES, "round {round}: {held} bytes held");
    }
    // Damage that goes unnoticed everywhere, or everything refused, would mean that the mutations
    // do not reach the reader.
    assert!(read > 0 && codes.len() >= 3, "{read} read, {codes:?}");
    println!("checked: {rounds} mutated checkpoints, {read} readable, {codes:?}, {most} bytes");
}

/// The good checkpoints of every form, and the crafted ones, which are close to trouble.
fn originals() -> Vec<Vec<u8>> {
    let index = support::json(&support::fixtures().join("checkpoints/index.json"));
    let files: Vec<PathBuf> = index
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|case| case["file"].as_str())
        .filter(|file| !file.contains("/bad/") || file.contains("crafted"))
        .map(|file| support::fixtures().join(file))
        .collect();
    assert!(files.len() > 20, "{} files", files.len());
    let whole = files.iter().map(|file| std::fs::read(file).expect("a fixture"));
    let whole = whole.chain([support::first_form::archive(6)]);
    whole.flat_map(|file| [without_checksums(file.clone()), file]).collect()
}

/// Checksums would catch most damage of zip files; 0 switches them off.
fn without_checksums(mut file: Vec<u8>) -> Vec<u8> {
    let entries: Vec<usize> =
        file.windows(4).enumerate().filter(|(_, at)| *at == b"PK\x01\x02").map(|at| at.0).collect();
    for entry in entries {
        file[entry + 16..entry + 20].fill(0);
    }
    file
}

fn mutate(originals: &[Vec<u8>], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut file = originals[random.random_range(0..originals.len())].clone();
    for _ in 0..random.random_range(1..4) {
        if file.is_empty() {
            break;
        }
        let at = random.random_range(0..file.len());
        match random.random_range(0..7) {
            0 => file[at] ^= 1 << random.random_range(0..8),
            1 => file[at] = random.random(),
            2 => file.truncate(at),
            3 => {
                // A length or an offset of any size.
                let value: u64 = random.random::<u64>() >> random.random_range(0..64);
                let end = (at + 8).min(file.len());
                file[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
            }
            4 => {
                let end = random.random_range(at..file.len());
                file.drain(at..=end.min(at + 64).min(file.len() - 1));
            }
            5 => {
                let other = &originals[random.random_range(0..originals.len())];
                let start = random.random_range(0..other.len());
                let end = (start + random.random_range(1..256)).min(other.len());
                file.splice(at..at, other[start..end].iter().copied());
            }
            _ => {
                // The pickle is a small part of a zip file: aim at its instructions.
                let pickle = file.windows(2).position(|bytes| bytes == [0x80, 2]).unwrap_or(0);
                let near = pickle + random.random_range(0..600);
                if let Some(byte) = file.get_mut(near) {
                    *byte = b".(}])tRbQsuaeqrhjcXKMJN\x88\x89\x8a\x8c\x93\x94\x95\x85\x86\x87"
                        [random.random_range(0..32)];
                }
            }
        }
    }
    file
}
