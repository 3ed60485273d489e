//! Which compiled device code fits a device, and where it lies.

use std::path::{Path, PathBuf};

/// Code for a device, as `scripts/build_cubins.sh` made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CudaImage {
    /// Its file.
    pub path: PathBuf,
    /// What it is.
    pub kind: ImageKind,
}

/// What an image can run on. Architectures are ten times the major number and the minor one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    /// Machine code for one architecture, and for later ones of the same major number.
    Cubin {
        /// The architecture.
        architecture: u32,
    },
    /// Text that the driver compiles when it is loaded, for this architecture and all later ones.
    Ptx {
        /// The architecture.
        architecture: u32,
    },
}

impl std::fmt::Display for CudaImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            ImageKind::Cubin { architecture } => write!(f, "machine code for sm_{architecture}")?,
            ImageKind::Ptx { architecture } => write!(f, "PTX for compute_{architecture}, compiled by the driver")?,
        }
        write!(f, " from {}", self.path.display())
    }
}

/// No image that this device could load.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no device code for compute capability {}.{} in {}; run scripts/build_cubins.sh, or name its folder in AZIMUTH_CUDA_IMAGES{refusals}",
    architecture / 10,
    architecture % 10,
    folder.display()
)]
pub struct NoImage {
    /// Where was looked.
    pub folder: PathBuf,
    /// Of the device.
    pub architecture: u32,
    /// What the driver said of images that it refused.
    pub refusals: String,
}

/// Architectures of boards that share memory with their processor: their machine code is theirs alone.
const BOARDS: [u32; 3] = [53, 72, 87];

/// Where device code is looked for: the folder that `AZIMUTH_CUDA_IMAGES` names, else `cuda` beside the
/// program, else where `scripts/build_cubins.sh` puts it in the source tree this was built from.
#[must_use]
pub fn image_folder() -> PathBuf {
    if let Some(named) = std::env::var_os("AZIMUTH_CUDA_IMAGES") {
        return named.into();
    }
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("cuda")));
    match beside {
        Some(folder) if folder.is_dir() => folder,
        _ => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/cuda_images"),
    }
}

/// The images of `operation` in `folder` that a device of this architecture might load, best first.
pub(super) fn images_for(folder: &Path, operation: &str, architecture: u32) -> Vec<CudaImage> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let parsed = entries.filter_map(|entry| {
        let path = entry.path();
        let kind = image_kind(path.file_name()?.to_str()?, operation)?;
        Some(CudaImage { path, kind })
    });
    let mut images: Vec<(u32, CudaImage)> =
        parsed.filter_map(|image| Some((preference(image.kind, architecture)?, image))).collect();
    images.sort_by_key(|(preference, _)| std::cmp::Reverse(*preference));
    images.into_iter().map(|(_, image)| image).collect()
}

/// `top_k.sm_90.cubin` or `top_k.compute_75.ptx`.
fn image_kind(name: &str, operation: &str) -> Option<ImageKind> {
    let name = name.strip_prefix(operation)?.strip_prefix('.')?;
    if let Some(architecture) = name.strip_prefix("sm_").and_then(|rest| rest.strip_suffix(".cubin")) {
        return Some(ImageKind::Cubin { architecture: architecture.parse().ok()? });
    }
    let architecture = name.strip_prefix("compute_")?.strip_suffix(".ptx")?;
    Some(ImageKind::Ptx { architecture: architecture.parse().ok()? })
}

/// How good an image is for a device, machine code before text; `None` where it cannot run.
fn preference(kind: ImageKind, device: u32) -> Option<u32> {
    match kind {
        ImageKind::Cubin { architecture } => {
            let alike = architecture / 10 == device / 10 && architecture <= device;
            let foreign = architecture != device && (BOARDS.contains(&architecture) || BOARDS.contains(&device));
            (alike && !foreign).then_some(1000 + architecture)
        }
        ImageKind::Ptx { architecture } => (architecture <= device).then_some(architecture),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(device: u32) -> Vec<String> {
        let folder = std::env::temp_dir().join(format!("azimuth-images-{}-{device}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let names = [
            "top_k.sm_72.cubin",
            "top_k.sm_75.cubin",
            "top_k.sm_86.cubin",
            "top_k.sm_87.cubin",
            "top_k.sm_89.cubin",
            "top_k.sm_90.cubin",
            "top_k.sm_120.cubin",
            "top_k.compute_72.ptx",
            "top_k.compute_80.ptx",
            "crop.sm_90.cubin",
            "top_k.sm_x.cubin",
            "notes.txt",
        ];
        for name in names {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let images = images_for(&folder, "top_k", device);
        std::fs::remove_dir_all(&folder).unwrap();
        images.iter().map(|image| image.path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_exact_architecture_comes_first_and_text_last() {
        assert_eq!(best(90), ["top_k.sm_90.cubin", "top_k.compute_80.ptx", "top_k.compute_72.ptx"]);
        assert_eq!(best(89)[..2], ["top_k.sm_89.cubin", "top_k.sm_86.cubin"]);
        assert_eq!(best(121)[0], "top_k.sm_120.cubin");
    }

    #[test]
    fn boards_and_cards_do_not_share_machine_code() {
        assert_eq!(best(87)[..2], ["top_k.sm_87.cubin", "top_k.compute_80.ptx"]);
        assert_eq!(best(72), ["top_k.sm_72.cubin", "top_k.compute_72.ptx"]);
    }

    #[test]
    fn an_unknown_device_falls_back_to_text() {
        assert_eq!(best(103)[0], "top_k.compute_80.ptx");
        assert!(best(61).is_empty());
        assert!(images_for(Path::new("/nowhere"), "top_k", 90).is_empty());
    }
}
