//! Instances of PASCAL VOC's segmentation layout: `SegmentationObject` numbers a picture's objects, `SegmentationClass` says what
//! each is, `Annotations` which of them are difficult or truncated.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use image::{GrayImage, Luma};
use png::{BitDepth, ColorType, Decoder, Limits, Transformations};
use rayon::prelude::*;

use super::{Cutout, CutoutSelection, files, mask, spread};

mod objects;

/// Names of the palette entries from 1 on.
const CLASSES: [&str; 20] = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
];
/// Palette entry of outlines and of what nobody labelled.
const VOID: u8 = 255;
/// Most that decoding a mask may take, bytes.
const MASK_BYTES_MAX: usize = 64 << 20;

/// Cuts the instances of every `SegmentationObject/*.png` out.
pub(super) fn load(root: &Path, selection: &CutoutSelection) -> Result<Vec<Cutout>> {
    let paths = files(&root.join("SegmentationObject"), "png")?;
    let nested: Vec<Vec<Cutout>> =
        paths.par_iter().map(|path| load_picture(root, path, selection)).collect::<Result<_>>()?;
    Ok(spread(nested.into_iter().flatten().collect(), selection.count_max))
}

fn load_picture(root: &Path, path: &Path, selection: &CutoutSelection) -> Result<Vec<Cutout>> {
    let stem = path.file_stem().with_context(|| path.display().to_string())?;
    let instances = indices(path)?;
    let class_path = root.join("SegmentationClass").join(stem).with_extension("png");
    let classes = indices(&class_path)?;
    let size = instances.dimensions();
    ensure!(classes.dimensions() == size, "{}: not as large as {}", class_path.display(), path.display());
    let xml_path = root.join("Annotations").join(stem).with_extension("xml");
    let objects = if xml_path.is_file() { objects::load(&xml_path)? } else { Vec::new() };
    let mut wanted = Vec::new();
    for instance in numbers(&instances) {
        let place = || format!("{}: object {instance}", path.display());
        let class = class_of(&instances, &classes, instance).with_context(place)?;
        let hard = objects::of_mask(&objects, class, &instances, instance).is_some_and(|object| object.hard);
        if selection.takes(class) && (selection.hard || !hard) {
            wanted.push(instance);
        }
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let image = crate::datasets::kitti::open_image(&root.join("JPEGImages").join(stem))?;
    ensure!(image.dimensions() == size, "{}: not as large as its picture", path.display());
    let cut = |instance: u8| {
        let mask = |x, y| Luma([u8::from(instances.get_pixel(x, y).0[0] == instance)]);
        mask::cut_out(&image, &GrayImage::from_fn(size.0, size.1, mask))
    };
    Ok(wanted.into_iter().filter_map(cut).collect())
}

/// Numbers of the objects of a picture, ascending.
fn numbers(instances: &GrayImage) -> Vec<u8> {
    let mut seen = [false; 256];
    instances.pixels().for_each(|p| seen[usize::from(p.0[0])] = true);
    (1..VOID).filter(|&number| seen[usize::from(number)]).collect()
}

/// The class that most of an object's pixels have.
fn class_of(instances: &GrayImage, classes: &GrayImage, instance: u8) -> Result<&'static str> {
    let mut counts = [0u32; 256];
    for (_, class) in instances.pixels().zip(classes.pixels()).filter(|(i, _)| i.0[0] == instance) {
        counts[usize::from(class.0[0])] += 1;
    }
    let most = (1..255usize).max_by_key(|&class| counts[class]).filter(|&class| counts[class] > 0);
    let most = most.context("has no class in SegmentationClass")?;
    CLASSES.get(most - 1).copied().with_context(|| format!("no class {most} in PASCAL VOC's 20"))
}

/// Palette entries of an indexed PNG (or values of a grey one): the picture's colours would say nothing.
fn indices(path: &Path) -> Result<GrayImage> {
    let place = || path.display().to_string();
    let file = File::open(path).with_context(place)?;
    let mut decoder = Decoder::new_with_limits(BufReader::new(file), Limits { bytes: MASK_BYTES_MAX });
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder.read_info().with_context(place)?;
    let size = reader.output_buffer_size().filter(|size| *size <= MASK_BYTES_MAX);
    let mut packed = vec![0; size.with_context(|| format!("{}: too large", place()))?];
    let info = reader.next_frame(&mut packed).with_context(place)?;
    if !matches!(info.color_type, ColorType::Indexed | ColorType::Grayscale) {
        bail!("{}: {:?} pixels, not indexed ones", place(), info.color_type);
    }
    let bits = match info.bit_depth {
        BitDepth::One => 1,
        BitDepth::Two => 2,
        BitDepth::Four => 4,
        BitDepth::Eight => 8,
        BitDepth::Sixteen => bail!("{}: 16 bits a pixel, not at most 8", place()),
    };
    let value = |x: u32, y: u32| {
        let bit = x as usize * bits;
        let byte = packed[y as usize * info.line_size + bit / 8];
        Luma([byte >> (8 - bits - bit % 8) & (0xff >> (8 - bits)) as u8])
    };
    Ok(GrayImage::from_fn(info.width, info.height, value))
}

#[cfg(test)]
mod tests;
