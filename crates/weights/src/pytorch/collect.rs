//! From the object of a checkpoint to its named tensors: which dict counts.

use indexmap::IndexMap;

use super::value::{Heap, Node, Tensor, Value};
use crate::error::Fault;

/// The entries under which training programs keep the weights, in the order they are tried.
const CONTAINERS: [&str; 3] = ["state_dict", "model_state", "model"];

/// Tensors by name, in the file's order.
pub(super) type Found<'h> = IndexMap<&'h str, &'h Tensor>;

/// The tensors of a checkpoint and the entry that held them.
pub(super) fn tensors(
    heap: &Heap,
    root: Value,
) -> Result<(Option<&'static str>, Found<'_>), Fault> {
    if heap.dict(root).is_none() {
        return Err(Fault::Unreadable(format!(
            "holds {} where a dict of tensors belongs; save model.state_dict()",
            heap.kind(root)
        )));
    }
    refuse_cycles(heap, root)?;
    let inner = CONTAINERS.into_iter().find_map(|name| {
        let value = heap.entry(root, name)?;
        heap.dict(value).map(|items| (Some(name), items))
    });
    let (container, items) = inner.unwrap_or_else(|| (None, heap.dict(root).unwrap_or_default()));
    // All keys first: one that is set twice has its last value, even if that is no tensor.
    let named: IndexMap<&str, Value> =
        items.iter().filter_map(|item| Some((heap.text(item.0)?, item.1))).collect();
    let tensors = named
        .into_iter()
        .filter_map(|(name, value)| match heap.node(value) {
            Some(Node::Tensor(tensor)) => Some((name, tensor)),
            Some(&Node::Parameter(Some(value))) => match heap.node(value) {
                Some(Node::Tensor(tensor)) => Some((name, tensor)),
                _ => None,
            },
            _ => None,
        })
        .collect();
    Ok((container, tensors))
}

/// Whether a value is done with, or one of those that the walk is inside of.
#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Never,
    Inside,
    Done,
}

/// Refuses an object that contains itself. Weights never do, and whoever walks over such a
/// checkpoint later would not come back.
fn refuse_cycles(heap: &Heap, root: Value) -> Result<(), Fault> {
    let mut visits = vec![Visit::Never; heap.len()];
    // Each value waits twice: to be entered and, below all its parts, to be left.
    let mut waiting = vec![(root, false)];
    while let Some((value, leaving)) = waiting.pop() {
        let Value::Node(id) = value else { continue };
        let Some(visit) = visits.get_mut(id as usize) else { continue };
        match (*visit, leaving) {
            (_, true) => *visit = Visit::Done,
            (Visit::Done, false) => {}
            (Visit::Inside, false) => {
                return Err(Fault::Refused(format!("{} that contains itself", heap.kind(value))));
            }
            (Visit::Never, false) => {
                *visit = Visit::Inside;
                waiting.push((value, true));
                match heap.node(value) {
                    Some(Node::Tuple(items) | Node::List(items)) => {
                        waiting.extend(items.iter().map(|&item| (item, false)));
                    }
                    Some(Node::Dict { items, .. }) => {
                        waiting.extend(
                            items.iter().flat_map(|&(key, item)| [(key, false), (item, false)]),
                        );
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}
