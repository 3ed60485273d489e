//! A photograph and its MAT-file of annotations, to objects of a test set.

use std::path::PathBuf;
use std::sync::Arc;

use kernels::BoxPx;

use super::benchmark::{BenchmarkObject, OracleCrop};
use super::faults::{self, Fault, Faults};
use super::pascal3d::{Object, Record};
use super::{Picture, Sample, Source, lists, photo};

/// Distance at which NeMo has every object appear, in units of the CAD models.
const DISTANCE_NEMO: f64 = 5.0;
/// Shorter side of the box in NeMo's crop where the distance is unknown, pixels.
const SIDE_NEMO_PX: f64 = 224.0;

/// Which objects of a photograph are taken.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// The first, counted as this category.
    First(String),
    /// Those of this category.
    Of(String),
    /// Those of these categories, or all where none is given.
    AnyOf(Arc<[String]>),
}

/// A photograph with annotations.
#[derive(Clone, Debug)]
pub(super) struct Annotated {
    pub annotation: PathBuf,
    pub picture: PathBuf,
    pub name: String,
    pub split: String,
    pub occlusion: u8,
    pub source: Source,
    pub choice: Choice,
}

impl Annotated {
    /// The chosen objects; those without a pose are noted. The picture is decoded even where none is chosen.
    pub fn load(&self, faults: &Faults) -> Result<Vec<BenchmarkObject>, Fault> {
        let bytes = faults::read(&self.annotation)?;
        let record = Record::parse(&bytes).map_err(|e| Fault::corrupt(&self.annotation, e))?;
        let picture = photo::open(&self.picture)?;
        let chosen: Vec<(usize, &Object)> = match &self.choice {
            Choice::First(_) => record.objects.iter().enumerate().take(1).collect(),
            Choice::Of(category) => record.objects.iter().enumerate().filter(|(_, o)| o.class == *category).collect(),
            Choice::AnyOf(categories) => {
                let wanted = |o: &Object| categories.is_empty() || categories.contains(&o.class);
                record.objects.iter().enumerate().filter(|(_, o)| wanted(o)).collect()
            }
        };
        if chosen.is_empty() && matches!(self.choice, Choice::First(_)) {
            return Err(Fault::unposed(&self.annotation, "no object"));
        }
        let mut objects = Vec::with_capacity(chosen.len());
        for (index, object) in chosen {
            let object = self.object(index, object, &Picture::Decoded(Arc::clone(&picture)));
            match object {
                Ok(object) => objects.push(object),
                Err(reason) => faults.note(Fault::unposed(&self.annotation, reason)),
            }
        }
        Ok(objects)
    }

    fn object(&self, index: usize, object: &Object, picture: &Picture) -> Result<BenchmarkObject, String> {
        let class = &object.class;
        let view = object.view.ok_or_else(|| format!("object {index} ({class}) has no viewpoint"))?;
        let [x1, y1, x2, y2] = object.box_px.ok_or_else(|| format!("object {index} ({class}) has no box"))?;
        let shorter_px = (x2 - x1).min(y2 - y1);
        let scale = if view.distance > 0.0 { view.distance / DISTANCE_NEMO } else { SIDE_NEMO_PX / shorter_px };
        let oracle = |center: [f64; 2]| OracleCrop { center_px: center.map(|v| v as f32), scale: scale as f32 };
        Ok(BenchmarkObject {
            sample: Sample {
                source: self.source,
                picture: picture.clone(),
                box_px: BoxPx { x1: x1 as f32, y1: y1 as f32, x2: x2 as f32, y2: y2 as f32 },
                viewpoint: view.viewpoint,
                group: lists::group(&self.name),
                occlusion: self.occlusion,
                size_m: None,
                center_m: None,
                camera: None,
            },
            category: match &self.choice {
                Choice::First(category) | Choice::Of(category) => category.clone(),
                Choice::AnyOf(_) => class.to_lowercase(),
            },
            split: self.split.clone(),
            name: format!("{}#{index}", self.name),
            oracle: view.principal_px.map(oracle),
        })
    }
}
