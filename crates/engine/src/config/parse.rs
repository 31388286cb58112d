//! JSON to configurations, with errors that say where, what was expected and which name was meant.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::EngineError;

/// A name is suggested when it is at least this similar (Damerau-Levenshtein, 0..1).
const SIMILAR: f64 = 0.5;

/// Reads a configuration from its JSON text.
///
/// # Errors
/// `CONFIG_INVALID` naming the JSON path.
pub fn parse_json<T: DeserializeOwned>(text: &str) -> Result<T, EngineError> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| EngineError::config("(root)", "JSON", error.to_string()))?;
    parse_value(&value)
}

/// Reads a configuration from a JSON value.
///
/// # Errors
/// `CONFIG_INVALID` naming the JSON path.
pub fn parse_value<T: DeserializeOwned>(value: &Value) -> Result<T, EngineError> {
    attempt::<T>(value).map_err(|failure| explain(value, &narrow::<T>(value, failure)))
}

/// The JSON value of plain data. It goes over the text, where an f32 keeps its shortest form: 0.485 stays 0.485.
pub(crate) fn to_value(data: &impl Serialize) -> Value {
    serde_json::to_string(data)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Where reading stopped and serde's words for it.
#[derive(Clone, Debug, PartialEq)]
struct Failure {
    /// Keys and indices from the root.
    path: Vec<String>,
    message: String,
}

fn attempt<T: DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        use serde_path_to_error::Segment;
        let path = error
            .path()
            .iter()
            .filter_map(|segment| match segment {
                Segment::Seq { index } => Some(index.to_string()),
                Segment::Map { key } => Some(key.clone()),
                Segment::Enum { .. } | Segment::Unknown => None,
            })
            .collect();
        Failure { path, message: error.inner().to_string() }
    })
}

/// Goes down to the field at fault. serde buffers the content of a tagged union and forgets the path inside it, so the
/// path ends at the union; the key without which the error is another one is the culprit.
fn narrow<T: DeserializeOwned>(root: &Value, mut failure: Failure) -> Failure {
    loop {
        if failure.message.starts_with("unknown field")
            || failure.message.starts_with("missing field")
        {
            return failure;
        }
        let Some(object) = lookup(root, &failure.path).and_then(Value::as_object) else {
            return failure;
        };
        let culprit = object.keys().find(|key| {
            let mut without = root.clone();
            if let Some(Value::Object(object)) = lookup_mut(&mut without, &failure.path) {
                object.shift_remove(*key);
            }
            match attempt::<T>(&without) {
                Ok(_) => true,
                Err(other) => {
                    let is_tag = other.message.starts_with("missing field `arch`")
                        || other.message.starts_with("missing field `type`");
                    other.message != failure.message && !is_tag
                }
            }
        });
        match culprit {
            Some(key) => failure.path.push(key.clone()),
            None => return failure,
        }
    }
}

fn lookup<'a>(root: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(root, |value, key| step(value, key))
}

fn step<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        other => other.get(key),
    }
}

fn lookup_mut<'a>(root: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(root, |value, key| match value {
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        other => other.get_mut(key),
    })
}

/// serde's message in the form of all our messages.
fn explain(root: &Value, failure: &Failure) -> EngineError {
    let message = failure.message.as_str();
    let names = quoted(message);
    let received = || lookup(root, &failure.path).map_or_else(|| "nothing".to_owned(), brief);
    if message.starts_with("unknown field") {
        let (field, known) =
            names.split_first().map_or((String::new(), &[][..]), |(f, k)| (f.clone(), k));
        let expected = if known.is_empty() {
            "no field".to_owned()
        } else {
            format!("one of {}", known.join(", "))
        };
        return EngineError::ConfigInvalid {
            // Inside a tagged union the path ends before the key, elsewhere it holds it.
            path: join(
                &failure.path,
                failure.path.last().is_none_or(|last| *last != field).then_some(&field),
            ),
            expected,
            suggestion: closest(&field, known),
            received: "an unknown key".to_owned(),
        };
    }
    if message.starts_with("missing field") {
        return EngineError::config(join(&failure.path, names.first()), "a value", "nothing");
    }
    if message.starts_with("unknown variant") {
        let (variant, known) =
            names.split_first().map_or((String::new(), &[][..]), |(v, k)| (v.clone(), k));
        let tag = ["arch", "type"].map(str::to_owned).into_iter().find(|tag| {
            lookup(root, &failure.path)
                .and_then(|value| value.get(tag))
                .is_some_and(|found| *found == variant.as_str())
        });
        return EngineError::ConfigInvalid {
            path: join(&failure.path, tag.as_ref()),
            expected: format!("one of {}", known.join(", ")),
            suggestion: closest(&variant, known),
            received: format!("{variant:?}"),
        };
    }
    let expected = message.split_once(", expected ").map_or(message, |(_, expected)| expected);
    let expected = expected.strip_prefix("expected ").unwrap_or(expected);
    let expected = expected.split(" but received ").next().unwrap_or(expected);
    // Messages of hand-written readers already name their field.
    let expected = expected.split(" for ").next().unwrap_or(expected);
    EngineError::config(join(&failure.path, None), expected, received())
}

fn join(path: &[String], field: Option<&String>) -> String {
    let parts: Vec<&str> = path.iter().chain(field).map(String::as_str).collect();
    if parts.is_empty() { "(root)".to_owned() } else { parts.join(".") }
}

/// What stands between backticks.
fn quoted(message: &str) -> Vec<String> {
    message.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 {
        return text;
    }
    format!("{}...", text.chars().take(57).collect::<String>())
}

/// The known name that is most like `name`, if any is like it.
fn closest(name: &str, known: &[String]) -> Option<String> {
    let similarity = |other: &str| {
        strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase())
    };
    known
        .iter()
        .map(|other| (similarity(other), other))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other.clone())
}
