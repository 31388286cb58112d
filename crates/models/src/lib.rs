//! Action-recognition networks and their weights.
