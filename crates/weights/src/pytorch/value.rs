//! The values that a pickle of plain tensors can build.
//!
//! Everything compound lies in one arena and is named by its number. So a list that holds itself
//! is a number in a row, not a pointer that never dies, and a tower of a million lists is dropped
//! without recursion.

use std::collections::HashMap;

use indexmap::IndexSet;

use crate::Dtype;
use crate::error::Fault;

/// Most instructions that the pickles of one file may have together; a network with a thousand
/// tensors and its optimizer has a hundred thousand.
const MOST_STEPS: u64 = 2_000_000;

/// A value; compound ones are in a [`Heap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float,
    Inert(Inert),
    Global(Global),
    Node(u32),
}

/// What is kept of objects that hold no tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inert {
    /// A numpy dtype, which may be told its state.
    Dtype,
    /// A numpy scalar or its bytes.
    Other,
}

/// The classes and functions that a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Parameter,
    Storage(Dtype),
    /// A tensor's class, which only the oldest form names.
    TensorType,
    NumpyDtype,
    NumpyScalar,
    Encode,
}

/// A compound value.
#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    /// An integer beyond 64 bits, little-endian.
    Long(Vec<u8>),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    /// Entries in the order they were set; a key that is set again stands there twice.
    Dict {
        ordered: bool,
        items: Vec<(Value, Value)>,
    },
    Storage(Storage),
    Tensor(Tensor),
    /// PyTorch's wrapper of a trained tensor; old pickles tell it its tensor afterwards.
    Parameter(Option<Value>),
}

/// A row of elements that tensors are views of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storage {
    pub(super) dtype: Dtype,
    /// Number of its key in [`Heap::keys`].
    pub(super) key: usize,
    /// Number of elements.
    pub(super) count: u64,
}

/// A view of a storage.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) storage: Storage,
    /// First element.
    pub(super) offset: u64,
    pub(super) sizes: Vec<u64>,
    /// Elements from one index to the next, by axis.
    pub(super) strides: Vec<u64>,
}

/// Everything compound that a file's pickles have built.
#[derive(Default)]
pub(super) struct Heap {
    nodes: Vec<Node>,
    steps: u64,
    /// Keys of all storages.
    pub(super) keys: IndexSet<String>,
    /// Tensors by the numbers under which the oldest form speaks of them.
    pub(super) tensors: HashMap<String, Value>,
}

impl Heap {
    /// Counts one instruction, so that a small file cannot keep the machine busy for long.
    pub(super) fn step(&mut self) -> Result<(), Fault> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(Fault::TooLarge {
                what: "instructions in its pickle",
                limit: MOST_STEPS,
                claimed: "more".into(),
            });
        }
        Ok(())
    }

    /// Keeps a compound value. The number fits since every instruction adds at most one.
    pub(super) fn add(&mut self, node: Node) -> Value {
        self.nodes.push(node);
        Value::Node((self.nodes.len() - 1) as u32)
    }

    pub(super) fn node(&self, value: Value) -> Option<&Node> {
        match value {
            Value::Node(id) => self.nodes.get(id as usize),
            _ => None,
        }
    }

    pub(super) fn node_mut(&mut self, value: Value) -> Option<&mut Node> {
        match value {
            Value::Node(id) => self.nodes.get_mut(id as usize),
            _ => None,
        }
    }

    /// Every storage that is spoken of.
    pub(super) fn storages(&self) -> impl Iterator<Item = Storage> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Storage(storage) => Some(*storage),
            _ => None,
        })
    }

    /// Number of compound values.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn text(&self, value: Value) -> Option<&str> {
        match self.node(value) {
            Some(Node::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn tuple(&self, value: Value) -> Option<&[Value]> {
        match self.node(value) {
            Some(Node::Tuple(items)) => Some(items),
            _ => None,
        }
    }

    pub(super) fn dict(&self, value: Value) -> Option<&[(Value, Value)]> {
        match self.node(value) {
            Some(Node::Dict { items, .. }) => Some(items),
            _ => None,
        }
    }

    /// The value of a key of a dict; the last one, as in Python.
    pub(super) fn entry(&self, dict: Value, key: &str) -> Option<Value> {
        let mut items = self.dict(dict)?.iter().rev();
        items.find(|item| self.text(item.0) == Some(key)).map(|item| item.1)
    }

    /// What kind of thing a value is, for messages.
    pub(super) fn kind(&self, value: Value) -> &'static str {
        match value {
            Value::None => "None",
            Value::Bool(_) => "a bool",
            Value::Int(_) => "an integer",
            Value::Float => "a float",
            Value::Inert(_) => "a numpy value",
            Value::Global(_) => "a class",
            Value::Node(_) => match self.node(value) {
                Some(Node::Text(_)) => "a text",
                Some(Node::Tuple(_)) => "a tuple",
                Some(Node::List(_)) => "a list",
                Some(Node::Dict { .. }) => "a dict",
                Some(Node::Storage(_)) => "a storage",
                Some(Node::Tensor(_)) => "a tensor",
                Some(Node::Parameter(_)) => "a parameter",
                Some(Node::Long(_)) | None => "an integer",
            },
        }
    }
}
