//! The report: one HTML file that needs no network, no server and no other file.
//!
//! Everything here is a pure function of a [`Playback`], except [`write()`], which reads the pictures and writes the page.

mod birds_eye;
mod charts;
mod confidence;
#[cfg(test)]
pub mod fixture;
mod frame_view;
mod markup;
mod overlay;
mod page;
mod picture;

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::headline::Headline;
use super::record::Playback;
use picture::DataUri;

pub use picture::data_uri;

/// Name of the file.
pub const REPORT_FILE: &str = "report.html";
/// More pictures than this make the page slow to open; of a longer sequence every n-th frame is shown.
const PICTURES_MAX: usize = 80;
/// Pictures of more bytes than this, all together, are thinned out further.
const PICTURE_BYTES_MAX: usize = 8 << 20;

/// Writes `report.html` into `directory`, which is created where it is missing; returns the file's path.
///
/// # Errors
/// A picture that cannot be read, or a folder that cannot be written to, by name.
pub fn write(directory: &Path, playback: &Playback, headline: &Headline) -> anyhow::Result<PathBuf> {
    let mut shown = Vec::new();
    for at in every_nth(playback.frames.len(), PICTURES_MAX) {
        if let Some(frame) = playback.frames.get(at) {
            shown.push((at, picture::load(&frame.picture)?));
        }
    }
    let page = page::page(playback, headline, &within_bytes(shown));
    std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    let path = directory.join(REPORT_FILE);
    std::fs::write(&path, page).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// Places of at most `count_max` of `count` things, evenly spread, with the first.
fn every_nth(count: usize, count_max: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(count.div_ceil(count_max.max(1)).max(1))
}

/// Leaves out every other picture until the rest fits.
fn within_bytes(mut shown: Vec<(usize, DataUri)>) -> Vec<(usize, DataUri)> {
    while shown.len() > 1 && shown.iter().map(|(_, picture)| picture.len()).sum::<usize>() > PICTURE_BYTES_MAX {
        shown = shown.into_iter().step_by(2).collect();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sequences_are_thinned_evenly_and_short_ones_not_at_all() {
        assert_eq!(every_nth(60, 80).count(), 60);
        assert_eq!(every_nth(161, 80).collect::<Vec<_>>(), (0..161).step_by(3).collect::<Vec<_>>());
        assert!((1..400).all(|count| (1..=80).contains(&every_nth(count, 80).count())));
        assert_eq!(every_nth(0, 80).count(), 0);
    }

    #[test]
    fn a_picture_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut playback = fixture::playback(1);
        playback.frames[0].picture = folder.path().join("000000.png");
        let error = write(folder.path(), &playback, &Headline::new(&playback)).unwrap_err();
        assert!(format!("{error:#}").contains("000000.png"), "{error:#}");
    }

    #[test]
    fn the_file_is_written_into_a_folder_that_did_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        let mut playback = fixture::playback(2);
        let camera = playback.camera;
        for frame in &mut playback.frames {
            frame.picture = folder.path().join(format!("{:06}.png", frame.index));
            image::RgbImage::new(camera.width_px, camera.height_px).save(&frame.picture).unwrap();
        }
        let path = write(&folder.path().join("a/b"), &playback, &Headline::new(&playback)).unwrap();
        let page = std::fs::read_to_string(&path).unwrap();
        assert_eq!(page.matches("src=\"data:image/jpeg;base64,").count(), 2, "a picture a frame");
    }
}
