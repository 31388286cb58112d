//! Frames to clips: scale, crop, flip and normalise.
