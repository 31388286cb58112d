//! Writing the pickle of a state dict: protocol 2, without a memo.

use crate::RawTensor;

/// A pickle that grows at its end.
pub(super) struct Pickle {
    bytes: Vec<u8>,
}

impl Pickle {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0x80, 2] }
    }

    /// The whole pickle.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(b'.');
        self.bytes
    }

    /// `{name: ...}`; the value follows, then [`Pickle::end_entry`].
    pub(super) fn begin_entry(&mut self, container: &str) {
        self.bytes.push(b'}');
        self.text(container);
    }

    pub(super) fn end_entry(&mut self) {
        self.bytes.push(b's');
    }

    /// An `OrderedDict` of the tensors; tensor number `i` has the storage of key `i`.
    pub(super) fn state_dict<'a>(
        &mut self,
        tensors: impl Iterator<Item = (String, &'a RawTensor)>,
    ) {
        self.ordered_dict();
        self.bytes.push(b'(');
        for (index, (name, tensor)) in tensors.enumerate() {
            self.text(&name);
            self.tensor(index, tensor);
        }
        self.bytes.push(b'u');
    }

    fn tensor(&mut self, key: usize, tensor: &RawTensor) {
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.bytes.extend(*b"((");
        self.text("storage");
        self.global("torch", tensor.dtype.storage_class());
        self.text(&key.to_string());
        self.text("cpu");
        self.integer(tensor.len());
        self.bytes.extend(*b"tQ");
        self.integer(0);
        self.integers(&tensor.shape);
        self.integers(&strides(&tensor.shape));
        // requires_grad, and no backward hooks
        self.bytes.push(0x89);
        self.ordered_dict();
        self.bytes.extend(*b"tR");
    }

    fn ordered_dict(&mut self) {
        self.global("collections", "OrderedDict");
        self.bytes.extend(*b")R");
    }

    fn global(&mut self, module: &str, name: &str) {
        self.bytes.extend(format!("c{module}\n{name}\n").bytes());
    }

    fn text(&mut self, text: &str) {
        self.bytes.push(b'X');
        self.bytes.extend((text.len() as u32).to_le_bytes());
        self.bytes.extend(text.bytes());
    }

    fn integers(&mut self, values: &[u64]) {
        self.bytes.push(b'(');
        for &value in values {
            self.integer(value);
        }
        self.bytes.push(b't');
    }

    fn integer(&mut self, value: u64) {
        if let Ok(value) = i32::try_from(value) {
            self.bytes.push(b'J');
            self.bytes.extend(value.to_le_bytes());
        } else {
            // Nine bytes, so that the highest bit is no sign.
            self.bytes.extend([0x8a, 9]);
            self.bytes.extend(value.to_le_bytes());
            self.bytes.push(0);
        }
    }
}

/// Strides of a contiguous tensor in elements; as PyTorch, an empty axis counts as one.
fn strides(shape: &[u64]) -> Vec<u64> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}
