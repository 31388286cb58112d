//! Patterns of names: `#` stands for a number, a final `*` for the last word (`weight`,
//! `running_mean`, ...), everything else for itself.

/// What the `#` and `*` of a pattern stand for in a name, or nothing when it does not fit.
pub(super) fn parts<'n>(pattern: &str, name: &'n str) -> Option<Vec<&'n str>> {
    let mut parts = Vec::new();
    let mut rest = name;
    for symbol in pattern.chars() {
        match symbol {
            '#' => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                let (number, after) = rest.split_at(digits);
                parts.push(Some(number).filter(|number| !number.is_empty())?);
                rest = after;
            }
            '*' => {
                parts.push(Some(rest).filter(|word| !word.is_empty() && !word.contains('.'))?);
                rest = "";
            }
            symbol => rest = rest.strip_prefix(symbol)?,
        }
    }
    rest.is_empty().then_some(parts)
}

/// The name that a pattern with these parts stands for.
pub(super) fn fill(pattern: &str, parts: &[&str]) -> String {
    let mut parts = parts.iter();
    let mut name = String::new();
    for symbol in pattern.chars() {
        match symbol {
            '#' | '*' => name.push_str(parts.next().copied().unwrap_or_default()),
            symbol => name.push(symbol),
        }
    }
    name
}

/// Pairs of patterns with the same parts: a common name and that of a scheme.
pub(super) type Table = Vec<(String, String)>;

/// The scheme's name of a common one, by the first row that fits.
pub(super) fn from_common(table: &Table, common: &str) -> Option<String> {
    table.iter().find_map(|row| parts(&row.0, common).map(|parts| fill(&row.1, &parts)))
}

/// The common name of a scheme's one, by the first row that fits.
pub(super) fn to_common(table: &Table, name: &str) -> Option<String> {
    table.iter().find_map(|row| parts(&row.1, name).map(|parts| fill(&row.0, &parts)))
}

#[cfg(test)]
mod tests {
    use super::{fill, parts};

    #[test]
    fn a_pattern_takes_numbers_and_one_last_word() {
        let found = parts("layer#.#.conv#.*", "layer1.22.conv3.weight");
        assert_eq!(found, Some(vec!["1", "22", "3", "weight"]));
        assert_eq!(fill("s#_res#.#.*", &found.unwrap_or_default()), "s1_res22.3.weight");
        for name in ["layer1.22.conv3.net.weight", "layer.2.conv3.weight", "layer1.2.conv3."] {
            assert_eq!(parts("layer#.#.conv#.*", name), None, "{name}");
        }
    }
}
