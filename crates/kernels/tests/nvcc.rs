//! The CUDA sources compile and link wherever there is an nvcc, with the feature `cuda` or without.

#[path = "../nvcc.rs"]
mod nvcc;

use std::path::Path;
use std::process::Command;

use nvcc::nvcc;

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
