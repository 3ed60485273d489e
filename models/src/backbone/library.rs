//! Finds the ONNX Runtime library, which is loaded at run time: the program is built and starts without it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment variable that names the library.
pub(super) const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";
/// From an executable in `target/release/deps` to the root of its source tree.
const BUILD_FOLDERS_MAX: usize = 4;
/// How to mend a missing library.
#[cfg(feature = "ort")]
pub(super) const INSTALL: &str = "run scripts/install_onnxruntime.sh, or name the library (libonnxruntime.so) in ORT_DYLIB_PATH or in the configuration";

/// The ONNX Runtime library to load, as an absolute path.
///
/// `explicit` (a file or a folder), where given, is the only place that is looked at; then the environment variable
/// `ORT_DYLIB_PATH` likewise. Otherwise: the executable's folder, `third_party/onnxruntime` there or in one of the folders
/// above it (a source tree that the executable was built in), the folders of `LD_LIBRARY_PATH`, and the system's library folders. In a folder `libonnxruntime.so` comes before
/// `libonnxruntime.so.1` and that before the highest full version.
#[must_use]
pub fn find_onnxruntime(explicit: Option<&Path>) -> Option<PathBuf> {
    search(explicit, std::env::var_os(LIBRARY_VARIABLE), &usual_folders())
}

fn usual_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    // Never the working directory's: a program must not run the code of whatever folder it is started in.
    if let Ok(executable) = std::env::current_exe() {
        folders.extend(executable.parent().map(Path::to_path_buf));
        let above = executable.ancestors().skip(1).take(BUILD_FOLDERS_MAX);
        folders.extend(above.map(|folder| folder.join("third_party/onnxruntime")));
    }
    folders
        .extend(std::env::var_os("LD_LIBRARY_PATH").iter().flat_map(std::env::split_paths).filter(|p| p.is_absolute()));
    let by_machine = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    folders.extend(["/usr/local/lib", "/usr/lib", &by_machine].map(PathBuf::from));
    folders
}

fn search(explicit: Option<&Path>, variable: Option<OsString>, folders: &[PathBuf]) -> Option<PathBuf> {
    let named = explicit.map(Path::to_path_buf).or_else(|| variable.filter(|v| !v.is_empty()).map(PathBuf::from));
    let found = match named {
        Some(path) if path.is_dir() => in_folder(&path),
        Some(path) => Some(path).filter(|p| p.is_file()),
        None => folders.iter().find_map(|folder| in_folder(folder)),
    };
    // Absolute, because the loader would look for a relative path beside the executable first.
    found.and_then(|path| std::path::absolute(path).ok())
}

fn in_folder(folder: &Path) -> Option<PathBuf> {
    let version_of = |name: &str| name.strip_prefix("libonnxruntime.so").map(str::to_owned);
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .filter_map(|entry| {
            let version = version_of(&entry.file_name().to_string_lossy())?;
            let numbers: Option<Vec<u32>> = version.split('.').skip(1).map(|part| part.parse().ok()).collect();
            // `libonnxruntime.so` and everything with a plain version; no debug files, no backups.
            let is_library = version.is_empty() || version.starts_with('.');
            numbers.filter(|_| is_library && entry.path().is_file()).map(|numbers| (numbers, entry.path()))
        })
        .collect();
    // Fewest parts first, then the highest version.
    found.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then(b.cmp(a)));
    found.into_iter().next().map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }

    #[test]
    fn the_plainest_name_and_then_the_highest_version_wins() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let find = || search(None, None, &[at("absent"), folder.path().to_path_buf()]);
        touch(&at("libonnxruntime_providers_cuda.so"));
        touch(&at("libonnxruntime.so.1.9.0.debug"));
        touch(&at("libonnxruntime.so.bak"));
        assert_eq!(find(), None);
        touch(&at("libonnxruntime.so.1.9.0"));
        touch(&at("libonnxruntime.so.1.31.1"));
        assert_eq!(find(), Some(at("libonnxruntime.so.1.31.1")));
        touch(&at("libonnxruntime.so.1"));
        assert_eq!(find(), Some(at("libonnxruntime.so.1")));
        touch(&at("libonnxruntime.so"));
        assert_eq!(find(), Some(at("libonnxruntime.so")));
    }

    #[test]
    fn a_named_place_is_the_only_one_that_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (usual, mine) = (at("usual/libonnxruntime.so"), at("mine/my_runtime.so"));
        touch(&usual);
        touch(&mine);
        touch(&at("folder/libonnxruntime.so.1.20.0"));
        let folders = [at("usual")];
        assert_eq!(search(None, None, &folders), Some(usual.clone()));
        assert_eq!(search(None, Some("".into()), &folders), Some(usual));
        assert_eq!(search(None, Some(mine.clone().into()), &folders), Some(mine.clone()));
        assert_eq!(search(Some(&mine), Some(at("absent").into()), &folders), Some(mine));
        assert_eq!(search(Some(&at("folder")), None, &folders), Some(at("folder/libonnxruntime.so.1.20.0")));
        assert_eq!(search(Some(&at("absent.so")), None, &folders), None);
        assert_eq!(search(None, Some(at("absent.so").into()), &folders), None);
    }
}
