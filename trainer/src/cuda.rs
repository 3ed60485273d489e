//! Makes a trainer that was linked against CPU libtorch use the GPU of a machine whose PyTorch has CUDA.

#![expect(unsafe_code, reason = "dlopen runs the library's initialisers, which register CUDA with libtorch")]

/// Loads `libtorch_cuda.so` for the life of the process, where the loader finds one that works, and tells which device is used.
pub fn load() {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: libtorch_cuda belongs to the same PyTorch as the libtorch_cpu already loaded; its initialisers are made
    // to run at any time before the first CUDA call, and the library is never unloaded.
    match unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) } {
        Ok(library) => std::mem::forget(library),
        Err(error) => tracing::info!("no CUDA libtorch on LD_LIBRARY_PATH: {error}"),
    }
    tracing::info!("device: {:?}", tch::Device::cuda_if_available());
}
