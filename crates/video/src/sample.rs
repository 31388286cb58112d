//! Which frames of a video make a clip.
