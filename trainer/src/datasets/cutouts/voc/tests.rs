//! A folder in PASCAL VOC's layout, written here.

use image::{Rgb, RgbImage};

use super::*;

/// Dog (1), car (2) and cat (3), squares of 30 pixels with an outline of void, in a picture of 140 x 60.
const DOG: u8 = 12;
const CAR: u8 = 7;
const CAT: u8 = 8;

fn instance(x: u32, y: u32) -> u8 {
    match (x % 40, y) {
        (5..35, 15..45) if x < 120 => (x / 40 + 1) as u8,
        (4..36, 14..46) if x < 120 => VOID,
        _ => 0,
    }
}

fn class(x: u32, y: u32) -> u8 {
    match instance(x, y) {
        0 => 0,
        VOID => VOID,
        number => [DOG, CAR, CAT][usize::from(number) - 1],
    }
}

/// Writes an indexed PNG of the given depth; the palette's colours are of no use.
fn write_indexed(path: &Path, depth: BitDepth, value: impl Fn(u32, u32) -> u8) {
    let (width, height) = (140u32, 60u32);
    let bits = depth as usize;
    let mut packed = vec![0u8; (width as usize * bits).div_ceil(8) * height as usize];
    let line = packed.len() / height as usize;
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        let bit = x as usize * bits;
        packed[y as usize * line + bit / 8] |= value(x, y) << (8 - bits - bit % 8);
    }
    let file = File::create(path).expect("created");
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(depth);
    encoder.set_palette(vec![9; 3 << bits]);
    encoder.write_header().expect("header").write_image_data(&packed).expect("pixels");
}

fn folder() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for name in ["SegmentationObject", "SegmentationClass", "JPEGImages", "Annotations"] {
        std::fs::create_dir(root.path().join(name)).expect("a folder");
    }
    write_indexed(&root.path().join("SegmentationObject/a.png"), BitDepth::Eight, instance);
    write_indexed(&root.path().join("SegmentationClass/a.png"), BitDepth::Eight, class);
    // The readers take either extension; PNG keeps the colours exact.
    RgbImage::from_fn(140, 60, |x, y| Rgb([x as u8, y as u8, 3]))
        .save(root.path().join("JPEGImages/a.png"))
        .expect("saved");
    let object = |name: &str, xmin: u32, difficult: u8| {
        format!(
            "<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{xmin}</xmin><ymin>16</ymin>\
             <xmax>{}</xmax><ymax>45</ymax></bndbox></object>",
            xmin + 29
        )
    };
    let objects = object("cat", 86, 1) + &object("dog", 6, 0) + &object("car", 46, 0);
    std::fs::write(root.path().join("Annotations/a.xml"), format!("<annotation>{objects}</annotation>"))
        .expect("written");
    root
}

#[test]
fn the_target_and_what_is_difficult_are_left_out() {
    let root = folder();
    let cutouts = super::super::load_occluders(root.path(), &CutoutSelection::default()).expect("loads");
    assert_eq!(cutouts.len(), 1);
    assert_eq!(cutouts[0].alpha.dimensions(), (30, 30));
    assert_eq!(cutouts[0].colour.get_pixel(0, 0).0, [5, 15, 3]);
    let hard = CutoutSelection { hard: true, ..CutoutSelection::default() };
    assert_eq!(load(root.path(), &hard).expect("loads").len(), 2);
    let dogs = CutoutSelection { classes_excluded: vec!["dog".into()], ..CutoutSelection::default() };
    let cars = load(root.path(), &dogs).expect("loads");
    assert_eq!((cars.len(), cars[0].colour.get_pixel(0, 0).0), (1, [45, 15, 3]));
}

#[test]
fn without_annotations_nothing_is_difficult() {
    let root = folder();
    std::fs::remove_dir_all(root.path().join("Annotations")).expect("removed");
    assert_eq!(load(root.path(), &CutoutSelection::default()).expect("loads").len(), 2);
}

#[test]
fn palette_entries_of_every_depth_are_read() {
    let root = tempfile::tempdir().expect("a folder");
    for (depth, mask) in [(BitDepth::One, 1), (BitDepth::Two, 3), (BitDepth::Four, 15), (BitDepth::Eight, 255)] {
        let path = root.path().join("a.png");
        let value = |x: u32, y: u32| ((x * 7 + y * 13) & mask) as u8;
        write_indexed(&path, depth, value);
        let read = indices(&path).expect("reads");
        assert!(read.enumerate_pixels().all(|(x, y, p)| p.0[0] == value(x, y)), "{depth:?}");
    }
}

#[test]
fn a_damaged_folder_is_named_with_the_place() {
    type Damage = fn(&Path);
    let damages: [(Damage, &str); 6] = [
        (
            |root| std::fs::remove_file(root.join("SegmentationClass/a.png")).expect("removed"),
            "SegmentationClass/a.png",
        ),
        (|root| std::fs::remove_file(root.join("JPEGImages/a.png")).expect("removed"), "JPEGImages/a"),
        (
            |root| std::fs::write(root.join("SegmentationObject/a.png"), "PNG").expect("written"),
            "SegmentationObject/a.png",
        ),
        (|root| RgbImage::new(140, 60).save(root.join("SegmentationObject/a.png")).expect("saved"), "not indexed"),
        (|root| write_indexed(&root.join("SegmentationClass/a.png"), BitDepth::Eight, |_, _| 0), "object 1"),
        (|root| std::fs::write(root.join("Annotations/a.xml"), "<annotation>").expect("written"), "Annotations/a.xml"),
    ];
    for (damage, word) in damages {
        let root = folder();
        damage(root.path());
        let error = format!("{:#}", load(root.path(), &CutoutSelection::default()).expect_err(word));
        assert!(error.contains(word), "{word}: {error}");
    }
}
