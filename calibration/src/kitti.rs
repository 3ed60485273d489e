//! KITTI: its angles, its label files and its calibration files (object detection and tracking).
//!
//! Everything here is in *rectified camera 0* (optical axes) unless it says camera 2, the left colour camera that
//! took the images: the two are parallel and a few centimetres apart.

mod angles;
mod calib;
mod labels;

pub use angles::{
    alpha_from_azimuth, alpha_from_rotation_y, azimuth_from_alpha, camera_from_object, rotation_y_from_alpha,
    rotation_y_rad,
};
pub use calib::{Calibration, emit_calibration, parse_calibration};
pub use labels::{ObjectLabel, TrackingLabel, parse_object_labels, parse_tracking_labels};

use crate::CameraError;

/// Text quoted in an error, characters.
const QUOTE_LENGTH_MAX: usize = 40;

/// What is wrong with a KITTI text file, and where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KittiError {
    /// A line is cut short or runs on.
    #[error("{place}:{line}: {found} fields, {expected} belong there")]
    FieldCount {
        /// Name of the file.
        place: String,
        /// Line, from 1.
        line: usize,
        /// Fields on the line.
        found: usize,
        /// What belongs there.
        expected: &'static str,
    },
    /// A field does not hold what belongs there.
    #[error("{place}:{line}: field `{field}`: {text:?} is not {expected}")]
    Field {
        /// Name of the file.
        place: String,
        /// Line, from 1.
        line: usize,
        /// Name of the field.
        field: &'static str,
        /// What is there, at most 40 characters of it.
        text: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// A key that has to be there is not.
    #[error("{place}: key `{key}` is missing")]
    MissingKey {
        /// Name of the file.
        place: String,
        /// The key.
        key: &'static str,
    },
    /// A key is there twice.
    #[error("{place}:{line}: key `{key}` was already given")]
    DuplicateKey {
        /// Name of the file.
        place: String,
        /// Line of the second one, from 1.
        line: usize,
        /// The key.
        key: &'static str,
    },
    /// The numbers are no camera.
    #[error("{place}:{line}: key `{key}`: {source}")]
    Camera {
        /// Name of the file.
        place: String,
        /// Line, from 1.
        line: usize,
        /// The key.
        key: &'static str,
        /// Which number.
        source: CameraError,
    },
}

/// The fields of one line, taken one after the other, with the place for errors.
struct Fields<'a> {
    place: &'a str,
    line: usize,
    words: std::str::SplitWhitespace<'a>,
}

impl<'a> Fields<'a> {
    fn new(place: &'a str, line: usize, text: &'a str) -> Self {
        let words = text.split_whitespace();
        Self { place, line, words }
    }

    fn left_count(&self) -> usize {
        self.words.clone().count()
    }

    fn word(&mut self, field: &'static str) -> Result<&'a str, KittiError> {
        self.words.next().ok_or_else(|| self.refuse(field, "", "there"))
    }

    /// A finite number.
    fn number(&mut self, field: &'static str) -> Result<f64, KittiError> {
        let word = self.word(field)?;
        let parsed = word.parse().ok().filter(|value: &f64| value.is_finite());
        parsed.ok_or_else(|| self.refuse(field, word, "a finite number"))
    }

    fn integer<T: std::str::FromStr>(&mut self, field: &'static str) -> Result<T, KittiError> {
        let word = self.word(field)?;
        word.parse().map_err(|_| self.refuse(field, word, "a whole number in range"))
    }

    fn refuse(&self, field: &'static str, text: &str, expected: &'static str) -> KittiError {
        KittiError::Field {
            place: self.place.to_owned(),
            line: self.line,
            field,
            text: text.chars().take(QUOTE_LENGTH_MAX).collect(),
            expected,
        }
    }

    fn refuse_count(&self, expected: &'static str) -> KittiError {
        KittiError::FieldCount { place: self.place.to_owned(), line: self.line, found: self.left_count(), expected }
    }
}

/// Lines that hold something, numbered from 1. A byte order mark does not count.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().enumerate().map(|(index, line)| (index + 1, line)).filter(|(_, line)| !line.trim().is_empty())
}

#[cfg(test)]
mod arbitrary_text;
