//! Which shapes are rendered from which poses: a grid for every shape, or the training samples' own poses.

use std::collections::BTreeMap;

use calibration::Viewpoint;
use rayon::prelude::*;

use super::PoseGrid;
use crate::datasets::{Sample, Source};
use crate::rendering::{Outline, Shape};

/// Samples of one physical object that are compared with the shapes.
const COMPARED_MAX: usize = 8;

/// One reference rendering.
#[derive(Clone, Copy, Debug)]
pub struct ReferenceView {
    /// Row of the shapes.
    pub shape: usize,
    /// Allocentric viewpoint.
    pub viewpoint: Viewpoint,
}

/// The renderings of one class.
#[derive(Clone, Debug)]
pub enum ReferenceSet {
    /// Every shape from every pose, shape by shape. Views are counted off, not stored.
    Grid {
        /// The poses.
        grid: PoseGrid,
        /// Number of shapes.
        shape_count: usize,
    },
    /// Chosen views.
    Views(Vec<ReferenceView>),
}

impl ReferenceSet {
    /// The paper's TrainDB: one view a sample, at its pose, with the shape of its sub-type.
    ///
    /// Samples name no sub-type. The shape taken for a physical object is the one whose projected boxes have most nearly the
    /// proportions of the object's own boxes, those that nothing hides where there are any.
    pub fn of_samples(samples: &[Sample], shapes: &[&Shape]) -> Self {
        let outlines: Vec<Outline> = shapes.iter().map(|shape| Outline::of(&shape.mesh)).collect();
        let mut objects: BTreeMap<(Source, u32), Vec<&Sample>> = BTreeMap::new();
        for sample in samples {
            objects.entry((sample.source, sample.group)).or_default().push(sample);
        }
        let nested: Vec<Vec<ReferenceView>> = objects
            .into_par_iter()
            .map(|(_, samples)| {
                let shape = nearest_shape(&samples, &outlines);
                samples.iter().map(|sample| ReferenceView { shape, viewpoint: sample.viewpoint }).collect()
            })
            .collect();
        Self::Views(nested.into_iter().flatten().collect())
    }

    /// Number of views.
    pub fn len(&self) -> usize {
        match self {
            Self::Grid { grid, shape_count } => grid.len() * shape_count,
            Self::Views(views) => views.len(),
        }
    }

    /// Whether there is no view.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// View `index`, below [`ReferenceSet::len`].
    pub fn view(&self, index: usize) -> ReferenceView {
        match self {
            Self::Grid { grid, .. } => {
                ReferenceView { shape: index / grid.len(), viewpoint: grid.viewpoint(index % grid.len()) }
            }
            Self::Views(views) => views[index],
        }
    }
}

/// Row of the outline that fits one object's boxes best; 0 where there is none.
fn nearest_shape(samples: &[&Sample], outlines: &[Outline]) -> usize {
    let least_hidden = samples.iter().map(|s| s.occlusion).min().unwrap_or_default();
    let visible: Vec<&Sample> = samples.iter().copied().filter(|s| s.occlusion == least_hidden).collect();
    let stride = visible.len().div_ceil(COMPARED_MAX).max(1);
    let compared: Vec<&Sample> = visible.into_iter().step_by(stride).collect();
    let misfit = |outline: &Outline| -> f32 {
        let of = |sample: &Sample| {
            let b = &sample.box_px;
            let aspect = (b.x2 - b.x1) / (b.y2 - b.y1);
            (aspect / outline.aspect(&sample.viewpoint)).ln().abs()
        };
        compared.iter().map(|sample| of(sample)).sum()
    };
    let misfits: Vec<f32> = outlines.iter().map(misfit).collect();
    (0..misfits.len()).min_by(|&a, &b| misfits[a].total_cmp(&misfits[b])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use image::RgbImage;
    use kernels::BoxPx;

    use super::*;
    use crate::datasets::Picture;

    fn sample(group: u32, azimuth_deg: f64, aspect: f32, occlusion: u8) -> Sample {
        Sample {
            source: Source::Synth,
            picture: Picture::Decoded(Arc::new(RgbImage::new(1, 1))),
            box_px: BoxPx { x1: 10.0, y1: 10.0, x2: 10.0 + 100.0 * aspect, y2: 110.0 },
            viewpoint: Viewpoint::from_degrees(azimuth_deg, 4.0, 0.0),
            group,
            occlusion,
            size_m: None,
            center_m: None,
            camera: None,
        }
    }

    #[test]
    fn an_object_is_rendered_as_the_shape_of_its_proportions() {
        let shapes: Vec<Shape> = (20..26).map(Shape::of_vehicle).collect();
        let shapes: Vec<&Shape> = shapes.iter().collect();
        let mut samples = Vec::new();
        for (truth, shape) in shapes.iter().enumerate() {
            let outline = Outline::of(&shape.mesh);
            for azimuth_deg in [5.0, 60.0, 130.0, 270.0] {
                let viewpoint = Viewpoint::from_degrees(azimuth_deg, 4.0, 0.0);
                samples.push(sample(truth as u32, azimuth_deg, outline.aspect(&viewpoint), 0));
                // A hidden car's box says nothing of its proportions.
                samples.push(sample(truth as u32, azimuth_deg, 0.3, 2));
            }
        }
        let set = ReferenceSet::of_samples(&samples, &shapes);
        assert_eq!(set.len(), samples.len());
        for index in 0..set.len() {
            assert_eq!(set.view(index).shape, index / 8);
        }
    }

    #[test]
    fn a_grid_goes_shape_by_shape() {
        let grid = PoseGrid::new(120.0, vec![0.0, 10.0], vec![0.0]).expect("a grid");
        let set = ReferenceSet::Grid { grid: grid.clone(), shape_count: 3 };
        assert_eq!(set.len(), 18);
        assert_eq!(set.view(17).shape, 2);
        assert_eq!(set.view(7).viewpoint, grid.viewpoint(1));
    }
}
