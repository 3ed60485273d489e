//! Pasting until a level's share of an object and of its surroundings is covered, counted pixel by pixel.

use image::RgbImage;
use kernels::BoxPx;
use rand::Rng;

use super::Level;
use crate::datasets::cutouts::Cutout;

/// The surroundings reach this fraction of the box's sides beyond it.
const REACH: f32 = 0.25;
/// Cut-outs tried before starting anew, and new starts.
const TRIES_MAX: usize = 40;
const STARTS_MAX: usize = 60;
/// Longest side of a pasted cut-out, in longest sides of the box.
const SIZE: std::ops::Range<f32> = 0.2..1.1;
/// Half width of the part of a level's range that one picture aims at, so that the pictures fill the range evenly.
const AIM: f64 = 0.04;
/// Cut-out pixels of at least this opacity cover what is below.
const OPAQUE_MIN: u8 = 128;

/// Covered shares, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coverage {
    /// Of the object's pixels.
    pub object: f64,
    /// Of the pixels around it.
    pub surroundings: f64,
}

/// An object in a small picture, and which pixel counts for what.
#[derive(Clone, Debug)]
pub struct Target {
    /// Tight box, pixels of the picture.
    pub box_px: BoxPx,
    width: u32,
    object: Vec<bool>,
    surroundings: Vec<bool>,
}

/// A cut-out at a place.
#[derive(Clone, Copy)]
struct Paste<'a> {
    cutout: &'a Cutout,
    left_px: f32,
    top_px: f32,
    factor: f32,
    mirrored: bool,
}

impl Target {
    /// `object` marks the object's pixels, row by row, in a picture `width` pixels wide.
    pub fn new(box_px: BoxPx, object: Vec<bool>, width: u32) -> Self {
        let (dx, dy) = (REACH * (box_px.x2 - box_px.x1), REACH * (box_px.y2 - box_px.y1));
        let near = |index: usize| {
            let (x, y) = ((index % width as usize) as f32, (index / width as usize) as f32);
            (box_px.x1 - dx..box_px.x2 + dx).contains(&x) && (box_px.y1 - dy..box_px.y2 + dy).contains(&y)
        };
        let surroundings = object.iter().enumerate().map(|(i, is_object)| !is_object && near(i)).collect();
        Self { box_px, width, object, surroundings }
    }

    /// Shares of the object and of its surroundings that `covered` covers.
    pub fn coverage(&self, covered: &[bool]) -> Coverage {
        let share = |region: &[bool]| {
            let both = region.iter().zip(covered).filter(|(inside, covered)| **inside && **covered).count();
            both as f64 / region.iter().filter(|inside| **inside).count().max(1) as f64
        };
        Coverage { object: share(&self.object), surroundings: share(&self.surroundings) }
    }

    /// Pastes cut-outs until the level is reached; `None`, with the picture as it was, where that cannot be had.
    pub fn occlude(
        &self,
        picture: &mut RgbImage,
        level: &Level,
        occluders: &[Cutout],
        rng: &mut impl Rng,
    ) -> Option<Coverage> {
        if level.object[1] == 0.0 {
            return Some(Coverage::default());
        }
        for _ in 0..STARTS_MAX {
            let aim = rng.random_range(level.object[0]..level.object[1]);
            let object = [(aim - AIM).max(level.object[0]), (aim + AIM).min(level.object[1])];
            if let Some((pastes, coverage)) = self.arrange(&Level { object, ..*level }, occluders, rng) {
                pastes.iter().for_each(|paste| paste.draw(picture));
                return Some(coverage);
            }
        }
        None
    }

    /// One start: cut-outs that would cover too much are not used.
    fn arrange<'a>(
        &self,
        level: &Level,
        occluders: &'a [Cutout],
        rng: &mut impl Rng,
    ) -> Option<(Vec<Paste<'a>>, Coverage)> {
        let mut covered = vec![false; self.object.len()];
        let mut pastes = Vec::new();
        for _ in 0..TRIES_MAX {
            let paste = self.draw_paste(&occluders[rng.random_range(0..occluders.len())], rng);
            let mut with = covered.clone();
            paste.cover(&mut with, self.width);
            let coverage = self.coverage(&with);
            if coverage.object >= level.object[1] || coverage.surroundings >= level.surroundings[1] {
                continue;
            }
            covered = with;
            pastes.push(paste);
            if coverage.object >= level.object[0] && coverage.surroundings >= level.surroundings[0] {
                return Some((pastes, coverage));
            }
        }
        None
    }

    /// A cut-out of any size whose centre lies in or near the box.
    fn draw_paste<'a>(&self, cutout: &'a Cutout, rng: &mut impl Rng) -> Paste<'a> {
        let b = &self.box_px;
        let (box_width, box_height) = (b.x2 - b.x1, b.y2 - b.y1);
        let (width, height) = (cutout.colour.width() as f32, cutout.colour.height() as f32);
        let factor = rng.random_range(SIZE) * box_width.max(box_height) / width.max(height);
        let x = rng.random_range(b.x1 - REACH * box_width..b.x2 + REACH * box_width);
        let y = rng.random_range(b.y1 - REACH * box_height..b.y2 + REACH * box_height);
        let (left_px, top_px) = (x - 0.5 * factor * width, y - 0.5 * factor * height);
        Paste { cutout, left_px, top_px, factor, mirrored: rng.random_bool(0.5) }
    }
}

impl Paste<'_> {
    /// Calls back with picture pixel and cut-out pixel, for every one inside both.
    fn for_each_pixel(&self, (width, height): (u32, u32), mut call: impl FnMut((u32, u32), (u32, u32))) {
        let (cut_width, cut_height) = self.cutout.colour.dimensions();
        let range = |from: f32, length: u32, limit: u32| {
            from.max(0.0) as u32..((from + self.factor * length as f32).clamp(0.0, limit as f32)) as u32
        };
        for y in range(self.top_px, cut_height, height) {
            let v = (((y as f32 + 0.5 - self.top_px) / self.factor).max(0.0) as u32).min(cut_height - 1);
            for x in range(self.left_px, cut_width, width) {
                let u = (((x as f32 + 0.5 - self.left_px) / self.factor).max(0.0) as u32).min(cut_width - 1);
                call((x, y), (if self.mirrored { cut_width - 1 - u } else { u }, v));
            }
        }
    }

    fn cover(&self, covered: &mut [bool], width: u32) {
        let height = covered.len() as u32 / width;
        self.for_each_pixel((width, height), |(x, y), (u, v)| {
            covered[(y * width + x) as usize] |= self.cutout.alpha.get_pixel(u, v).0[0] >= OPAQUE_MIN;
        });
    }

    fn draw(&self, picture: &mut RgbImage) {
        let size = picture.dimensions();
        self.for_each_pixel(size, |(x, y), (u, v)| {
            let alpha = u32::from(self.cutout.alpha.get_pixel(u, v).0[0]);
            let pasted = self.cutout.colour.get_pixel(u, v).0;
            for (to, from) in picture.get_pixel_mut(x, y).0.iter_mut().zip(pasted) {
                *to = ((u32::from(*to) * (255 - alpha) + u32::from(from) * alpha) / 255) as u8;
            }
        });
    }
}
