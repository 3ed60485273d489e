//! Launch files: everything about one node in one TOML file, with a default for every key.
//!
//! An unknown key, a value out of range or a contradiction refuses the start and names file, line and key. Paths in the file are
//! relative to the file's own folder.

use std::path::{Path, PathBuf};

use models::retrieval::second_look::{CROPS_MAX, SecondLook};
use models::{BackboneConfig, Provider};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::level::{Level, LevelError};
use crate::limits::Limits;
use crate::transport::{Keys, SessionMode, SharedMemoryUse, TransportConfig};

/// Threads a network may be given.
const THREADS_MAX: usize = 256;
/// Longest name of a node.
const NAME_BYTES_MAX: usize = 64;

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Launch {
    /// The node's name: in its liveliness token `azimuth/alive/<name>`, in its status, in the ROS graph.
    pub name: String,
    /// How it is reached.
    pub transport: TransportConfig,
    /// What it listens to and speaks on.
    pub keys: Keys,
    /// What it estimates with.
    pub model: ModelConfig,
    /// What is known about its camera.
    pub camera: CameraConfig,
    /// When an object is looked at twice.
    pub retrieval: RetrievalConfig,
    /// Whether poses are refined.
    pub refinement: RefinementConfig,
    /// How detections find their frame.
    pub join: JoinConfig,
    /// Every bound.
    pub limits: Limits,
}

/// The model and what runs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// The model's folder. Without it: `AZIMUTH_MODEL`, then `models/zoo/car`.
    pub directory: Option<PathBuf>,
    /// Providers that may run the network, tried in this order; a refused one is reported.
    pub providers: Vec<Provider>,
    /// Threads of the network.
    pub threads: usize,
    /// ONNX Runtime's library, where it is not found by itself.
    pub onnxruntime: Option<PathBuf>,
}

/// The camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CameraConfig {
    /// Frames are rectified: the calibration's `p` holds. Otherwise `k` holds, and lens distortion is reported and left in.
    pub image_is_rectified: bool,
    /// Stamps are this machine's wall clock, so a frame's age can be judged. Set to false to play recordings with their old stamps.
    pub stamps_are_wall_clock: bool,
    /// How level the ground and the vehicles on it are, standard deviation in degrees; 0: nothing is known about it.
    pub level_sigma_deg: f64,
    /// The optical axis against the ground, degrees: positive = the camera looks down.
    pub mounting_pitch_deg: f64,
    /// The camera about its optical axis, degrees: positive = its left side is higher.
    pub mounting_roll_deg: f64,
}

/// A second look at objects in doubt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetrievalConfig {
    /// Crops of jittered boxes that an object in doubt is given, as far as the deadline reaches; 0: none.
    pub jittered_crops: usize,
    /// In doubt from this flip probability on, 0 to 1 ...
    pub unsure_flip_probability: f64,
    /// ... or from this standard deviation of its rotation on (root of the covariance's trace), degrees.
    pub unsure_spread_deg: f64,
}

/// Poses against the network's feature map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefinementConfig {
    /// Poses are refined where the model can. If not, its network runs without the part that only draws feature maps.
    pub enabled: bool,
}

/// Detections and frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JoinConfig {
    /// How far the stamps of a frame and of its detections may differ, microseconds; 0 asks for equal ones.
    pub stamp_tolerance_us: u64,
}

impl Default for Launch {
    fn default() -> Self {
        Self {
            name: "front".to_owned(),
            transport: TransportConfig::default(),
            keys: Keys::default(),
            model: ModelConfig::default(),
            camera: CameraConfig::default(),
            retrieval: RetrievalConfig::default(),
            refinement: RefinementConfig::default(),
            join: JoinConfig::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        let providers = vec![Provider::OnnxRuntimeCpu, Provider::Tract];
        Self { directory: None, providers, threads: 1, onnxruntime: None }
    }
}

impl Default for RetrievalConfig {
    fn default() -> Self {
        Self { jittered_crops: 0, unsure_flip_probability: 0.05, unsure_spread_deg: 12.0 }
    }
}

impl Default for RefinementConfig {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Default for CameraConfig {
    fn default() -> Self {
        Self {
            image_is_rectified: true,
            stamps_are_wall_clock: true,
            level_sigma_deg: 0.0,
            mounting_pitch_deg: 0.0,
            mounting_roll_deg: 0.0,
        }
    }
}

impl CameraConfig {
    /// Which way is up, and how far to believe it; `None` where nothing is known.
    ///
    /// # Errors
    /// The key that is out of range.
    pub fn level(&self) -> Result<Option<Level>, LevelError> {
        Level::new(self.level_sigma_deg, self.mounting_pitch_deg, self.mounting_roll_deg)
    }
}

impl RetrievalConfig {
    /// The rule that the pipeline follows.
    pub fn second_look(&self) -> SecondLook {
        SecondLook {
            crops: self.jittered_crops,
            flip_probability_min: self.unsure_flip_probability,
            spread_rad_min: self.unsure_spread_deg.to_radians(),
        }
    }

    fn fault(&self) -> Option<(&'static str, String)> {
        if self.jittered_crops > CROPS_MAX {
            return Some(("jittered_crops", format!("must be between 0 (off) and {CROPS_MAX}")));
        }
        if !(0.0..=1.0).contains(&self.unsure_flip_probability) {
            return Some(("unsure_flip_probability", "must be between 0 and 1".to_owned()));
        }
        let is_angle = (0.0..=360.0).contains(&self.unsure_spread_deg);
        (!is_angle).then(|| ("unsure_spread_deg", "must be between 0 and 360 degrees".to_owned()))
    }
}

/// Why a launch file is refused.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// The file cannot be read.
    #[error("{}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong type.
    #[error("{place}:{line}:{column}: {message}")]
    Syntax {
        /// The file.
        place: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong, with the keys that are known where one is not.
        message: String,
    },
    /// A value that cannot be worked with.
    #[error("{place}{}: {key} {rule}", .line.map(|line| format!(":{line}")).unwrap_or_default())]
    Invalid {
        /// The file.
        place: String,
        /// From 1; none where the key is missing and its default contradicts another.
        line: Option<usize>,
        /// The key with its table.
        key: String,
        /// What the value must satisfy.
        rule: String,
    },
}

impl Launch {
    /// Reads a launch file and makes its paths independent of the current folder.
    ///
    /// # Errors
    /// [`LaunchError`], naming file, line and key.
    pub fn load(path: &Path) -> Result<Self, LaunchError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| LaunchError::Unreadable { path: path.to_path_buf(), source })?;
        let mut launch = Self::parse(&text, &path.display().to_string())?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let model = &mut launch.model;
        let paths = [&mut model.directory, &mut model.onnxruntime, &mut launch.transport.zenoh_config];
        for relative in paths.into_iter().flatten() {
            *relative = folder.join(&*relative);
        }
        Ok(launch)
    }

    /// Reads a launch file's text; `place` names it in errors.
    ///
    /// # Errors
    /// [`LaunchError`], naming place, line and key.
    pub fn parse(text: &str, place: &str) -> Result<Self, LaunchError> {
        let launch: Self = toml::from_str(text).map_err(|error| {
            let (line, column) = position(text, error.span().map_or(0, |span| span.start));
            LaunchError::Syntax { place: place.to_owned(), line, column, message: error.message().to_owned() }
        })?;
        match launch.fault() {
            None => Ok(launch),
            Some((table, key, rule)) => {
                let line = line_of(text, table, key);
                let key = if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
                Err(LaunchError::Invalid { place: place.to_owned(), line, key, rule })
            }
        }
    }

    /// The first value that cannot be worked with: table, key, rule.
    fn fault(&self) -> Option<(&'static str, &'static str, String)> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.name.is_empty() || self.name.len() > NAME_BYTES_MAX || !self.name.chars().all(plain) {
            return Some(("", "name", format!("must be 1 to {NAME_BYTES_MAX} letters, digits, _ or -")));
        }
        let transport = &self.transport;
        if transport.listen.is_empty() && transport.connect.is_empty() && !transport.multicast {
            let rule = "and transport.connect are empty and transport.multicast is off: nobody could reach the node";
            return Some(("transport", "listen", rule.to_owned()));
        }
        if transport.shared_memory != SharedMemoryUse::Off && !(4096..=1 << 36).contains(&transport.pool_bytes) {
            return Some(("transport", "pool_bytes", "must be between 4096 and 2^36".to_owned()));
        }
        if let Some((key, rule)) = self.keys.fault() {
            return Some(("keys", key, rule.to_owned()));
        }
        if self.model.providers.is_empty() {
            return Some(("model", "providers", "must name at least one provider".to_owned()));
        }
        if !(1..=THREADS_MAX).contains(&self.model.threads) {
            return Some(("model", "threads", format!("must be between 1 and {THREADS_MAX}")));
        }
        if let Some((key, rule)) = self.retrieval.fault() {
            return Some(("retrieval", key, rule));
        }
        let one_pass = self.limits.batch_max.min(self.limits.detections_max);
        if self.retrieval.jittered_crops > one_pass {
            let rule =
                format!("must be at most {one_pass}, the crops of one network pass (limits.batch_max, detections_max)");
            return Some(("retrieval", "jittered_crops", rule));
        }
        if let Err(fault) = self.camera.level() {
            return Some(("camera", fault.key, fault.rule.to_owned()));
        }
        if transport.mode == SessionMode::Client && transport.connect.is_empty() && !transport.multicast {
            return Some(("transport", "connect", "is empty, and a client needs a router to connect to".to_owned()));
        }
        if let Err(limit) = self.limits.validate() {
            return Some(("limits", limit.key, format!("= {} {}", limit.value, limit.rule)));
        }
        let waits_too_long = self.limits.join_wait_us >= self.limits.deadline_us;
        let rule = "must be below limits.deadline_us, or a frame whose detections are late has no time left";
        waits_too_long.then(|| ("limits", "join_wait_us", rule.to_owned()))
    }

    /// How the network is opened: for as many crops as a chunk has, with feature maps where poses may be refined.
    pub fn backbone(&self) -> BackboneConfig {
        BackboneConfig {
            providers: self.model.providers.clone(),
            threads: self.model.threads,
            batch_max: self.limits.batch_max.min(self.limits.detections_max),
            library: self.model.onnxruntime.clone(),
            features: self.refinement.enabled,
        }
    }

    /// The liveliness token's key.
    pub fn alive_key(&self) -> String {
        format!("azimuth/alive/{}", self.name)
    }
}

/// Line and column of a byte, from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The line, from 1, on which `key` of `[table]` is set.
fn line_of(text: &str, table: &str, key: &str) -> Option<usize> {
    let mut current = "";
    for (at, line) in text.lines().map(str::trim).enumerate() {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            current = header.trim();
        } else if current == table && line.split('=').next().is_some_and(|name| name.trim() == key) {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests;
