//! The closed list of classes and functions that a pickle may name, and what calling them means.

use super::value::{Global, Heap, Inert, Node, Storage, Tensor, Value};
use crate::Dtype;
use crate::error::{Fault, quoted};

/// Most arguments of a call and most axes of a tensor. A tuple can be used again and again, so
/// that work in proportion to its length must be bounded.
const LONGEST_TUPLE: usize = 64;
/// Longest key of a storage, in bytes.
const LONGEST_KEY: usize = 1024;

/// The class or function of a name.
pub(super) fn global(module: &str, name: &str) -> Result<Value, Fault> {
    let global = match (module, name) {
        ("collections", "OrderedDict") => Global::OrderedDict,
        // Without the suffix before PyTorch 0.4, when a tensor knew of no gradient.
        ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => Global::RebuildTensor,
        ("torch.nn.parameter", "Parameter") => Global::Parameter,
        ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
        ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Global::NumpyScalar,
        ("numpy", "dtype") => Global::NumpyDtype,
        ("_codecs", "encode") => Global::Encode,
        ("torch" | "torch.cuda", name) => {
            let class = name.replace("Tensor", "Storage");
            let dtype = Dtype::ALL.into_iter().find(|dtype| dtype.storage_class() == class);
            match dtype {
                Some(_) if class != name => Global::TensorType,
                Some(dtype) => Global::Storage(dtype),
                None => return Err(refused(module, name)),
            }
        }
        _ => return Err(refused(module, name)),
    };
    Ok(Value::Global(global))
}

fn refused(module: &str, name: &str) -> Fault {
    Fault::Refused(format!("the class or function {}", quoted(&format!("{module}.{name}"))))
}

/// What a call of a listed function gives.
pub(super) fn reduce(heap: &mut Heap, function: Value, arguments: Value) -> Result<Value, Fault> {
    let Value::Global(global) = function else {
        return Err(Fault::Refused(format!("a call of {}", heap.kind(function))));
    };
    let arguments = heap.tuple(arguments).filter(|tuple| tuple.len() <= LONGEST_TUPLE);
    let Some(arguments) = arguments.map(<[Value]>::to_vec) else {
        return Err(bad_arguments(global));
    };
    match global {
        Global::OrderedDict if arguments.is_empty() => {
            Ok(heap.add(Node::Dict { ordered: true, items: Vec::new() }))
        }
        // Python 2 pickles it with a list of its items.
        Global::OrderedDict => {
            let items = match (&*arguments, arguments.first().and_then(|&list| heap.node(list))) {
                ([_], Some(Node::List(items))) => items.clone(),
                _ => return Err(bad_arguments(global)),
            };
            ordered(heap, &items)
        }
        Global::RebuildTensor => rebuild(heap, &arguments),
        Global::Parameter => match arguments.first() {
            Some(&data) if matches!(heap.node(data), Some(Node::Tensor(_))) => {
                Ok(heap.add(Node::Parameter(Some(data))))
            }
            _ => Err(bad_arguments(global)),
        },
        Global::RebuildParameter => match (arguments.first(), arguments.len()) {
            (Some(&data), 3) if matches!(heap.node(data), Some(Node::Tensor(_))) => Ok(data),
            _ => Err(bad_arguments(global)),
        },
        Global::NumpyDtype => Ok(Value::Inert(Inert::Dtype)),
        Global::NumpyScalar | Global::Encode => Ok(Value::Inert(Inert::Other)),
        Global::Storage(_) | Global::TensorType => Err(bad_arguments(global)),
    }
}

/// An `OrderedDict` of a list of pairs. Each counts as an instruction, for the list can be used
/// again and again.
fn ordered(heap: &mut Heap, pairs: &[Value]) -> Result<Value, Fault> {
    let mut items = Vec::new();
    for &pair in pairs {
        heap.step()?;
        match heap.node(pair) {
            Some(Node::List(pair) | Node::Tuple(pair)) if pair.len() == 2 => {
                items.push((pair[0], pair[1]));
            }
            _ => return Err(bad_arguments(Global::OrderedDict)),
        }
    }
    Ok(heap.add(Node::Dict { ordered: true, items }))
}

/// An object that a class makes of itself: only an empty parameter, which is told its tensor by
/// [`build`].
pub(super) fn create(heap: &mut Heap, class: Value, arguments: Value) -> Result<Value, Fault> {
    match (class, heap.tuple(arguments)) {
        (Value::Global(Global::Parameter), Some([])) => Ok(heap.add(Node::Parameter(None))),
        (Value::Global(Global::Parameter), Some(_)) => reduce(heap, class, arguments),
        _ => Err(Fault::Refused(format!("an object (NEWOBJ) of {}", heap.kind(class)))),
    }
}

fn bad_arguments(global: Global) -> Fault {
    Fault::Refused(format!("a call of {global:?} with arguments that torch.save never writes"))
}

/// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`; the older
/// one lacks the last two.
fn rebuild(heap: &mut Heap, arguments: &[Value]) -> Result<Value, Fault> {
    let (&[storage, Value::Int(offset), sizes, strides]
    | &[storage, Value::Int(offset), sizes, strides, _, _]) = arguments
    else {
        return Err(bad_arguments(Global::RebuildTensor));
    };
    let (Some(&Node::Storage(storage)), Some(sizes), Some(strides)) =
        (heap.node(storage), heap.tuple(sizes), heap.tuple(strides))
    else {
        return Err(bad_arguments(Global::RebuildTensor));
    };
    if sizes.len() != strides.len() {
        return Err(Fault::Unreadable("has a tensor with unequal sizes and strides".into()));
    }
    if sizes.len() > LONGEST_TUPLE {
        return Err(Fault::Unreadable(format!("has a tensor of {} axes", sizes.len())));
    }
    let sizes = numbers(heap, sizes, "size")?;
    let strides = numbers(heap, strides, "stride")?;
    let offset = number(Value::Int(offset), "offset")?;
    Ok(heap.add(Node::Tensor(Tensor { storage, offset, sizes, strides })))
}

fn numbers(heap: &Heap, values: &[Value], what: &str) -> Result<Vec<u64>, Fault> {
    values
        .iter()
        .map(|&value| match heap.node(value) {
            Some(Node::Long(_)) => {
                Err(Fault::Unreadable(format!("has a tensor with a {what} beyond 64 bits")))
            }
            _ => number(value, what),
        })
        .collect()
}

fn number(value: Value, what: &str) -> Result<u64, Fault> {
    match value {
        Value::Int(number) => u64::try_from(number).map_err(|_| {
            Fault::Unreadable(format!("has a tensor with the negative {what} {number}"))
        }),
        _ => Err(Fault::Unreadable(format!("has a tensor with a {what} that is no integer"))),
    }
}

/// The object after it is told its state. It is only looked at for the tensor of a parameter that
/// has none yet: `(data, grad, hooks, requires_grad, volatile)`.
pub(super) fn build(heap: &mut Heap, object: Value, state: Value) -> Result<Value, Fault> {
    if let Some(&Node::Parameter(data)) = heap.node(object) {
        let told = heap.tuple(state).filter(|state| state.len() == 5).map(|state| state[0]);
        let told = told.filter(|&data| matches!(heap.node(data), Some(Node::Tensor(_))));
        if let Some(node) = heap.node_mut(object) {
            *node = Node::Parameter(data.or(told));
        }
        return Ok(object);
    }
    match (object, heap.node(object)) {
        (Value::Inert(Inert::Dtype), _) | (_, Some(Node::Dict { ordered: true, .. })) => Ok(object),
        _ => Err(Fault::Refused(format!("{} with a state of its own", heap.kind(object)))),
    }
}

/// The storage of a persistent id: `('storage', class, key, location, count)`, and `None` behind
/// them in the legacy form.
///
/// The oldest form speaks of its tensors by number.
pub(super) fn storage(heap: &mut Heap, id: Value) -> Result<Value, Fault> {
    if let Some(&tensor) = heap.text(id).and_then(|number| heap.tensors.get(number)) {
        return Ok(tensor);
    }
    let parts = heap.tuple(id).unwrap_or_default();
    let &[tag, Value::Global(Global::Storage(dtype)), key, _, Value::Int(count), ref view @ ..] =
        parts
    else {
        return Err(Fault::Refused("a persistent id that is no storage of tensors".into()));
    };
    if heap.text(tag) != Some("storage") || !matches!(view, [] | [Value::None]) {
        return Err(Fault::Refused("a storage that is a view of another".into()));
    }
    let key = heap.text(key).filter(|key| key.len() <= LONGEST_KEY).map(str::to_owned);
    let key =
        key.ok_or_else(|| Fault::Unreadable("has a storage whose key is no short text".into()))?;
    let count = u64::try_from(count).map_err(|_| {
        Fault::Unreadable(format!("has a storage {} of {count} elements", quoted(&key)))
    })?;
    let key = heap.keys.insert_full(key).0;
    Ok(heap.add(Node::Storage(Storage { dtype, key, count })))
}
