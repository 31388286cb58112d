//! Compiles the C++ part against libtorch's headers and, with the feature `cuda`, the CUDA part.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-changed=csrc");
    let libtorch = libtorch();
    let cuda = env::var_os("CARGO_FEATURE_CUDA").is_some();
    let mut shim = cc::Build::new();
    // 2.13's headers want C++20; debug information would double the time of the compilation.
    shim.cpp(true).std("c++20").pic(true).warnings(false).opt_level(2).debug(false);
    shim.define("AT_PER_OPERATOR_HEADERS", None).define("_GLIBCXX_USE_CXX11_ABI", "1");
    shim.include(libtorch.join("include"));
    shim.include(libtorch.join("include/torch/csrc/api/include"));
    shim.flag_if_supported("-fvisibility=hidden").flag_if_supported("-Wno-unknown-pragmas");
    for file in ["autograd", "operators", "launch", "interface", "parallel"] {
        shim.file(format!("csrc/{file}.cpp"));
    }
    if !cuda {
        shim.file("csrc/cuda_absent.cpp");
    }
    shim.compile("timeweave_kernels_shim");
    if cuda {
        compile_cuda();
    }
}

/// The folder of libtorch that torch-sys links against.
fn libtorch() -> PathBuf {
    let linked = env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from);
    let around = linked.as_deref().and_then(Path::parent).map(Path::to_path_buf);
    let found = env::var_os("LIBTORCH").map(PathBuf::from).or(around);
    found.filter(|folder| folder.join("include/torch/library.h").is_file()).unwrap_or_else(|| {
        panic!("expected libtorch's headers in the folder that LIBTORCH names; run `npm run setup`")
    })
}

fn compile_cuda() {
    unimplemented!()
}
