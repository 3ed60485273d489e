//! What a class's neural mesh looks like before it has features: one surface a sub-type, all on the same grid, so that a vertex
//! means the same place on every car and all sub-types learn one set of features together.

use anyhow::{Context, Result, ensure};
use calibration::Viewpoint;
use calibration::so3::to_rows;
use kernels::{BoxPx, Placement};
use models::mesh::Mesh;
use models::neural_mesh::{Surface, cuboid, cuboid_extents, wrap};
use models::refinement::placement::{CellCamera, Fit, Perspective, camera_from_sight, fit_box};
use nalgebra::Vector3;

use super::mesh_config::{MeshConfig, MeshForm};
use crate::datasets::Sample;
use crate::vehicles::{Kind, vehicle_of_kind};

/// A sub-type's surface.
#[derive(Clone, Debug)]
pub struct Template {
    /// Body style, or `cuboid`.
    pub name: String,
    /// Body axes, metres, centred on the box.
    pub surface: Surface,
    outline: Vec<u32>,
}

/// The sub-types of a class.
#[derive(Clone, Debug)]
pub struct Templates {
    templates: Vec<Template>,
}

/// A template where a crop shows its object.
#[derive(Clone, Debug)]
pub struct Placed<'a> {
    /// Which sub-type the object is taken for.
    pub subtype: usize,
    /// Its surface; stretched to the object's size where that is known.
    pub surface: std::borrow::Cow<'a, Surface>,
    /// In cells of the feature map.
    pub placement: Placement,
}

/// What is known of a crop's object, when it comes to placing it; all of the crop, which may be mirrored.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Length, width and height.
    pub size_m: Option<[f64; 3]>,
    /// Centre of its 3D box in the camera's axes.
    pub center_m: Option<Vector3<f64>>,
    /// Allocentric.
    pub viewpoint: Viewpoint,
    /// Its tight box, cells.
    pub box_cells: BoxPx,
    /// The camera that sees it.
    pub camera: Option<CellCamera>,
}

impl Template {
    fn new(name: impl Into<String>, surface: Surface) -> Self {
        let outline = surface.outline();
        Self { name: name.into(), surface, outline }
    }

    /// Length, width and height.
    pub fn size(&self) -> [f32; 3] {
        self.surface.bounds().size()
    }

    /// The outermost vertices, stretched.
    fn outline(&self, factors: [f32; 3]) -> Vec<[f32; 3]> {
        let positions = self.surface.positions();
        let stretched = |row: &u32| positions.get(*row as usize).map(|p| [0, 1, 2].map(|axis| p[axis] * factors[axis]));
        self.outline.iter().filter_map(stretched).collect()
    }
}

impl Sight {
    /// Where the camera sees the object, when both are known.
    fn seen(&self) -> Option<Placement> {
        let (center, CellCamera { focal, principal }) = (self.center_m?, self.camera?);
        let slant = [center.x / center.z, center.y / center.z].map(|slope| slope as f32);
        let depth = center.z as f32;
        let placement = Placement {
            rotation: [[0.0; 3]; 3],
            scale: focal / depth,
            nearness: 1.0 / depth,
            centre: [0, 1].map(|axis| principal[axis] + focal * slant[axis]),
            slant,
        };
        let rotation = to_rows(&(camera_from_sight(&placement)? * self.viewpoint.to_rotation()));
        Some(Placement { rotation, ..placement }).filter(Placement::is_valid)
    }
}

impl Templates {
    /// Builds the surfaces that the run describes, from generated vehicles.
    ///
    /// # Errors
    /// None, unless a generated vehicle has no extent.
    pub fn new(config: &MeshConfig) -> Result<Self> {
        let of_kind = |kind| (0..config.vehicles_per_kind).map(move |seed| vehicle_of_kind(kind, seed).mesh.centered());
        let meshes: Vec<Vec<Mesh>> = Kind::ALL.iter().map(|&kind| of_kind(kind).collect()).collect();
        let single = cuboid(&cuboid_extents(meshes.iter().flatten())?, config.vertices)?;
        let mut templates = Vec::new();
        for (kind, meshes) in Kind::ALL.iter().zip(&meshes) {
            let name = format!("{kind:?}").to_lowercase();
            match config.form {
                MeshForm::Cuboid => continue,
                MeshForm::Cuboids => templates.push(Template::new(name, stretched(&single, meshes)?)),
                MeshForm::Vehicles => {
                    let wrapped: Vec<Surface> =
                        meshes.iter().map(|mesh| Ok(wrap(&single, mesh)?.surface)).collect::<Result<_>>()?;
                    templates.push(Template::new(name, mean(&wrapped)?));
                }
            }
        }
        if config.form == MeshForm::Cuboid {
            templates.push(Template::new("cuboid", single));
        }
        Ok(Self { templates })
    }

    /// The sub-types.
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// Vertices, the same for every sub-type.
    pub fn vertex_count(&self) -> usize {
        self.templates.first().map_or(0, |template| template.surface.vertex_count())
    }

    /// Stretches every sub-type to the geometric mean of the sizes of the samples that are nearest to it; those without any stay.
    ///
    /// # Errors
    /// None, unless a sample's size is absurd.
    pub fn fit_sizes<'a>(&mut self, samples: impl Iterator<Item = &'a Sample>) -> Result<()> {
        let mut sums = vec![([0.0; 3], 0.0); self.templates.len()];
        for size in samples.filter_map(|sample| sample.size_m) {
            let (sum, count) = &mut sums[self.nearest(size)];
            for (sum, side) in sum.iter_mut().zip(size) {
                *sum += side.ln();
            }
            *count += 1.0;
        }
        for (template, (sum, count)) in self.templates.iter_mut().zip(sums).filter(|(_, (_, count))| *count > 0.0) {
            let size = template.size();
            let factors = [0, 1, 2].map(|axis| ((sum[axis] / count).exp() as f32) / size[axis]);
            *template = Template::new(template.name.clone(), template.surface.scaled(factors)?);
        }
        Ok(())
    }

    /// Places the sub-type that a crop's object is taken for: by its size where that is known (and stretched to it), else by how well
    /// its outline fits the box. Where a camera sees it at a known place, it is there; else it is fitted into its box. `None` where none
    /// can be placed.
    pub fn place(&self, sight: &Sight) -> Option<Placed<'_>> {
        let fit = |template: &Template, factors| {
            let perspective = Perspective::of(sight.camera, template.size()[0]);
            fit_box(
                &template.outline(factors),
                &sight.viewpoint.to_rotation(),
                &sight.box_cells,
                [true; 4],
                perspective,
            )
        };
        if let Some(size_m) = sight.size_m {
            let subtype = self.nearest(size_m);
            let template = &self.templates[subtype];
            let size = template.size();
            let factors = [0, 1, 2].map(|axis| size_m[axis] as f32 / size[axis]);
            let placement = match sight.seen() {
                Some(placement) => placement,
                None => fit(template, factors)?.placement,
            };
            let surface = std::borrow::Cow::Owned(template.surface.scaled(factors).ok()?);
            return Some(Placed { subtype, surface, placement });
        }
        let fits = self.templates.iter().enumerate().filter_map(|(subtype, template)| {
            let fit = fit(template, [1.0; 3])?;
            Some((subtype, template, fit))
        });
        let badness = |fit: &Fit| fit.misfit[0].abs() + fit.misfit[1].abs();
        let best = fits.min_by(|a, b| badness(&a.2).total_cmp(&badness(&b.2)));
        best.map(|(subtype, template, fit)| Placed {
            subtype,
            surface: std::borrow::Cow::Borrowed(&template.surface),
            placement: fit.placement,
        })
    }

    fn nearest(&self, size_m: [f64; 3]) -> usize {
        let apart = |template: &Template| -> f64 {
            let size = template.size();
            (0..3).map(|axis| (size_m[axis] / f64::from(size[axis])).ln().powi(2)).sum()
        };
        let order = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
        let all: Vec<(usize, f64)> = self.templates.iter().map(apart).enumerate().collect();
        all.iter().min_by(order).map_or(0, |(subtype, _)| *subtype)
    }
}

/// The cuboid with its bounds at the extents of these shapes.
fn stretched(single: &Surface, meshes: &[Mesh]) -> Result<Surface> {
    let (from, to) = (single.bounds(), cuboid_extents(meshes)?);
    let (from_size, to_size) = (from.size(), to.size());
    let place = |p: &[f32; 3]| {
        [0, 1, 2].map(|axis| to.low[axis] + (p[axis] - from.low[axis]) / from_size[axis] * to_size[axis])
    };
    let positions = single.positions().iter().map(place).collect();
    Ok(Surface::new(positions, single.triangles().to_vec())?)
}

/// The mean of surfaces with the same triangles.
fn mean(surfaces: &[Surface]) -> Result<Surface> {
    let first = surfaces.first().context("no vehicle to take the mean of")?;
    let mut sums = vec![[0.0f32; 3]; first.vertex_count()];
    for surface in surfaces {
        ensure!(surface.triangles() == first.triangles(), "surfaces of different grids have no mean");
        for (sum, position) in sums.iter_mut().zip(surface.positions()) {
            (0..3).for_each(|axis| sum[axis] += position[axis] / surfaces.len() as f32);
        }
    }
    Ok(Surface::new(sums, first.triangles().to_vec())?)
}
