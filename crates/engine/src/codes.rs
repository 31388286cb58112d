//! The one list of error codes, checked against the sources of every crate.

/// Every code that a call into the addon can give, sorted.
pub fn all_codes() -> &'static [&'static str] {
    CODES
}

const CODES: &[&str] = &[
    "ABORTED",
    "CHECKPOINT_MISMATCH",
    "CHECKPOINT_NAMES_UNKNOWN",
    "CHECKPOINT_NOT_FOUND",
    "CHECKPOINT_REFUSED",
    "CHECKPOINT_TOO_LARGE",
    "CHECKPOINT_TRUNCATED",
    "CHECKPOINT_UNREADABLE",
    "CHECKPOINT_UNWRITABLE",
    "CHECKPOINT_WITHOUT_CARD",
    "CONFIG_INVALID",
    "DAMAGED_VIDEO",
    "DECODER_MISSING",
    "DECODE_FAILED",
    "DEVICE_MISMATCH",
    "DEVICE_UNAVAILABLE",
    "DISPOSED",
    "DTYPE_MISMATCH",
    "EMPTY_LIST",
    "EMPTY_VIDEO",
    "ENCODE_FAILED",
    "FILE_ACCESS",
    "FILE_NOT_FOUND",
    "FRAME_MISSING",
    "FRAME_OUT_OF_RANGE",
    "FRAME_SIZE",
    "INPUT_INVALID",
    "INTERNAL",
    "INVALID_FRAME",
    "INVALID_IMAGE",
    "INVALID_OPTION",
    "INVALID_SPEC",
    "LABEL_OUT_OF_RANGE",
    "LIBTORCH_ERROR",
    "LIST_AMBIGUOUS",
    "LIST_INVALID",
    "LIST_LOSSY",
    "LIST_NOT_FOUND",
    "LOSS_NOT_FINITE",
    "NON_FINITE",
    "NOT_A_VIDEO",
    "NO_FLOW",
    "NO_FRAMES",
    "NO_SAMPLES",
    "NO_VIDEO_STREAM",
    "RESUME_INVALID",
    "SHAPE_MISMATCH",
    "WORKER_FAILED",
];

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
        let files = ["kernels", "weights", "models", "video", "engine"]
            .map(|name| format!("{name}/src/error.rs"));
        let mut theirs: BTreeSet<String> = files.iter().flat_map(|file| codes_in(file)).collect();
        // What the binding adds: use after dispose, and a caught panic.
        theirs.extend(["DISPOSED".to_owned(), "INTERNAL".to_owned()]);
        let ours: BTreeSet<String> =
            super::all_codes().iter().map(|&code| code.to_owned()).collect();
        assert_eq!(ours, theirs);
        assert!(super::all_codes().is_sorted());
    }
}
