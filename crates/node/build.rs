//! Links the addon the way Node expects and notes the version of libtorch that it is built for.

use std::path::Path;

fn main() {
    napi_build::setup();
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let version =
        std::env::var("LIBTORCH").ok().and_then(|root| libtorch_version(Path::new(&root)));
    println!(
        "cargo:rustc-env=TIMEWEAVE_LIBTORCH_VERSION={}",
        version.unwrap_or_else(|| "unknown".into())
    );
}

/// The version in libtorch's own header: the official archives and the wheels have it at the one or the other place.
fn libtorch_version(root: &Path) -> Option<String> {
    let places =
        ["include/torch/headeronly/version.h", "include/torch/csrc/api/include/torch/version.h"];
    places.iter().find_map(|place| {
        let header = std::fs::read_to_string(root.join(place)).ok()?;
        let part = |name: &str| {
            let line = header
                .lines()
                .find(|line| line.starts_with(&format!("#define TORCH_VERSION_{name} ")))?;
            line.split_whitespace().nth(2)?.parse::<u32>().ok()
        };
        Some(format!("{}.{}.{}", part("MAJOR")?, part("MINOR")?, part("PATCH")?))
    })
}
