//! Training, evaluation and prediction.
