//! Average precisions of videos that show several classes.
//!
//! By sample, as X-Temporal and the Multi-Moments challenge measure (`x_temporal/utils/calculate_map.py`), and by class, as
//! mmaction2 and SlowFast do. Equal scores are one threshold in both, as in scikit-learn.

/// Precision averaged over the ranks of the positives, in 0..1; none without a positive.
pub fn average_precision(ranking: &mut [(f32, bool)]) -> Option<f64> {
    let positives = ranking.iter().filter(|(_, is_positive)| *is_positive).count();
    if positives == 0 {
        return None;
    }
    for (score, _) in ranking.iter_mut() {
        // 0 and -0 are the same score, though not in a total order.
        *score += 0.0;
    }
    ranking.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut hits, mut seen, mut sum) = (0_usize, 0_usize, 0.0);
    for equal in ranking.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let new = equal.iter().filter(|(_, is_positive)| *is_positive).count();
        hits += new;
        seen += equal.len();
        sum += new as f64 * hits as f64 / seen as f64;
    }
    Some(sum / positives as f64)
}

/// Scores of all samples, kept for the precision by class.
#[derive(Clone, Debug)]
pub struct Precisions {
    classes: usize,
    /// `[samples][classes]`.
    scores: Vec<f32>,
    positives: Vec<bool>,
    /// Sum of the samples' precisions.
    of_samples: f64,
    samples: usize,
}

impl Precisions {
    /// No samples yet.
    pub fn new(classes: usize) -> Self {
        Self { classes, scores: Vec::new(), positives: Vec::new(), of_samples: 0.0, samples: 0 }
    }

    /// Takes one sample: its `scores` by class and the classes that it shows, each below the number of classes.
    pub fn add(&mut self, scores: &[f32], labels: &[usize]) {
        let start = self.positives.len();
        self.scores.extend_from_slice(scores);
        self.positives.resize(start + scores.len(), false);
        for &label in labels {
            self.positives[start + label] = true;
        }
        let positives = &self.positives[start..];
        let mut ranking: Vec<_> = scores.iter().copied().zip(positives.iter().copied()).collect();
        self.of_samples += average_precision(&mut ranking).unwrap_or(0.0);
        self.samples += 1;
    }

    /// Mean over the samples, in 0..1; a sample that shows no class counts 0, and so does no sample at all.
    pub fn by_sample(&self) -> f64 {
        if self.samples == 0 { 0.0 } else { self.of_samples / self.samples as f64 }
    }

    /// Precision of one class over the samples; none when no sample shows it.
    pub fn of_class(&self, class: usize) -> Option<f64> {
        let column = self.scores.iter().zip(&self.positives).skip(class).step_by(self.classes);
        let mut ranking: Vec<_> =
            column.map(|(&score, &is_positive)| (score, is_positive)).collect();
        average_precision(&mut ranking)
    }

    /// Mean over the classes that any sample shows, in 0..1 (0 without one).
    pub fn by_class(&self) -> f64 {
        let found: Vec<_> = (0..self.classes).filter_map(|class| self.of_class(class)).collect();
        if found.is_empty() { 0.0 } else { found.iter().sum::<f64>() / found.len() as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_is_that_of_a_ranking_counted_by_hand() {
        let of = |list: &[(f32, bool)]| average_precision(&mut list.to_vec());
        // Positives at ranks 1 and 3: (1/1 + 2/3) / 2.
        let ranked =
            of(&[(0.1, false), (0.9, true), (0.5, true), (0.7, false)]).expect("positives");
        assert!((ranked - f64::midpoint(1.0, 2.0 / 3.0)).abs() < 1e-12);
        // Equal scores are one threshold: both come at precision 1/2.
        assert_eq!(of(&[(0.5, true), (0.5, false)]), Some(0.5));
        assert_eq!(of(&[(0.0, true), (-0.0, false)]), Some(0.5));
        assert_eq!(of(&[(0.5, false)]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_sample_without_a_class_counts_zero_and_a_class_without_a_sample_does_not_count() {
        let mut precisions = Precisions::new(3);
        precisions.add(&[0.9, 0.1, 0.5], &[0]);
        precisions.add(&[0.2, 0.1, 0.5], &[]);
        assert!((precisions.by_sample() - 0.5).abs() < 1e-12);
        assert_eq!(precisions.of_class(0), Some(1.0));
        assert_eq!(precisions.of_class(1), None);
        assert!((precisions.by_class() - 1.0).abs() < 1e-12);
        assert!(Precisions::new(2).by_class() < 1e-12);
    }
}
