//! Sampling by seconds, by SlowFast's and by mmaction2's rules: windows that can be counted by hand.

use timeweave_video::random::Draws;
use timeweave_video::sample::mmaction::Beyond;
use timeweave_video::sample::{Footage, Manner, Sampling, eval_clips, eval_indices, train_indices};

#[test]
fn windows_of_seconds_hold_the_frames_of_that_time() {
    let at = |frames: usize, fps: f64, duration: f64, num_frames: usize, clips: usize| {
        let footage = Footage { frames, fps: Some(fps), length: 1 };
        eval_clips(&Sampling::Seconds { duration, fps: None }, footage, num_frames, clips)
            .expect("possible settings")
    };
    // Ten seconds at 10 frames per second: frame k is at k/10 s, and two seconds hold 20 frames.
    assert_eq!(at(100, 10.0, 2.0, 5, 1), [40, 44, 49, 54, 59]);
    assert_eq!(at(100, 10.0, 2.0, 2, 3), [0, 19, 40, 59, 80, 99]);
    assert_eq!(at(100, 10.0, 0.1, 3, 2), [0, 0, 0, 99, 99, 99]);
    // A video that is shorter gives all it has.
    assert_eq!(at(5, 10.0, 2.0, 5, 2), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
    // The same time at twice the rate gives twice the indices, to a frame.
    let (slow, fast) = (at(300, 25.0, 3.0, 16, 4), at(600, 50.0, 3.0, 16, 4));
    assert!(slow.iter().zip(&fast).all(|(s, f)| (2 * s).abs_diff(*f) <= 2), "{slow:?} {fast:?}");
    let mut firsts = std::collections::BTreeSet::new();
    for seed in 0..300 {
        let footage = Footage { frames: 100, fps: None, length: 1 };
        let sampling = Sampling::Seconds { duration: 9.0, fps: Some(10.0) };
        let indices = train_indices(&sampling, footage, 90, &mut Draws::new(seed, 0, 0))
            .expect("possible settings");
        assert!(indices.windows(2).all(|pair| pair[1] - pair[0] <= 1), "{indices:?}");
        firsts.insert(indices[0]);
    }
    // A window that begins between frames holds those after its start.
    assert_eq!(firsts.into_iter().collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
}

#[test]
fn slowfasts_stride_counts_in_the_target_rate() {
    let clip = |fps: f64, target_fps| {
        let footage = Footage { frames: 400, fps: Some(fps), length: 1 };
        let sampling = Sampling::Slowfast { stride: 8, target_fps, use_offset: true };
        eval_indices(&sampling, footage, 8).expect("possible settings")
    };
    let span = |indices: &[usize]| indices[7] - indices[0];
    // 64 frames at 30 per second are as long as 32 at 15 and 128 at 60.
    assert_eq!(span(&clip(30.0, Some(30.0))), 63);
    assert_eq!(span(&clip(15.0, Some(30.0))), 31);
    assert_eq!(span(&clip(60.0, Some(30.0))), 127);
    assert_eq!(clip(60.0, None), clip(30.0, Some(30.0)));
}

#[test]
fn a_rate_that_is_needed_and_not_known_is_an_error_that_names_the_field() {
    for (sampling, name) in [
        (Sampling::Seconds { duration: 1.0, fps: None }, "sampling.fps"),
        (
            Sampling::Slowfast { stride: 2, target_fps: Some(30.0), use_offset: true },
            "sampling.targetFps",
        ),
    ] {
        let error = eval_indices(&sampling, 100, 8).expect_err("no rate");
        assert_eq!(error.code(), "INVALID_OPTION");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn mmaction2s_training_draws_follow_its_four_cases() {
    let draw = |sampling: &Sampling, frames: usize, seed: u64| {
        train_indices(sampling, frames, 8, &mut Draws::new(seed, 0, 0)).expect("possible")
    };
    let uniform = Sampling::Uniform { manner: Manner::Mmaction2 };
    let clip = Sampling::Clip { stride: 4, beyond: Beyond::Loop };
    let mut starts = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let one_each = draw(&uniform, 83, seed);
        let is_own = |(i, &index): (usize, &usize)| (i * 10..(i + 1) * 10).contains(&index);
        assert!(one_each.iter().enumerate().all(is_own), "{one_each:?}");
        // No more frames than segments: equal distances, rounded to even.
        assert_eq!(draw(&uniform, 5, seed), [0, 1, 1, 2, 2, 3, 4, 4]);
        // A clip reaches over 29 frames; of 40 it can begin at the first twelve.
        let window = draw(&clip, 40, seed);
        assert!(window.iter().enumerate().all(|(k, &i)| i == window[0] + 4 * k), "{window:?}");
        starts.insert(window[0]);
        assert_eq!(draw(&clip, 10, seed), [0, 4, 8, 2, 6, 0, 4, 8]);
    }
    assert_eq!(starts.into_iter().collect::<Vec<_>>(), (0..12).collect::<Vec<_>>());
}
