//! Where nvcc is: for the build script, and for the test that compiles what it compiles.

use std::env;
use std::path::PathBuf;

/// The program that `NVCC` names, or one beside CUDA, on the path, or where CUDA usually lies.
pub fn nvcc() -> Option<PathBuf> {
    let named = env::var_os("NVCC").map(PathBuf::from);
    let homes = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(env::var_os);
    let homes = homes.map(|home| PathBuf::from(home).join("bin/nvcc"));
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<_> = env::split_paths(&path).map(|folder| folder.join("nvcc")).collect();
    let usual = PathBuf::from("/usr/local/cuda/bin/nvcc");
    named.into_iter().chain(homes).chain(on_path).chain([usual]).find(|nvcc| nvcc.is_file())
}
