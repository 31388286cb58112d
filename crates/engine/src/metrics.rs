//! Accuracies over a data set, exact and independent of how it was cut into batches.

use serde::{Deserialize, Serialize};

use crate::precision::Precisions;

/// What one class achieved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassResult {
    /// The class, from 0.
    pub index: usize,
    /// Its name.
    pub label: String,
    /// Samples of the class.
    pub samples: u64,
    /// Samples of the class that were recognised.
    pub correct: u64,
    /// `correct / samples`, in 0..1; none without samples.
    pub accuracy: Option<f64>,
}

/// Counts hits sample by sample; every figure comes from the counts alone.
#[derive(Clone, Debug)]
pub struct Metrics {
    classes: usize,
    /// `confusion[label * classes + prediction]`.
    confusion: Vec<u64>,
    samples: u64,
    top1: u64,
    top5: u64,
    loss: f64,
    /// Where videos show several classes.
    precisions: Option<Precisions>,
}

impl Metrics {
    /// No samples yet; average precisions are kept too, which need the scores of all samples.
    pub fn multi_label(classes: usize) -> Self {
        Self { precisions: Some(Precisions::new(classes)), ..Self::new(classes) }
    }

    /// No samples yet.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            confusion: vec![0; classes * classes],
            samples: 0,
            top1: 0,
            top5: 0,
            loss: 0.0,
            precisions: None,
        }
    }

    /// Counts one sample: its `scores` by class (logits or probabilities), its classes and its loss. Of several classes, any
    /// is a hit, and each has its count in the confusion.
    pub fn add(&mut self, scores: &[f32], labels: &[usize], loss: f64) {
        let best = top_k(scores, 5);
        let prediction = best.first().map_or(0, |&(index, _)| index);
        for &label in labels {
            self.confusion[label * self.classes + prediction] += 1;
        }
        self.samples += 1;
        self.top1 += u64::from(labels.contains(&prediction));
        self.top5 += u64::from(best.iter().any(|(index, _)| labels.contains(index)));
        self.loss += loss;
        if let Some(precisions) = &mut self.precisions {
            precisions.add(scores, labels);
        }
    }

    /// Samples counted.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Part of the samples whose best class is the label, in 0..1 (0 without samples).
    pub fn top1(&self) -> f64 {
        self.part(self.top1)
    }

    /// Part of the samples whose label is among the five best classes, in 0..1 (0 without samples).
    pub fn top5(&self) -> f64 {
        self.part(self.top5)
    }

    /// Mean of the samples' losses (0 without samples).
    pub fn loss(&self) -> f64 {
        if self.samples == 0 { 0.0 } else { self.loss / self.samples as f64 }
    }

    /// Mean over classes of the part recognised, in 0..1. As mmaction2 counts it, the classes are those that appear
    /// among the labels or the predictions; a class that was only predicted counts 0.
    pub fn mean_class_accuracy(&self) -> f64 {
        let (mut sum, mut seen) = (0.0, 0_u64);
        for class in 0..self.classes {
            let samples = self.row(class).iter().sum::<u64>();
            let predicted =
                (0..self.classes).any(|label| self.confusion[label * self.classes + class] > 0);
            if samples == 0 && !predicted {
                continue;
            }
            seen += 1;
            if samples > 0 {
                sum += self.row(class)[class] as f64 / samples as f64;
            }
        }
        if seen == 0 { 0.0 } else { sum / seen as f64 }
    }

    /// Mean over the samples of the average precision over classes, in 0..1; none unless made for several labels.
    pub fn map_sample(&self) -> Option<f64> {
        self.precisions.as_ref().map(Precisions::by_sample)
    }

    /// Mean over the classes of the average precision over samples, in 0..1; none unless made for several labels.
    pub fn map_class(&self) -> Option<f64> {
        self.precisions.as_ref().map(Precisions::by_class)
    }

    /// Rows by label, columns by prediction.
    pub fn confusion(&self) -> Vec<Vec<u64>> {
        (0..self.classes).map(|class| self.row(class).to_vec()).collect()
    }

    /// Every class with its counts; `labels` are the classes' names in order.
    pub fn per_class(&self, labels: &[String]) -> Vec<ClassResult> {
        (0..self.classes)
            .map(|index| {
                let samples = self.row(index).iter().sum::<u64>();
                let correct = self.row(index)[index];
                let accuracy = (samples > 0).then(|| correct as f64 / samples as f64);
                let label = labels.get(index).cloned().unwrap_or_else(|| index.to_string());
                ClassResult { index, label, samples, correct, accuracy }
            })
            .collect()
    }

    fn row(&self, class: usize) -> &[u64] {
        &self.confusion[class * self.classes..(class + 1) * self.classes]
    }

    fn part(&self, count: u64) -> f64 {
        if self.samples == 0 { 0.0 } else { count as f64 / self.samples as f64 }
    }
}

/// The `k` best classes (all where there are fewer) with their scores, best first; of equal scores the lower index
/// comes first.
pub fn top_k(scores: &[f32], k: usize) -> Vec<(usize, f32)> {
    // 0 and -0 are the same score, though not in a total order.
    let equal_zeros = |(index, &score): (usize, &f32)| (index, score + 0.0);
    let mut order: Vec<(usize, f32)> = scores.iter().enumerate().map(equal_zeros).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    order.truncate(k);
    order
}

/// Probabilities of one sample's logits, computed in f64.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let peak = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&logit| f64::from(logit - peak).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}

/// Cross-entropy of one sample's logits against its label, computed in f64.
pub fn cross_entropy(logits: &[f32], label: usize) -> f64 {
    let peak = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - peak).exp()).sum();
    sum.ln() - f64::from(logits[label] - peak)
}

/// Probability of each class by itself, computed in f64.
pub fn sigmoid(logits: &[f32]) -> Vec<f32> {
    logits.iter().map(|&logit| (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32).collect()
}

/// Binary cross-entropy of one sample's logits against its classes, the mean over all classes, computed in f64.
pub fn binary_cross_entropy(logits: &[f32], labels: &[usize]) -> f64 {
    let of = |(class, &logit): (usize, &f32)| {
        let logit = f64::from(logit);
        // ln(1 + e^x) without overflow, less x where the class is shown.
        let softplus = logit.max(0.0) + (-logit.abs()).exp().ln_1p();
        if labels.contains(&class) { softplus - logit } else { softplus }
    };
    logits.iter().enumerate().map(of).sum::<f64>() / logits.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_counted_is_zero_not_nan() {
        let metrics = Metrics::new(3);
        assert_eq!(
            (metrics.top1(), metrics.top5(), metrics.loss(), metrics.mean_class_accuracy()),
            (0., 0., 0., 0.)
        );
    }

    #[test]
    fn equal_scores_rank_by_index() {
        assert_eq!(top_k(&[1.0, 3.0, 3.0, 0.0], 2), vec![(1, 3.0), (2, 3.0)]);
        assert_eq!(top_k(&[-1.0, -0.0, 0.0], 1), vec![(1, 0.0)]);
    }

    #[test]
    fn confusion_rows_are_labels() {
        let mut metrics = Metrics::new(2);
        metrics.add(&[0.0, 1.0], &[0], 0.5);
        metrics.add(&[0.0, 1.0], &[1], 0.1);
        assert_eq!(metrics.confusion(), vec![vec![0, 1], vec![0, 1]]);
        assert!((metrics.mean_class_accuracy() - 0.5).abs() < 1e-12);
        assert!((metrics.loss() - 0.3).abs() < 1e-12);
        assert_eq!(metrics.per_class(&["a".into(), "b".into()])[1].accuracy, Some(1.0));
    }

    #[test]
    fn cross_entropy_and_softmax_agree() {
        let logits = [1000.0, 999.0, -50.0];
        let probabilities = softmax(&logits);
        assert!((f64::from(probabilities[1]).ln() + cross_entropy(&logits, 1)).abs() < 1e-6);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn any_of_several_labels_is_a_hit() {
        let mut metrics = Metrics::multi_label(6);
        metrics.add(&[0.9, 0.1, 0.8, 0.0, 0.0, 0.0], &[0, 1], 0.0);
        metrics.add(&[0.9, 0.7, 0.8, 0.3, 0.2, 0.1], &[5], 0.0);
        assert!((metrics.top1() - 0.5).abs() < 1e-12 && (metrics.top5() - 0.5).abs() < 1e-12);
        // Ranks 1 and 3 of the first sample, rank 6 of the second.
        let expected = f64::midpoint(f64::midpoint(1.0, 2.0 / 3.0), 1.0 / 6.0);
        assert!((metrics.map_sample().expect("kept") - expected).abs() < 1e-12);
        assert_eq!((metrics.confusion()[0][0], metrics.confusion()[1][0]), (1, 1));
        assert_eq!((Metrics::new(2).map_sample(), Metrics::new(2).map_class()), (None, None));
    }

    #[test]
    fn binary_cross_entropy_is_that_of_the_probabilities() {
        let logits = [2.0, -1.0, 0.5];
        let p: Vec<f64> = sigmoid(&logits).into_iter().map(f64::from).collect();
        let expected = -((p[0]).ln() + (1.0 - p[1]).ln() + p[2].ln()) / 3.0;
        assert!((binary_cross_entropy(&logits, &[0, 2]) - expected).abs() < 1e-6);
        assert!((binary_cross_entropy(&[1000.0, -1000.0], &[1]) - 1000.0).abs() < 1e-9);
    }
}
