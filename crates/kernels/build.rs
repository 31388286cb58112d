//! Compiles the C++ part against libtorch's headers and, with the feature `cuda`, the CUDA part.

mod nvcc;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use nvcc::nvcc;

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
    for file in ["autograd", "operators", "launch", "interface", "parallel", "host_grid", "probe"] {
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

/// Architectures that CUDA code is made for, unless `CUDA_ARCHS` (for instance `80;90`) says others;
/// the newest one's PTX serves what comes after. Nothing asks a driver: builds run without GPUs.
const ARCHITECTURES: &str = "80;90;100";

fn compile_cuda() {
    for name in ["NVCC", "CUDA_HOME", "CUDA_PATH", "CUDA_ARCHS"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let nvcc = nvcc().unwrap_or_else(|| {
        panic!(
            "expected nvcc for the feature `cuda` in NVCC, CUDA_HOME/bin or PATH but found none; \
             install CUDA or `pip install nvidia-cuda-nvcc nvidia-nvvm nvidia-cuda-runtime \
             nvidia-cuda-crt nvidia-cuda-cccl`, all 13.0.*"
        )
    });
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let (object, library) = (out.join("cuda.o"), out.join("libtimeweave_kernels_cuda.a"));
    let named = env::var("CUDA_ARCHS").unwrap_or_else(|_| ARCHITECTURES.into());
    let architectures: Vec<_> = named.split([';', ',', ' ']).filter(|a| !a.is_empty()).collect();
    let mut compile = Command::new(&nvcc);
    compile.args(["-O3", "-std=c++17", "-t", "2", "-Xcompiler", "-fPIC,-fvisibility=hidden"]);
    for arch in &architectures {
        compile.arg("-gencode").arg(format!("arch=compute_{arch},code=sm_{arch}"));
    }
    let newest = architectures.last().expect("at least one architecture in CUDA_ARCHS");
    compile.arg("-gencode").arg(format!("arch=compute_{newest},code=compute_{newest}"));
    run(compile.args(["-c", "csrc/cuda.cu", "-o"]).arg(&object));
    let _ = std::fs::remove_file(&library);
    run(Command::new("ar").arg("crs").arg(&library).arg(&object));
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=timeweave_kernels_cuda");
    link_runtime(&nvcc);
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?} failed with {status}");
}

/// Links the static runtime beside nvcc, so that no shared one is needed where there is no GPU.
fn link_runtime(nvcc: &Path) {
    let root = nvcc.parent().and_then(Path::parent).expect("nvcc lies in a folder bin");
    let folders = ["lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib"];
    let folder = folders.iter().map(|folder| root.join(folder));
    let folder = folder.into_iter().find(|folder| folder.join("libcudart_static.a").is_file());
    let folder = folder.unwrap_or_else(|| {
        panic!("expected libcudart_static.a in {folders:?} of {}", root.display())
    });
    println!("cargo:rustc-link-search=native={}", folder.display());
    println!("cargo:rustc-link-lib=static=cudart_static");
    for library in ["dl", "rt", "pthread", "stdc++"] {
        println!("cargo:rustc-link-lib=dylib={library}");
    }
}
