use image::Rgb;

use super::*;

fn occluders() -> Vec<Cutout> {
    // Black is in no rendered car's picture as often as to disturb the count, and the plain pictures below are white.
    let square = |side: u32| Cutout {
        colour: RgbImage::new(side, side),
        alpha: image::GrayImage::from_pixel(side, side, image::Luma([255])),
    };
    vec![square(10), square(30), square(80)]
}

/// Shares of the object and of its surroundings that are not white any more, counted on the picture alone.
fn darkened(picture: &RgbImage, is_object: impl Fn(u32, u32) -> bool, near: [u32; 4]) -> Coverage {
    let (mut counts, mut dark) = ([0u32; 2], [0u32; 2]);
    for (x, y, pixel) in picture.enumerate_pixels() {
        let is_near = (near[0]..near[2]).contains(&x) && (near[1]..near[3]).contains(&y);
        let region = if is_object(x, y) { 0 } else { 1 };
        if is_near {
            counts[region] += 1;
            dark[region] += u32::from(pixel.0 != [255; 3]);
        }
    }
    let share = |region: usize| f64::from(dark[region]) / f64::from(counts[region]);
    Coverage { object: share(0), surroundings: share(1) }
}

#[test]
fn every_level_covers_what_it_promises() {
    let (width, height) = (200, 120);
    let is_object = |x: u32, y: u32| ((x as f32 - 100.0) / 48.0).hypot((y as f32 - 60.0) / 24.0) < 1.0;
    let mask: Vec<bool> = (0..height).flat_map(|y| (0..width).map(move |x| is_object(x, y))).collect();
    let target = Target::new(BoxPx { x1: 52.0, y1: 36.0, x2: 148.0, y2: 84.0 }, mask, width);
    for level in &LEVELS {
        let mut aims = Vec::new();
        for seed in 0..40 {
            let mut picture = RgbImage::from_pixel(width, height, Rgb([255; 3]));
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let said = target.occlude(&mut picture, level, &occluders(), &mut rng).expect("squares cover anything");
            let found = darkened(&picture, is_object, [28, 24, 172, 96]);
            assert!((found.object - said.object).abs() < 1e-9, "{found:?} {said:?}");
            assert!((found.surroundings - said.surroundings).abs() < 1e-9, "{found:?} {said:?}");
            let within = |share: f64, [low, high]: [f64; 2]| (low..=high).contains(&share);
            assert!(within(found.object, level.object), "{} {found:?}", level.split);
            assert!(within(found.surroundings, level.surroundings), "{} {found:?}", level.split);
            aims.push(found.object);
        }
        let mean = aims.iter().sum::<f64>() / aims.len() as f64;
        let middle = 0.5 * (level.object[0] + level.object[1]);
        assert!((mean - middle).abs() < 0.03, "{}: {mean} is not in the middle", level.split);
    }
}

#[test]
fn what_cannot_be_covered_leaves_the_picture_alone() {
    let speck = Cutout { colour: RgbImage::new(1, 1), alpha: image::GrayImage::new(1, 1) };
    let target = Target::new(BoxPx { x1: 2.0, y1: 2.0, x2: 8.0, y2: 8.0 }, vec![true; 100], 10);
    let mut picture = RgbImage::from_pixel(10, 10, Rgb([9; 3]));
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    assert_eq!(target.occlude(&mut picture, &LEVELS[3], &[speck], &mut rng), None);
    assert!(picture.pixels().all(|pixel| pixel.0 == [9; 3]));
}

#[test]
fn the_same_seed_gives_the_same_cars_at_every_level() {
    let make = || {
        let objects =
            (0..20).find_map(|index| Some(of_scene(5, index, &occluders()).unwrap()).filter(|o| !o.is_empty()));
        objects.expect("one of twenty scenes shows a whole car").remove(0)
    };
    let (objects, again) = (make(), make());
    let (plain, occluded) = objects.split_first().unwrap();
    assert_eq!(objects.len(), LEVELS.len());
    let picture = |object: &BenchmarkObject| object.sample.picture.decode().unwrap();
    assert_eq!(picture(&again[3]), picture(&occluded[2]));
    for (object, level) in occluded.iter().zip(&LEVELS[1..]) {
        assert_eq!((object.split.as_str(), &object.sample.viewpoint), (level.split, &plain.sample.viewpoint));
        let changed = picture(object).pixels().zip(picture(plain).pixels()).filter(|(a, b)| a != b).count();
        let b = &object.sample.box_px;
        let box_area = f64::from((b.x2 - b.x1) * (b.y2 - b.y1));
        // The car fills at least half of its box.
        assert!(changed as f64 > 0.5 * level.object[0] * box_area, "{}: {changed} of {box_area}", level.split);
    }
}
