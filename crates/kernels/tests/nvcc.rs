//! The CUDA sources compile and link wherever there is an nvcc, with the feature `cuda` or without.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// nvcc where the build script looks for it.
fn nvcc() -> Option<PathBuf> {
    let named = env::var_os("NVCC").map(PathBuf::from);
    let homes = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(env::var_os);
    let homes = homes.map(|home| PathBuf::from(home).join("bin/nvcc"));
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<_> = env::split_paths(&path).map(|folder| folder.join("nvcc")).collect();
    let usual = PathBuf::from("/usr/local/cuda/bin/nvcc");
    named.into_iter().chain(homes).chain(on_path).chain([usual]).find(|nvcc| nvcc.is_file())
}

/// Compiles for one architecture, without optimisation of the host's side.
fn compile(nvcc: &Path, arguments: &[&str], to: &Path) {
    let mut command = Command::new(nvcc);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/csrc"));
    command
        .args(["-std=c++17", "-arch=sm_90", "-Xcompiler", "-Wall"])
        .args(arguments)
        .arg("-o")
        .arg(to);
    // pip's runtime lies where its nvcc does not look.
    let root = nvcc.parent().and_then(Path::parent).expect("nvcc lies in a folder bin");
    command.arg("-L").arg(root.join("lib"));
    let output = command.output().expect("nvcc runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}

#[test]
fn the_cuda_sources_compile_where_there_is_nvcc() {
    let Some(nvcc) = nvcc() else {
        println!("passed over: no nvcc, so neither cuda.cu nor selftest.cu was compiled");
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    compile(&nvcc, &["-c", "cuda.cu"], &folder.join("cuda.o"));
    let program = folder.join("selftest");
    compile(&nvcc, &["selftest.cu"], &program);
    // Without a GPU the program must say so and not succeed; its own comparison is checked before.
    if !Path::new("/dev/nvidiactl").exists() {
        let output = Command::new(program).output().expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(2) && errors.contains("cudaGetDeviceProperties"),
            "{errors}"
        );
    }
    println!("checked: cuda.cu and selftest.cu, compiled by {}", nvcc.display());
}
