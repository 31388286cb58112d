//! Comparisons with the tolerances of the fixtures' README, section 4. Failures are collected,
//! so that one run tells everything that is wrong with a case.

use tch::{Kind, Tensor};

/// Failures and the number of comparisons of one case.
#[derive(Default)]
pub struct Verdict {
    pub failures: Vec<String>,
    pub comparisons: usize,
}

/// Largest absolute value, as float64.
pub fn largest(x: &Tensor) -> f64 {
    x.to_kind(Kind::Double).abs().max().double_value(&[])
}

/// L2 norm, as float64.
pub fn norm(x: &Tensor) -> f64 {
    x.to_kind(Kind::Double).norm().double_value(&[])
}

fn difference(actual: &Tensor, expected: &Tensor) -> Tensor {
    actual.detach().to_kind(Kind::Double) - expected.to_kind(Kind::Double)
}

impl Verdict {
    /// Notes a comparison; `error` must not exceed `bound` (and must be a number).
    pub fn bound(&mut self, what: &str, error: f64, bound: f64) {
        self.comparisons += 1;
        if error.is_nan() || error > bound {
            self.failures.push(format!("{what}: off by {error:.3e}, allowed {bound:.3e}"));
        }
    }

    /// Notes a fact that must hold.
    pub fn holds(&mut self, what: &str, fact: bool) {
        self.comparisons += 1;
        if !fact {
            self.failures.push(what.to_owned());
        }
    }

    /// Largest difference within `tolerance` times the largest reference value.
    pub fn close(&mut self, what: &str, actual: &Tensor, expected: &Tensor, tolerance: f64) {
        let scale = largest(expected);
        self.within(what, actual, expected, tolerance * scale);
    }

    /// Largest difference within `bound`; shapes must be equal.
    pub fn within(&mut self, what: &str, actual: &Tensor, expected: &Tensor, bound: f64) {
        if actual.size() != expected.size() {
            let (actual, expected) = (actual.size(), expected.size());
            self.holds(&format!("{what}: shape {actual:?} instead of {expected:?}"), false);
            return;
        }
        self.bound(what, largest(&difference(actual, expected)), bound);
    }

    /// Every stored slice and statistic of a tensor of which only parts are stored, relative to
    /// its largest value.
    pub fn slices_of_values(
        &mut self,
        what: &str,
        actual: &Tensor,
        expected: impl Fn(&str) -> Option<Tensor>,
        tolerance: f64,
    ) {
        let stats = expected("stats").unwrap_or_else(|| panic!("{what} has no stats"));
        let stats = Vec::<f64>::try_from(stats).expect("four numbers");
        let bound = tolerance * stats[2];
        for (slice, part) in slices(actual, 16) {
            if let Some(expected) = expected(slice) {
                self.within(&format!("{what} {slice}"), &part, &expected, bound);
            }
        }
        let x = actual.to_kind(Kind::Double);
        self.bound(&format!("{what} mean"), (mean(&x) - stats[0]).abs(), bound);
        self.bound(&format!("{what} maximum"), (largest(&x) - stats[2]).abs(), bound);
        let deviation = x.std(false).double_value(&[]);
        self.bound(
            &format!("{what} deviation"),
            (deviation - stats[1]).abs(),
            tolerance * stats[1],
        );
        self.bound(&format!("{what} norm"), (norm(&x) - stats[3]).abs(), tolerance * stats[3]);
    }

    /// Every stored slice of a gradient, relative to the norm of the whole gradient.
    pub fn slices_of_gradient(
        &mut self,
        what: &str,
        actual: &Tensor,
        expected: impl Fn(&str) -> Option<Tensor>,
        tolerance: f64,
    ) {
        let stats = expected("stats").unwrap_or_else(|| panic!("{what} has no stats"));
        let scale = Vec::<f64>::try_from(stats).expect("four numbers")[3];
        for (slice, part) in slices(actual, 64) {
            if let Some(expected) = expected(slice) {
                let error = norm(&difference(&part, &expected)) / scale;
                self.bound(&format!("{what} {slice}"), error, tolerance);
            }
        }
    }
}

fn mean(x: &Tensor) -> f64 {
    x.mean(Kind::Double).double_value(&[])
}

/// The stored parts of a tensor: its first elements and sixteen spread over all of it.
fn slices(x: &Tensor, first: i64) -> Vec<(&'static str, Tensor)> {
    let flat = x.detach().contiguous().view([-1]);
    let n = flat.size()[0];
    let spread: Vec<i64> =
        if n < 16 { (0..n).collect() } else { (0..16).map(|i| i * n / 16 + n / 16 / 2).collect() };
    let name = if first == 16 { "first16" } else { "first64" };
    vec![
        (name, flat.narrow(0, 0, first.min(n))),
        ("strided16", flat.index_select(0, &Tensor::from_slice(&spread))),
    ]
}
