//! KITTI's tracking layout: `image_02/<sequence>/NNNNNN.{png,jpg}`, `label_02/<sequence>.txt`, `calib/<sequence>.txt`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use calibration::kitti::{Calibration, KittiError, TrackingLabel, parse_calibration, parse_tracking_labels};
use thiserror::Error;

/// One picture and what is labelled in it.
#[derive(Clone, Debug)]
pub struct SequenceFrame {
    /// Its number in the sequence.
    pub index: u32,
    /// The picture's file.
    pub picture: PathBuf,
    /// Everything labelled in it, `DontCare` included.
    pub labels: Vec<TrackingLabel>,
}

/// A drive.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// Its name, for instance `0001`.
    pub name: String,
    /// The camera that took the pictures (the left colour camera, rectified).
    pub calibration: Calibration,
    /// Pictures by number.
    pub frames: Vec<SequenceFrame>,
}

/// Why a drive cannot be played.
#[derive(Debug, Error)]
pub enum SequenceError {
    /// A file or folder cannot be read.
    #[error("{}: {source}", .path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A label or calibration file is not as it should be; the message names file and line.
    #[error(transparent)]
    Kitti(#[from] KittiError),
    /// The first picture's size cannot be read.
    #[error("{}: {source}", .path.display())]
    Picture {
        /// The picture.
        path: PathBuf,
        /// The decoder's words.
        source: image::ImageError,
    },
    /// There is nothing to play.
    #[error("{}: no pictures NNNNNN.png or NNNNNN.jpg", .path.display())]
    Empty {
        /// The folder of the pictures.
        path: PathBuf,
    },
}

impl Sequence {
    /// Reads the drive `name` below `kitti`, which is the data set's folder or its `training` folder. Pictures are not read yet.
    ///
    /// # Errors
    /// [`SequenceError`] with the file.
    pub fn load(kitti: &Path, name: &str) -> Result<Self, SequenceError> {
        let training = kitti.join("training");
        let root = if training.is_dir() { training } else { kitti.to_path_buf() };
        let pictures = pictures(&root.join("image_02").join(name))?;
        let (_, first) = pictures
            .first_key_value()
            .ok_or_else(|| SequenceError::Empty { path: root.join("image_02").join(name) })?;
        let (width_px, height_px) =
            image::image_dimensions(first).map_err(|source| SequenceError::Picture { path: first.clone(), source })?;

        let path = root.join("calib").join(format!("{name}.txt"));
        let calibration = parse_calibration(&text(&path)?, &path.display().to_string(), width_px, height_px)?;
        let path = root.join("label_02").join(format!("{name}.txt"));
        let mut labels: BTreeMap<u32, Vec<TrackingLabel>> = BTreeMap::new();
        for label in parse_tracking_labels(&text(&path)?, &path.display().to_string())? {
            labels.entry(label.frame).or_default().push(label);
        }
        let frame =
            |(index, picture)| SequenceFrame { index, picture, labels: labels.remove(&index).unwrap_or_default() };
        let frames = pictures.into_iter().map(frame).collect();
        Ok(Self { name: name.to_owned(), calibration, frames })
    }
}

/// Pictures of a folder by their number; other files are passed over.
fn pictures(folder: &Path) -> Result<BTreeMap<u32, PathBuf>, SequenceError> {
    let unreadable = |source| SequenceError::Unreadable { path: folder.to_path_buf(), source };
    let mut pictures = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_picture = path.extension().is_some_and(|extension| extension == "png" || extension == "jpg");
        let index = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if let (true, Some(index)) = (is_picture, index) {
            pictures.insert(index, path);
        }
    }
    Ok(pictures)
}

fn text(path: &Path) -> Result<String, SequenceError> {
    std::fs::read_to_string(path).map_err(|source| SequenceError::Unreadable { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pictures of 8 x 4 pixels, one label in the second.
    fn write(root: &Path) {
        let folder = root.join("training/image_02/0007");
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["000000.png", "000003.png"] {
            image::RgbImage::new(8, 4).save(folder.join(name)).unwrap();
        }
        std::fs::write(folder.join("notes.txt"), "").unwrap();
        for (kind, text) in [
            ("calib", "P2: 10 0 4 0 0 10 2 0 0 0 1 0\n"),
            ("label_02", "3 5 Car 0 0 -1.5 1 1 6 3 1.5 1.6 3.9 0.5 1.7 12.0 -1.5\n"),
        ] {
            std::fs::create_dir_all(root.join("training").join(kind)).unwrap();
            std::fs::write(root.join("training").join(kind).join("0007.txt"), text).unwrap();
        }
    }

    #[test]
    fn pictures_come_in_order_each_with_its_labels() {
        let root = tempfile::tempdir().unwrap();
        write(root.path());
        for folder in [root.path().to_path_buf(), root.path().join("training")] {
            let sequence = Sequence::load(&folder, "0007").unwrap();
            assert_eq!(sequence.frames.iter().map(|frame| frame.index).collect::<Vec<_>>(), [0, 3]);
            assert_eq!(sequence.frames[0].labels, []);
            assert_eq!(sequence.frames[1].labels[0].track_id, 5);
            let camera = sequence.calibration.camera;
            assert_eq!((camera.fx_px, camera.width_px, camera.height_px), (10.0, 8, 4));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let root = tempfile::tempdir().unwrap();
        let error = Sequence::load(root.path(), "0007").unwrap_err().to_string();
        assert!(error.contains("image_02/0007"), "{error}");
        write(root.path());
        std::fs::remove_file(root.path().join("training/label_02/0007.txt")).unwrap();
        let error = Sequence::load(root.path(), "0007").unwrap_err().to_string();
        assert!(error.contains("label_02/0007.txt"), "{error}");
        std::fs::write(root.path().join("training/label_02/0007.txt"), "0 1 Car nonsense\n").unwrap();
        let error = Sequence::load(root.path(), "0007").unwrap_err().to_string();
        assert!(error.contains("0007.txt:1"), "{error}");
    }
}
