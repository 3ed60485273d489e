//! The range of every value in a manifest.

use std::collections::HashSet;

use super::{BACKBONE_FILE, Manifest, ManifestError, NEURAL_MESH_FILE, REFERENCE_TABLE_FILE, RefinementSpec, inside};
use crate::digest::is_sha256_hex;

/// Largest artifact, bytes.
const ARTIFACT_BYTES_MAX: u64 = 8 << 30;
/// Most classes of a model.
const CLASS_COUNT_MAX: usize = 1024;
/// Longest class name, bytes: it travels in fixed buffers.
const CLASS_NAME_BYTES_MAX: usize = 32;
/// Longest embedding.
pub(crate) const DIM_MAX: usize = 8192;

impl Manifest {
    /// Checks every value; `place` is named in errors.
    pub(super) fn check(&self, place: &str) -> Result<(), ManifestError> {
        let value = |key: &str, ok: bool, wanted: &str| match ok {
            true => Ok(()),
            false => {
                Err(ManifestError::Value { place: place.into(), key: key.into(), reason: format!("wanted: {wanted}") })
            }
        };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        value(
            "name",
            (1..=64).contains(&self.name.len()) && self.name.chars().all(plain),
            "1 to 64 of a-z, 0-9, '.', '_', '-'",
        )?;
        value("version", (1..=64).contains(&self.version.trim().len()), "1 to 64 characters")?;
        value("licence", !self.licence.trim().is_empty(), "a licence")?;
        value("provenance", !self.provenance.trim().is_empty(), "what the model was made from")?;
        self.check_classes(&value)?;
        self.check_input(&value)?;

        let outputs = &self.outputs;
        value("outputs.embedding", !outputs.embedding.is_empty(), "the name of an output")?;
        value("outputs.dim", (1..=DIM_MAX).contains(&outputs.dim), "1 to 8192")?;
        let features_differ = outputs.features.as_ref().is_none_or(|f| !f.is_empty() && *f != outputs.embedding);
        value("outputs.features", features_differ, "the name of another output than outputs.embedding")?;

        let retrieval = &self.retrieval;
        value("retrieval.neighbors", (1..=1024).contains(&retrieval.neighbors), "1 to 1024")?;
        value("retrieval.temperature", (1e-6..=1e6).contains(&retrieval.temperature), "1e-6 to 1e6")?;
        value("retrieval.mode_radius_deg", (1e-3..=180.0).contains(&retrieval.mode_radius_deg), "0.001 to 180")?;
        value("retrieval.covariance_scale", (1e-6..=1e6).contains(&retrieval.covariance_scale), "1e-6 to 1e6")?;
        value("retrieval.flip_temperature", (1e-6..=1e6).contains(&retrieval.flip_temperature), "1e-6 to 1e6")?;

        if let Some((key, wanted)) = self.refinement.as_ref().and_then(RefinementSpec::fault) {
            value(&format!("refinement.{key}"), false, wanted)?;
        }
        for (name, artifact) in &self.artifacts {
            let key = |field: &str| format!("artifacts.\"{name}\"{field}");
            value(&key(""), inside(name).is_some(), "a file name inside the model directory")?;
            value(&key(".sha256"), is_sha256_hex(&artifact.sha256), "64 lowercase hexadecimal digits")?;
            value(&key(".bytes"), (1..=ARTIFACT_BYTES_MAX).contains(&artifact.bytes), "1 to 8589934592")?;
        }
        Ok(())
    }

    fn check_classes(
        &self,
        value: &impl Fn(&str, bool, &str) -> Result<(), ManifestError>,
    ) -> Result<(), ManifestError> {
        value("classes", (1..=CLASS_COUNT_MAX).contains(&self.classes.len()), "1 to 1024 classes")?;
        let mut seen = HashSet::new();
        for (row, class) in self.classes.iter().enumerate() {
            let key = |field: &str| format!("classes[{row}].{field}");
            for (field, name) in
                std::iter::once(("name", &class.name)).chain(class.aliases.iter().map(|a| ("aliases", a)))
            {
                let fits = (1..=CLASS_NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
                value(&key(field), fits, "1 to 32 bytes of text")?;
                value(
                    &key(field),
                    seen.insert(name.as_str()),
                    &format!("a name that no other class or alias has, `{name}` is taken"),
                )?;
            }
            for (field, size_m) in
                [("length_m", class.length_m), ("width_m", class.width_m), ("height_m", class.height_m)]
            {
                value(&key(field), (1e-3..=100.0).contains(&size_m), "0.001 to 100 metres")?;
            }
        }
        Ok(())
    }

    fn check_input(&self, value: &impl Fn(&str, bool, &str) -> Result<(), ManifestError>) -> Result<(), ManifestError> {
        let input = &self.input;
        value("input.width", (8..=4096).contains(&input.width), "8 to 4096 pixels")?;
        value("input.height", (8..=4096).contains(&input.height), "8 to 4096 pixels")?;
        value("input.context_margin", (0.0..=4.0).contains(&input.context_margin), "0 to 4")?;
        value("input.fill", input.fill.iter().all(|v| (0.0..=1.0).contains(v)), "three values of 0 to 1")?;
        value("input.mean", input.mean.iter().all(|v| (-10.0..=10.0).contains(v)), "three values of -10 to 10")?;
        value("input.std", input.std.iter().all(|v| (1e-4..=1e4).contains(v)), "three values of 0.0001 to 10000")
    }

    /// An error unless the manifest lists the files without which there is no model, and refinement has both its mesh and the
    /// network's feature map.
    pub(crate) fn check_complete(&self, place: &str) -> Result<(), ManifestError> {
        let missing = |key: &str, reason: &str| {
            Err(ManifestError::Value { place: place.into(), key: key.into(), reason: reason.into() })
        };
        let artifact = |name: &str| format!("artifacts.\"{name}\"");
        for name in [BACKBONE_FILE, REFERENCE_TABLE_FILE] {
            if !self.artifacts.contains_key(name) {
                return missing(&artifact(name), "is missing: a model has a backbone and a reference table");
            }
        }
        let has_mesh = self.artifacts.contains_key(NEURAL_MESH_FILE);
        if has_mesh && self.outputs.features.is_none() {
            let reason = format!("is missing: {} is of no use without the feature map", artifact(NEURAL_MESH_FILE));
            return missing("outputs.features", &reason);
        }
        if self.refinement.is_some() && !has_mesh {
            return missing(&artifact(NEURAL_MESH_FILE), "is missing: [refinement] is of no use without it");
        }
        Ok(())
    }
}
