//! Instances as polygons in text files, as YOLO trains on: a line an instance, its class number and its points in
//! normalised coordinates. Folders number COCO's classes in two ways; see [`Numbering`].

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use image::GrayImage;
use rayon::prelude::*;

use super::coco_classes::Numbering;
use super::{Cutout, CutoutSelection, files, mask, polygon, read_bounded, spread};

/// Instances whose box covers less of their picture than this share are too small to paste.
const AREA_SHARE_MIN: f32 = 0.01;
/// Largest label file, bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// An object of a label file.
#[derive(Debug)]
struct Instance {
    /// From 1.
    line: usize,
    class: usize,
    /// In normalised coordinates.
    polygon: Vec<[f32; 2]>,
}

/// Cuts the instances of `images/train2017` out by `instance_segmentation/labels/train2017/*.txt`.
pub(super) fn load(root: &Path, selection: &CutoutSelection) -> Result<Vec<Cutout>> {
    let paths = files(&root.join("instance_segmentation/labels/train2017"), "txt")?;
    let images = root.join("images/train2017");
    let labels: Vec<(&PathBuf, Vec<Instance>)> =
        paths.par_iter().map(|path| Ok((path, read(path)?))).collect::<Result<_>>()?;
    let numbering =
        Numbering::of(labels.iter().flat_map(|(_, instances)| instances.iter().map(|instance| instance.class)));
    let nested: Vec<Vec<Cutout>> = labels
        .into_par_iter()
        .map(|(path, instances)| {
            let polygons = taken(instances, &path.display().to_string(), numbering, selection)?;
            let stem = path.file_stem().context("a label file has no name")?;
            let image = crate::datasets::kitti::open_image(&images.join(stem))?;
            let cut = |polygon: Vec<[f32; 2]>| {
                let (width, height) = (image.width() as f32, image.height() as f32);
                let mut mask = GrayImage::new(image.width(), image.height());
                polygon::fill(&mut mask, &polygon.iter().map(|[x, y]| [x * width, y * height]).collect::<Vec<_>>());
                mask::cut_out(&image, &mask)
            };
            Ok(polygons.into_iter().filter_map(cut).collect())
        })
        .collect::<Result<_>>()?;
    Ok(spread(nested.into_iter().flatten().collect(), selection.count_max))
}

fn read(path: &Path) -> Result<Vec<Instance>> {
    let place = path.display().to_string();
    let text = String::from_utf8(read_bounded(path, FILE_BYTES_MAX)?).with_context(|| place.clone())?;
    parse(&text, &place)
}

fn parse(text: &str, file: &str) -> Result<Vec<Instance>> {
    let mut instances = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = || format!("{file}:{}", index + 1);
        let mut fields = line.split_whitespace();
        let class = fields.next().unwrap_or_default().parse().with_context(place)?;
        let values: Vec<f32> = fields.map(str::parse).collect::<Result<_, _>>().with_context(place)?;
        ensure!(values.iter().all(|v| v.is_finite()), "{}: a coordinate is not finite", place());
        let polygon = values.chunks_exact(2).map(|p| [p[0], p[1]]).collect();
        instances.push(Instance { line: index + 1, class, polygon });
    }
    Ok(instances)
}

/// Polygons of the instances that are taken.
fn taken(
    instances: Vec<Instance>,
    file: &str,
    numbering: Numbering,
    selection: &CutoutSelection,
) -> Result<Vec<Vec<[f32; 2]>>> {
    let mut polygons = Vec::new();
    for Instance { line, class, polygon } in instances {
        let name = numbering.name(class).with_context(|| format!("{file}:{line}: COCO has no class {class}"))?;
        if selection.takes(name) && polygon.len() >= 3 && box_share(&polygon) >= AREA_SHARE_MIN {
            polygons.push(polygon);
        }
    }
    Ok(polygons)
}

fn box_share(polygon: &[[f32; 2]]) -> f32 {
    let bound = |axis: usize, pick: fn(f32, f32) -> f32, start: f32| polygon.iter().map(|p| p[axis]).fold(start, pick);
    let side = |axis: usize| bound(axis, f32::max, 0.0) - bound(axis, f32::min, 1.0);
    side(0) * side(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    #[test]
    fn a_triangle_is_cut_out_of_its_picture() {
        let root = tempfile::tempdir().expect("a folder");
        let (labels, images) =
            (root.path().join("instance_segmentation/labels/train2017"), root.path().join("images/train2017"));
        std::fs::create_dir_all(&labels).expect("a folder");
        std::fs::create_dir_all(&images).expect("a folder");
        RgbImage::from_pixel(100, 80, Rgb([9, 8, 7])).save(images.join("a.png")).expect("saved");
        // A bicycle, a car, and a person that is too small.
        let text = "1 0.1 0.1 0.9 0.1 0.1 0.9\n2 0.1 0.1 0.9 0.1 0.1 0.9\n0 0.1 0.1 0.12 0.1 0.1 0.12\n";
        std::fs::write(labels.join("a.txt"), text).expect("written");
        let cutouts = super::super::load_coco(root.path()).expect("loads");
        assert_eq!(cutouts.len(), 1);
        let covered = cutouts[0].alpha.pixels().filter(|p| p.0[0] > 127).count() as f32;
        let share = covered / (cutouts[0].alpha.width() * cutouts[0].alpha.height()) as f32;
        assert!((share - 0.5).abs() < 0.03, "{share}");
        assert_eq!(cutouts[0].colour.get_pixel(3, 3).0, [9, 8, 7]);
        let all = CutoutSelection { classes_excluded: Vec::new(), ..CutoutSelection::default() };
        assert_eq!(load(root.path(), &all).expect("loads").len(), 2);
    }

    #[test]
    fn a_malformed_line_is_named() {
        for (text, word) in [("1 0.1 0.1\nx 0 0", "f.txt:2"), ("1 0.1 q", "f.txt:1"), ("1 nan 1 1 0 0 1", "finite")] {
            let error = parse(text, "f.txt").expect_err(text);
            assert!(format!("{error:#}").contains(word), "{error:#}");
        }
    }

    #[test]
    fn a_number_that_stands_for_no_class_is_refused() {
        for (class, numbering) in [(80, Numbering::WithoutGaps), (12, Numbering::Official), (91, Numbering::Official)] {
            let instances = vec![Instance { line: 7, class, polygon: Vec::new() }];
            let error = taken(instances, "f.txt", numbering, &CutoutSelection::default()).expect_err("no class");
            assert_eq!(error.to_string(), format!("f.txt:7: COCO has no class {class}"));
        }
    }
}
