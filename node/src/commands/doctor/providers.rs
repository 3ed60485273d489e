//! Which libraries can run the network: found, loadable, new enough.
#![expect(unsafe_code, reason = "a C library tells its version only when it is loaded and called")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use models::find_onnxruntime;

use super::check::Check;

/// Oldest minor version of ONNX Runtime 1.x that has every call we make.
const ONNXRUNTIME_MINOR_MIN: u32 = 17;
const ONNXRUNTIME_MEND: &str = "unpack libonnxruntime.so from the onnxruntime wheel into third_party/onnxruntime, \
or set ORT_DYLIB_PATH; until then tract runs the network, more slowly";

pub fn check() -> Vec<Check> {
    vec![onnxruntime(), Check::ok("tract", "compiled in"), cuda(), tensorrt()]
}

fn onnxruntime() -> Check {
    let name = "onnxruntime";
    let Some(path) = find_onnxruntime(None) else {
        return Check::warn(name, "no libonnxruntime.so found", ONNXRUNTIME_MEND);
    };
    let place = path.display();
    match onnxruntime_version(&path) {
        Ok(version) if minor(&version).is_some_and(|minor| minor >= ONNXRUNTIME_MINOR_MIN) => {
            Check::ok(name, format!("{place}, version {version}"))
        }
        Ok(version) => Check::warn(
            name,
            format!("{place}, version {version} is older than 1.{ONNXRUNTIME_MINOR_MIN}"),
            ONNXRUNTIME_MEND,
        ),
        Err(why) => Check::warn(name, format!("{place} does not load: {why}"), ONNXRUNTIME_MEND),
    }
}

fn minor(version: &str) -> Option<u32> {
    let mut parts = version.split('.');
    let major: u32 = parts.next()?.parse().ok()?;
    let minor: u32 = parts.next()?.parse().ok()?;
    // A later major version would be newer than any 1.x.
    Some(if major > 1 { u32::MAX } else { minor })
}

/// The first two fields of `OrtApiBase`, which the C API promises never to move.
#[repr(C)]
struct ApiBase {
    _get_api: *const c_void,
    get_version: extern "C" fn() -> *const c_char,
}

fn onnxruntime_version(path: &Path) -> Result<String, String> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| "the path holds a zero byte".to_owned())?;
    // SAFETY: a terminated path; loading runs the library's initialisers, as opening a session would.
    // It stays loaded: a runtime with threads must not be unmapped.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL) };
    if library.is_null() {
        return Err(loader_error());
    }
    // SAFETY: a live handle and a terminated name.
    let symbol = unsafe { libc::dlsym(library, c"OrtGetApiBase".as_ptr()) };
    if symbol.is_null() {
        return Err("it has no OrtGetApiBase: not an ONNX Runtime".to_owned());
    }
    // SAFETY: onnxruntime_c_api.h declares `const OrtApiBase* OrtGetApiBase(void)`; the object is static.
    let base = unsafe {
        let get_base: extern "C" fn() -> *const ApiBase = std::mem::transmute(symbol);
        get_base().as_ref()
    };
    let version = base.ok_or_else(|| "OrtGetApiBase returned nothing".to_owned())?.get_version;
    let text = version();
    if text.is_null() {
        return Err("it does not tell its version".to_owned());
    }
    // SAFETY: not null; the header promises a static, terminated string.
    Ok(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

fn loader_error() -> String {
    // SAFETY: returns null or a terminated string that lives until the next call of the loader in this thread.
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return "unknown loader error".to_owned();
    }
    // SAFETY: not null, see above.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

#[cfg(feature = "cuda")]
fn cuda() -> Check {
    match kernels::cuda_devices() {
        Ok(devices) => {
            let list = devices.iter().map(|device| {
                let (major, minor) = device.compute_capability;
                format!("{} (compute {major}.{minor}, {} MiB)", device.name, device.memory_bytes >> 20)
            });
            Check::ok("cuda", list.collect::<Vec<_>>().join(", "))
        }
        Err(why) => Check::warn("cuda", why.to_string(), "leave cuda and tensorrt out of the allowed providers"),
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Check {
    if Path::new("/dev/nvidia0").exists() || Path::new("/dev/nvhost-gpu").exists() {
        Check::warn("cuda", "there is a GPU, but CUDA is not compiled in", "build with --features cuda")
    } else {
        Check::ok("cuda", "not compiled in, and no GPU here")
    }
}

fn tensorrt() -> Check {
    if cfg!(feature = "tensorrt") {
        Check::ok("tensorrt", "compiled in; whether it runs shows in the line `network_tensorrt`")
    } else {
        Check::ok("tensorrt", "not compiled in")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_minor_number() {
        assert_eq!(minor("1.17.3"), Some(17));
        assert_eq!(minor("1.9"), Some(9));
        assert_eq!(minor("2.0.0"), Some(u32::MAX));
        assert_eq!(minor("nonsense"), None);
    }

    #[test]
    fn a_file_that_is_no_library_is_an_error_not_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("libonnxruntime.so");
        std::fs::write(&file, b"\x7fELF, almost").unwrap();
        assert!(onnxruntime_version(&file).is_err());
        assert!(onnxruntime_version(Path::new("no/such/library.so")).is_err());
    }

    #[test]
    fn a_library_that_is_no_onnxruntime_is_told_apart() {
        assert!(onnxruntime_version(Path::new("libm.so.6")).unwrap_err().contains("OrtGetApiBase"));
    }
}
