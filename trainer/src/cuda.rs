//! Makes a trainer that was linked against CPU libtorch use the GPU of a machine whose PyTorch has CUDA.

#![expect(unsafe_code, reason = "dlopen runs the library's initialisers, which register CUDA with libtorch")]

/// Loads `libtorch_cuda.so` for the life of the process, where the loader finds one; says nothing where there is none.
pub fn load() {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: libtorch_cuda belongs to the same PyTorch as the libtorch_cpu already loaded; its initialisers are made
    // to run at any time before the first CUDA call, and the library is never unloaded.
    if let Ok(library) = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) } {
        std::mem::forget(library);
    }
}
