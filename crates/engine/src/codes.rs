//! The one list of error codes, checked against the sources of every crate.

/// Every code that a call into the addon can give, sorted.
pub fn all_codes() -> &'static [&'static str] {
    CODES
}

const CODES: &[&str] = &["ABORTED", "CONFIG_INVALID"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    /// What stands on the right of `=> "UPPER_SNAKE"` in a crate's error file.
    fn codes_in(file: &str) -> BTreeSet<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let text =
            std::fs::read_to_string(&path).expect("every crate keeps its errors in one file");
        let is_code = |text: &&str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        };
        let codes: BTreeSet<String> = text
            .split("=> \"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .filter(is_code)
            .map(str::to_owned)
            .collect();
        assert!(!codes.is_empty(), "no codes in {file}");
        codes
    }

    #[test]
    fn the_list_holds_the_codes_of_every_crate_and_no_other() {
        let files =
            ["kernels", "models", "video", "engine"].map(|name| format!("{name}/src/error.rs"));
        let mut theirs: BTreeSet<String> = files.iter().flat_map(|file| codes_in(file)).collect();
        // What the binding adds: use after dispose, and a caught panic.
        theirs.extend(["DISPOSED".to_owned(), "INTERNAL".to_owned()]);
        let ours: BTreeSet<String> =
            super::all_codes().iter().map(|&code| code.to_owned()).collect();
        assert_eq!(ours, theirs);
        assert!(super::all_codes().is_sorted());
    }
}
