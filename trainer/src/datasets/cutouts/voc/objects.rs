//! `Annotations/*.xml`: boxes, classes and which objects are hard to see.

use std::path::Path;

use anyhow::{Context, Result};
use image::GrayImage;
use roxmltree::{Document, Node};

use crate::datasets::cutouts::read_bounded;

/// Largest annotation file, bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// A mask belongs to the box that it overlaps best, if by this much.
const IOU_MIN: f32 = 0.5;

/// An annotated object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Object {
    class: String,
    /// Columns and rows of the first and last pixel, counted from 1.
    box_px: [f32; 4],
    /// Difficult or truncated.
    pub(super) hard: bool,
}

/// Reads the objects of a picture.
pub(super) fn load(path: &Path) -> Result<Vec<Object>> {
    let place = || path.display().to_string();
    let text = String::from_utf8(read_bounded(path, FILE_BYTES_MAX)?).with_context(place)?;
    parse(&text).with_context(place)
}

fn parse(text: &str) -> Result<Vec<Object>> {
    let document = Document::parse(text)?;
    let objects = document.root_element().children().filter(|node| node.has_tag_name("object"));
    objects
        .map(|node| {
            let line = document.text_pos_at(node.range().start).row;
            object(node).with_context(|| format!("line {line}"))
        })
        .collect()
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name(name))
}

fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    Some(child(node, name)?.text()?.trim().to_owned())
}

fn object(node: Node<'_, '_>) -> Result<Object> {
    let bounds = child(node, "bndbox").context("an object has no bndbox")?;
    let side = |name: &str| -> Result<f32> {
        let value = text(bounds, name).with_context(|| format!("bndbox: no {name}"))?;
        value.parse().with_context(|| format!("bndbox: {name} is {value:?}"))
    };
    let flag = |name: &str| text(node, name).is_some_and(|value| value == "1");
    Ok(Object {
        class: text(node, "name").context("an object has no name")?,
        box_px: [side("xmin")?, side("ymin")?, side("xmax")?, side("ymax")?],
        hard: flag("difficult") || flag("truncated"),
    })
}

/// The annotated object that instance number `instance` of a class is.
pub(super) fn of_mask<'a>(
    objects: &'a [Object],
    class: &str,
    instances: &GrayImage,
    instance: u8,
) -> Option<&'a Object> {
    let mut mask: Option<[f32; 4]> = None;
    for (x, y, _) in instances.enumerate_pixels().filter(|(_, _, value)| value.0[0] == instance) {
        let (x, y) = (x as f32 + 1.0, y as f32 + 1.0);
        let [x1, y1, x2, y2] = mask.unwrap_or([x, y, x, y]);
        mask = Some([x1.min(x), y1.min(y), x2.max(x), y2.max(y)]);
    }
    let mask = mask?;
    let overlaps =
        objects.iter().filter(|object| object.class == class).map(|object| (object, iou(&object.box_px, &mask)));
    overlaps.filter(|(_, iou)| *iou >= IOU_MIN).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(object, _)| object)
}

/// Overlap of boxes whose last pixels belong to them.
fn iou(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let side = |low: f32, high: f32| (high - low + 1.0).max(0.0);
    let area = |b: &[f32; 4]| side(b[0], b[2]) * side(b[1], b[3]);
    let shared = side(a[0].max(b[0]), a[2].min(b[2])) * side(a[1].max(b[1]), a[3].min(b[3]));
    shared / (area(a) + area(b) - shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_and_matched_by_class_and_box() {
        let text = "<annotation><filename>a.jpg</filename>
<object><name>dog</name><truncated>1</truncated><difficult>0</difficult>
<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>40</xmax><ymax>50</ymax></bndbox>
<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part></object>
<object><name>cat</name><bndbox><ymax>50.5</ymax><xmin>11</xmin><ymin>21</ymin><xmax>40</xmax></bndbox></object></annotation>";
        let objects = parse(text).expect("parses");
        assert_eq!(objects.len(), 2);
        assert_eq!((objects[0].hard, objects[1].hard, objects[1].box_px[3]), (true, false, 50.5));
        let inside = |x: u32, y: u32| (10..40).contains(&x) && (20..50).contains(&y);
        let instances = GrayImage::from_fn(60, 60, |x, y| image::Luma([u8::from(inside(x, y))]));
        assert_eq!(of_mask(&objects, "dog", &instances, 1), Some(&objects[0]));
        assert_eq!(of_mask(&objects, "cow", &instances, 1), None);
        assert_eq!(of_mask(&objects, "dog", &instances, 2), None);
        assert!((iou(&objects[0].box_px, &[11.0, 21.0, 40.0, 50.0]) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn damaged_annotations_are_named_by_line() {
        for (text, word) in [
            ("<annotation>", "closed"),
            ("<annotation>\n<object><name>dog</name></object></annotation>", "line 2"),
            ("<annotation><object><name>dog</name><bndbox><xmin>q</xmin></bndbox></object></annotation>", "\"q\""),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotation>&b;</annotation>", "DTD"),
        ] {
            let error = format!("{:#}", parse(text).expect_err(text));
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
