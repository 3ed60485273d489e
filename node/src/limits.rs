//! Every bound of the program in one place. A limit on everything; none of them discovered at run time.

use serde::{Deserialize, Serialize};

/// Most steps of one refined pose, as in a manifest.
const REFINE_STEPS_MAX: u32 = 100;

/// Bounds on what is accepted, kept and waited for. All memory of the pipeline follows from these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest payload accepted as an image, bytes.
    pub frame_bytes_max: usize,
    /// Largest image side accepted, pixels.
    pub image_side_px_max: u32,
    /// Largest payload accepted as a list of detections, bytes.
    pub detections_bytes_max: usize,
    /// Detections worked on in one frame; of more, those with the highest scores.
    pub detections_max: usize,
    /// Smallest side of a box, after clipping to the image, pixels.
    pub box_side_px_min: f32,
    /// Crops that go through the network at once.
    pub batch_max: usize,
    /// Neighbours looked up for one object.
    pub neighbors_max: usize,
    /// Steps of one refined pose; the smaller of this and the manifest's holds. 0: retrieved poses are only weighed against the feature map.
    pub refine_steps_max: u32,
    /// How long a frame waits for its detections, microseconds.
    pub join_wait_us: u64,
    /// Oldest frame still worth an answer, microseconds.
    pub frame_age_us_max: u64,
    /// Time from a frame's arrival to its answer, microseconds.
    pub deadline_us: u64,
    /// Nearest and farthest an object is placed, metres.
    pub range_m_min: f64,
    /// See `range_m_min`.
    pub range_m_max: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 64 << 20,
            image_side_px_max: 16_384,
            detections_bytes_max: 1 << 20,
            detections_max: 64,
            box_side_px_min: 8.0,
            batch_max: 8,
            neighbors_max: 64,
            refine_steps_max: 10,
            join_wait_us: 50_000,
            frame_age_us_max: 500_000,
            deadline_us: 100_000,
            range_m_min: 0.5,
            range_m_max: 300.0,
        }
    }
}

/// A limit that cannot be worked with, by its key.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("limits.{key} = {value}: {rule}")]
pub struct LimitError {
    /// The key as written in the launch file.
    pub key: &'static str,
    /// The value found there.
    pub value: String,
    /// What the value must satisfy.
    pub rule: &'static str,
}

impl Limits {
    /// Checks every limit on its own and against the others.
    ///
    /// # Errors
    /// The first key, in the order of declaration, whose value cannot be worked with.
    pub fn validate(&self) -> Result<(), LimitError> {
        let checks: [(&'static str, String, bool, &'static str); 13] = [
            range("frame_bytes_max", self.frame_bytes_max, 1, 1 << 30),
            range("image_side_px_max", self.image_side_px_max as usize, 16, 65_535),
            range("detections_bytes_max", self.detections_bytes_max, 64, 64 << 20),
            range("detections_max", self.detections_max, 1, 4096),
            (
                "box_side_px_min",
                self.box_side_px_min.to_string(),
                self.box_side_px_min.is_finite() && self.box_side_px_min >= 1.0,
                "must be a finite number of pixels, at least 1",
            ),
            range("batch_max", self.batch_max, 1, 256),
            range("neighbors_max", self.neighbors_max, 1, 1024),
            (
                "refine_steps_max",
                self.refine_steps_max.to_string(),
                self.refine_steps_max <= REFINE_STEPS_MAX,
                "must be between 0 and 100",
            ),
            micros("join_wait_us", self.join_wait_us),
            micros("frame_age_us_max", self.frame_age_us_max),
            micros("deadline_us", self.deadline_us),
            (
                "range_m_min",
                self.range_m_min.to_string(),
                self.range_m_min.is_finite() && self.range_m_min > 0.0,
                "must be a finite number of metres above 0",
            ),
            (
                "range_m_max",
                self.range_m_max.to_string(),
                self.range_m_max.is_finite() && self.range_m_max > self.range_m_min,
                "must be finite and above limits.range_m_min",
            ),
        ];
        for (key, value, holds, rule) in checks {
            if !holds {
                return Err(LimitError { key, value, rule });
            }
        }
        Ok(())
    }
}

fn range(key: &'static str, value: usize, least: usize, most: usize) -> (&'static str, String, bool, &'static str) {
    let rule = if value < least { "is too small to work with" } else { "is beyond what is safe to allocate" };
    (key, value.to_string(), (least..=most).contains(&value), rule)
}

fn micros(key: &'static str, value: u64) -> (&'static str, String, bool, &'static str) {
    let day_us = 86_400_000_000;
    (key, value.to_string(), (1..=day_us).contains(&value), "must be between 1 microsecond and a day")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold() {
        assert_eq!(Limits::default().validate(), Ok(()));
    }

    #[test]
    fn an_empty_table_is_the_defaults_and_an_unknown_key_is_named() {
        assert_eq!(toml::from_str::<Limits>("").unwrap(), Limits::default());
        let error = toml::from_str::<Limits>("detection_max = 3").unwrap_err().to_string();
        assert!(error.contains("detection_max"), "{error}");
        for bad in ["-1", "2.5", "4294967296", "\"all\""] {
            let error = toml::from_str::<Limits>(&format!("refine_steps_max = {bad}")).unwrap_err().to_string();
            assert!(error.contains("refine_steps_max"), "{error}");
        }
    }

    #[test]
    fn every_limit_out_of_range_is_named() {
        for (line, key) in [
            ("frame_bytes_max = 0", "frame_bytes_max"),
            ("image_side_px_max = 100000", "image_side_px_max"),
            ("detections_bytes_max = 1", "detections_bytes_max"),
            ("detections_max = 0", "detections_max"),
            ("box_side_px_min = nan", "box_side_px_min"),
            ("box_side_px_min = 0.5", "box_side_px_min"),
            ("batch_max = 0", "batch_max"),
            ("neighbors_max = 2000", "neighbors_max"),
            ("refine_steps_max = 101", "refine_steps_max"),
            ("join_wait_us = 0", "join_wait_us"),
            ("frame_age_us_max = 0", "frame_age_us_max"),
            ("deadline_us = 0", "deadline_us"),
            ("range_m_min = -1.0", "range_m_min"),
            ("range_m_max = 0.1", "range_m_max"),
            ("range_m_max = inf", "range_m_max"),
        ] {
            let limits: Limits = toml::from_str(line).unwrap();
            assert_eq!(limits.validate().unwrap_err().key, key, "{line}");
        }
    }
}
