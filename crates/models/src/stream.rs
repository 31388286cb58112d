//! Frame by frame through an online TSM: what its modules carry from one frame to the next.

use tch::Tensor;

use crate::ModelError;

/// What an online network remembers of a stream; the default is the start of one.
#[derive(Debug, Default)]
pub struct OnlineState {
    /// One for each shifting module in its order, `[N, C / shiftDiv, h, w]`.
    states: Vec<Tensor>,
}

impl OnlineState {
    /// The carried features, one tensor for each shifted convolution in its order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.states
    }
}

/// The states of a stream while a piece of it runs through the network.
#[derive(Debug)]
pub(crate) struct Carried {
    frames: i64,
    last: Vec<Tensor>,
    next: Vec<Tensor>,
}

impl Carried {
    /// For a piece of `frames` frames that follows `state`.
    pub fn new(frames: i64, state: &OnlineState) -> Self {
        let last = state.states.iter().map(Tensor::shallow_clone).collect();
        Self { frames, last, next: Vec::new() }
    }

    /// Frames of the piece.
    pub fn frames(&self) -> i64 {
        self.frames
    }

    /// The state for the module whose turn it is.
    pub fn last(&self, shape: &[i64]) -> Result<Option<Tensor>, ModelError> {
        if self.last.is_empty() {
            return Ok(None);
        }
        let state = self.last.get(self.next.len());
        let size = state.map_or_else(Vec::new, Tensor::size);
        if size == shape {
            return Ok(state.map(Tensor::shallow_clone));
        }
        let expected = format!("{shape:?}, as this network and this size of frames leave behind");
        Err(ModelError::Shape { tensor: "the state of a stream", expected, actual: size })
    }

    /// Notes the state that the module whose turn it is leaves behind.
    pub fn push(&mut self, state: &Tensor) {
        self.next.push(state.detach());
    }

    /// What the next piece starts from.
    pub fn into_state(self) -> OnlineState {
        OnlineState { states: self.next }
    }
}
