//! Instances of COCO's own annotation files (`instances_<split>.json`): polygons, and run lengths for crowds.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use image::{GrayImage, RgbImage};
use rayon::prelude::*;
use serde::Deserialize;

use super::{Cutout, CutoutSelection, files, mask, polygon, rle, spread, stays_inside};

/// Largest annotation file, bytes: twice that of the largest split, train2017.
const FILE_BYTES_MAX: u64 = 1 << 30;

#[derive(Deserialize)]
struct Instances {
    images: Vec<ImageEntry>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct ImageEntry {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
}

#[derive(Deserialize)]
struct Category {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
struct Annotation {
    id: u64,
    image_id: u64,
    category_id: u64,
    #[serde(default)]
    iscrowd: u8,
    segmentation: Segmentation,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Segmentation {
    /// x and y in turn, pixels.
    Polygons(Vec<Vec<f32>>),
    Runs {
        size: [u32; 2],
        counts: Counts,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Counts {
    Plain(Vec<u32>),
    Packed(String),
}

/// Cuts the instances of every `annotations/instances_*.json` out.
pub(super) fn load(root: &Path, selection: &CutoutSelection) -> Result<Vec<Cutout>> {
    let folder = root.join("annotations");
    let is_instances = |path: &PathBuf| split_of(path).is_some();
    let paths: Vec<PathBuf> = files(&folder, "json")?.into_iter().filter(is_instances).collect();
    ensure!(!paths.is_empty(), "{}: no instances_*.json", folder.display());
    let mut cutouts = Vec::new();
    for path in &paths {
        cutouts.extend(load_file(root, path, selection)?);
    }
    Ok(spread(cutouts, selection.count_max))
}

fn split_of(path: &Path) -> Option<&str> {
    path.file_stem()?.to_str()?.strip_prefix("instances_")
}

fn load_file(root: &Path, path: &Path, selection: &CutoutSelection) -> Result<Vec<Cutout>> {
    let place = path.display().to_string();
    let file = File::open(path).with_context(|| place.clone())?;
    let bytes = file.metadata().with_context(|| place.clone())?.len();
    ensure!(bytes <= FILE_BYTES_MAX, "{place}: {bytes} bytes are more than {FILE_BYTES_MAX}");
    let instances: Instances = serde_json::from_reader(BufReader::new(file)).with_context(|| place.clone())?;
    let classes: HashMap<u64, String> = instances.categories.into_iter().map(|c| (c.id, c.name)).collect();
    let images: HashMap<u64, ImageEntry> = instances.images.into_iter().map(|i| (i.id, i)).collect();
    let mut taken = Vec::new();
    for annotation in instances.annotations {
        let (id, category) = (annotation.id, annotation.category_id);
        let class = classes.get(&category);
        let class = class.with_context(|| format!("{place}: annotation {id}: no category {category}"))?;
        if selection.takes(class) && (selection.hard || annotation.iscrowd == 0) {
            taken.push(annotation);
        }
    }
    let mut by_image: BTreeMap<u64, Vec<Annotation>> = BTreeMap::new();
    for annotation in spread(taken, selection.count_max) {
        by_image.entry(annotation.image_id).or_default().push(annotation);
    }
    let folder = picture_folder(root, split_of(path).unwrap_or_default());
    let nested: Vec<Vec<Cutout>> = by_image
        .into_par_iter()
        .map(|(id, annotations)| {
            let entry = images.get(&id).with_context(|| format!("{place}: no image {id}, which annotations name"))?;
            let image = open(&folder, entry).with_context(|| format!("{place}: image {id}"))?;
            let cut = |annotation: &Annotation| {
                let mask = draw(annotation, &image);
                Ok(mask::cut_out(&image, &mask.with_context(|| format!("{place}: annotation {}", annotation.id))?))
            };
            Ok(annotations.iter().map(cut).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
        .collect::<Result<_>>()?;
    Ok(nested.into_iter().flatten().collect())
}

fn picture_folder(root: &Path, split: &str) -> PathBuf {
    let candidates = [root.join(split), root.join("images").join(split)];
    candidates.into_iter().find(|folder| folder.is_dir()).unwrap_or_else(|| root.join("images"))
}

fn open(folder: &Path, entry: &ImageEntry) -> Result<RgbImage> {
    ensure!(stays_inside(&entry.file_name), "file_name {:?} leaves its folder", entry.file_name);
    let path = folder.join(&entry.file_name);
    let image = image::open(&path).with_context(|| path.display().to_string())?.into_rgb8();
    let (width, height) = image.dimensions();
    let stated = (entry.width, entry.height);
    ensure!(image.dimensions() == stated, "{}: {width} x {height} pixels, not {stated:?}", path.display());
    Ok(image)
}

fn draw(annotation: &Annotation, image: &RgbImage) -> Result<GrayImage> {
    let (width, height) = image.dimensions();
    let mut mask = GrayImage::new(width, height);
    match &annotation.segmentation {
        Segmentation::Polygons(polygons) => {
            for (index, values) in polygons.iter().enumerate() {
                ensure!(values.len() % 2 == 0, "polygon {index} has {} numbers, which is odd", values.len());
                ensure!(values.iter().all(|v| v.is_finite()), "polygon {index} has a coordinate that is not finite");
                polygon::fill(&mut mask, &values.chunks_exact(2).map(|p| [p[0], p[1]]).collect::<Vec<_>>());
            }
        }
        Segmentation::Runs { size, counts } => {
            ensure!(*size == [height, width], "run lengths of size {size:?} in a picture of {height} x {width}");
            let filled = match counts {
                Counts::Plain(runs) => rle::fill(&mut mask, runs),
                Counts::Packed(text) => rle::unpack(text).and_then(|runs| rle::fill(&mut mask, &runs)),
            };
            if let Err(reason) = filled {
                bail!("{reason}");
            }
        }
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use serde_json::{Value, json};

    use super::*;
    use crate::datasets::cutouts::load_coco;

    /// A square of 30 pixels from (10, 20) in a picture of 100 x 80: columns of 80, 30 of which are in.
    fn square_runs() -> Vec<u32> {
        let mut runs = vec![10 * 80 + 20];
        for column in 0..30 {
            runs.extend([30, if column < 29 { 50 } else { 30 + 60 * 80 }]);
        }
        runs
    }

    fn instances() -> Value {
        let square = json!([[10.0, 20.0, 40.0, 20.0, 40.0, 50.0, 10.0, 50.0]]);
        json!({
            "info": {},
            "images": [{ "id": 7, "file_name": "7.png", "width": 100, "height": 80 }],
            "categories": [{ "id": 3, "name": "car" }, { "id": 18, "name": "dog" }],
            "annotations": [
                { "id": 1, "image_id": 7, "category_id": 18, "iscrowd": 0, "segmentation": square, "area": 900.0 },
                { "id": 2, "image_id": 7, "category_id": 3, "iscrowd": 0, "segmentation": square },
                { "id": 3, "image_id": 7, "category_id": 18, "iscrowd": 1,
                  "segmentation": { "size": [80, 100], "counts": square_runs() } },
            ],
        })
    }

    fn folder(instances: &Value) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["annotations", "val2017"] {
            std::fs::create_dir(root.path().join(name)).expect("a folder");
        }
        let picture = RgbImage::from_fn(100, 80, |x, y| Rgb([x as u8, y as u8, 5]));
        picture.save(root.path().join("val2017/7.png")).expect("saved");
        let text = instances.to_string();
        std::fs::write(root.path().join("annotations/instances_val2017.json"), text).expect("written");
        std::fs::write(root.path().join("annotations/captions_val2017.json"), "no instances").expect("written");
        root
    }

    #[test]
    fn polygons_and_run_lengths_cut_the_same_square() {
        let root = folder(&instances());
        let cutouts = load_coco(root.path()).expect("loads");
        assert_eq!(cutouts.len(), 1, "neither the car nor the crowd");
        assert_eq!(cutouts[0].alpha.dimensions(), (30, 30));
        assert_eq!(cutouts[0].colour.get_pixel(0, 0).0, [10, 20, 5]);
        let all = CutoutSelection { classes_excluded: Vec::new(), hard: true, ..CutoutSelection::default() };
        let cutouts = load(root.path(), &all).expect("loads");
        assert_eq!(cutouts.len(), 3);
        assert!(cutouts.iter().all(|c| c.alpha == cutouts[0].alpha && c.colour == cutouts[0].colour));
        assert_eq!(load(root.path(), &CutoutSelection { count_max: 2, ..all }).expect("loads").len(), 2);
    }

    #[test]
    fn a_malformed_file_is_named_with_the_place() {
        let mut damaged: Vec<(Value, &str)> = Vec::new();
        let mut damage = |pointer: &str, value: Value, word: &'static str| {
            let mut instances = instances();
            *instances.pointer_mut(pointer).expect(pointer) = value;
            damaged.push((instances, word));
        };
        damage("/annotations/0/segmentation/0", json!([1.0, 2.0, 3.0]), "annotation 1: polygon 0");
        damage("/annotations/0/segmentation", json!("none"), "line 1");
        damage("/annotations/0/category_id", json!(4), "annotation 1: no category 4");
        damage("/annotations/0/image_id", json!(8), "no image 8");
        damage("/annotations/0/segmentation", json!({ "size": [80, 100], "counts": [1, 2] }), "sum to 3");
        damage("/annotations/0/segmentation", json!({ "size": [80, 100], "counts": "!" }), "letter 0");
        damage("/annotations/0/segmentation", json!({ "size": [100, 80], "counts": [8000] }), "size [100, 80]");
        damage("/images/0/file_name", json!("../7.png"), "leaves its folder");
        damage("/images/0/file_name", json!("8.png"), "8.png");
        damage("/images/0/width", json!(99), "100 x 80");
        damage("/images", json!(3), "line 1");
        for (instances, word) in damaged {
            let error = format!("{:#}", load_coco(folder(&instances).path()).expect_err(word));
            assert!(error.contains("instances_val2017.json") && error.contains(word), "{word}: {error}");
        }
    }
}
