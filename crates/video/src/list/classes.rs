//! Files of class names: which name has which number.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::VideoError;

use super::rows::{quoted, without_mark};

/// The names of the classes, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassNames {
    names: Vec<String>,
    /// Numbers by the plain form of the name; none where two names have one form.
    numbers: HashMap<String, Option<usize>>,
    /// Where they are from, for errors.
    file: PathBuf,
}

/// A name and the number beside it, with the line.
type Numbered = (usize, String, usize);

impl ClassNames {
    /// Reads a file of names: a name a line (Something-Something v1, Jester), `number name` from 0 or 1 (UCF101), `name,number`
    /// (Moments in Time), `id,name` with a header (Kinetics), or a JSON array of names or object of name to number
    /// (Something-Something v2, PySlowFast).
    ///
    /// # Errors
    /// `FILE_NOT_FOUND`, `FILE_ACCESS`, and `LIST_INVALID` for names that are no numbering, naming the line.
    pub fn read(file: &Path) -> Result<Self, VideoError> {
        let text = super::read_text(file).map_err(|error| match error {
            VideoError::ListNotFound { path } => VideoError::FileNotFound { path },
            other => other,
        })?;
        Self::parse(&text, file)
    }

    /// Reads the text of a file of names; `file` names it in errors.
    ///
    /// # Errors
    /// `LIST_INVALID`.
    pub fn parse(text: &str, file: &Path) -> Result<Self, VideoError> {
        let text = without_mark(text).trim_end();
        if text.trim_start().starts_with(['[', '{']) {
            return from_json(text, file);
        }
        let lines: Vec<(usize, &str)> = text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .collect();
        let before = |&(line, text): &(usize, &str)| {
            let (number, name) = text.split_once(char::is_whitespace)?;
            Some((line, name.trim().to_owned(), number.parse().ok()?))
        };
        let numbered: Option<Vec<Numbered>> = lines.iter().map(before).collect();
        let table = || -> Option<Vec<Numbered>> {
            let rows = quoted(text, b',', file).ok()?;
            let is_header =
                rows.first()?.cells.iter().any(|cell| {
                    ["id", "name", "label"].contains(&cell.to_ascii_lowercase().as_str())
                });
            let pair = |row: &super::rows::Row<'_>| {
                let [first, second] = row.cells.as_slice() else { return None };
                match (first.parse(), second.parse()) {
                    (Ok(number), Err(_)) => Some((row.line, second.to_string(), number)),
                    (_, Ok(number)) => Some((row.line, first.to_string(), number)),
                    _ => None,
                }
            };
            rows.iter().skip(usize::from(is_header)).map(pair).collect()
        };
        match numbered.or_else(table) {
            Some(numbered) if !numbered.is_empty() => from_numbers(numbered, file),
            _ => {
                let names = lines.into_iter().map(|(line, name)| (line, unquoted(name)));
                Self::new(names.collect(), file)
            }
        }
    }

    /// Names in their order, each with its line.
    fn new(lines: Vec<(usize, String)>, file: &Path) -> Result<Self, VideoError> {
        if lines.is_empty() {
            return Err(VideoError::EmptyList { file: file.to_owned() });
        }
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for (line, name) in &lines {
            if let Some(first) = seen.insert(name, *line) {
                let expected = format!("names that differ (line {first} has it too)");
                return Err(invalid(file, *line, "the class name", expected, name));
            }
        }
        let mut numbers: HashMap<String, Option<usize>> = HashMap::new();
        for (number, (_, name)) in lines.iter().enumerate() {
            numbers.entry(plain(name)).and_modify(|known| *known = None).or_insert(Some(number));
        }
        let names = lines.into_iter().map(|(_, name)| name).collect();
        Ok(Self { names, numbers, file: file.to_owned() })
    }

    /// Names that are known without a file; `origin` names them in errors.
    ///
    /// # Errors
    /// `LIST_INVALID` for a name that comes twice, `EMPTY_LIST` without one.
    pub fn of<S: Into<String>>(
        names: impl IntoIterator<Item = S>,
        origin: &str,
    ) -> Result<Self, VideoError> {
        let lines = names.into_iter().enumerate().map(|(at, name)| (at + 1, name.into()));
        Self::new(lines.collect(), Path::new(origin))
    }

    /// The names, in the order of their numbers.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where the names are from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The number of a class. Brackets, underscores and capitals do not matter where no two names differ by them alone:
    /// publishers write `Holding [something]` and `Holding something`, `air drumming` and `air_drumming`.
    pub fn number(&self, name: &str) -> Option<usize> {
        match self.numbers.get(&plain(name))? {
            Some(number) => Some(*number),
            None => self.names.iter().position(|known| known == name),
        }
    }
}

/// A name without what publishers write in more than one way.
fn plain(name: &str) -> String {
    let kept = name.chars().filter(|c| !matches!(c, '[' | ']' | '"'));
    let text: String = kept.map(|c| if c == '_' { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A name without the quotes around it.
fn unquoted(name: &str) -> String {
    let inner = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| name.to_owned(), |inner| inner.replace("\"\"", "\""))
}

fn from_json(text: &str, file: &Path) -> Result<ClassNames, VideoError> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| {
        invalid(file, error.line().max(1), "the file", "JSON".into(), &error.to_string())
    })?;
    let kind = "an array of names or an object of name to number";
    let wrong = |entry: usize, received: &serde_json::Value| {
        let received = received.to_string().chars().take(60).collect::<String>();
        invalid(file, entry, "the entry (counted from 1)", kind.into(), &received)
    };
    match &value {
        serde_json::Value::Array(entries) => {
            let name = |(at, entry): (usize, &serde_json::Value)| {
                Ok((at + 1, entry.as_str().ok_or_else(|| wrong(at + 1, entry))?.to_owned()))
            };
            ClassNames::new(entries.iter().enumerate().map(name).collect::<Result<_, _>>()?, file)
        }
        serde_json::Value::Object(entries) => {
            let pair = |(at, (name, number)): (usize, (&String, &serde_json::Value))| {
                let parsed = match number {
                    serde_json::Value::String(digits) => digits.parse().ok(),
                    other => other.as_u64().map(|number| number as usize),
                };
                let parsed = parsed.ok_or_else(|| wrong(at + 1, number))?;
                Ok((at + 1, unquoted(name), parsed))
            };
            let pairs = entries.iter().enumerate().map(pair).collect::<Result<Vec<_>, _>>()?;
            from_numbers(pairs, file)
        }
        other => Err(wrong(1, other)),
    }
}

/// Names sorted by numbers that leave no gap and begin at 0 or 1.
fn from_numbers(mut pairs: Vec<Numbered>, file: &Path) -> Result<ClassNames, VideoError> {
    pairs.sort_by_key(|(_, _, number)| *number);
    let first = pairs.first().map_or(0, |(_, _, number)| *number);
    for (at, (line, _, number)) in pairs.iter().enumerate() {
        if first > 1 || *number != first + at {
            let expected = if first > 1 {
                "numbers that begin at 0 or 1".into()
            } else {
                format!("{} (every number once)", first + at)
            };
            return Err(invalid(file, *line, "the class number", expected, &number.to_string()));
        }
    }
    ClassNames::new(pairs.into_iter().map(|(line, name, _)| (line, name)).collect(), file)
}

fn invalid(file: &Path, line: usize, field: &str, expected: String, received: &str) -> VideoError {
    VideoError::ListInvalid {
        file: file.to_owned(),
        line,
        field: field.into(),
        expected,
        received: format!("`{received}`"),
    }
}
