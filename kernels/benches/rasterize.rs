//! A closed surface, coarse to fine, onto canvases of the size of crops.

mod bench;

use std::f32::consts::{PI, TAU};
use std::hint::black_box;

use kernels::{CpuRasterize, MeshView, RasterBuffers, Rasterize};

/// A sphere of radius 1 m: `rings * rings * 4` triangles.
fn sphere(rings: u32) -> (Vec<[f32; 3]>, Vec<[u32; 3]>) {
    let columns = 2 * rings;
    let mut positions = Vec::new();
    for ring in 0..=rings {
        let (height, radius) = (PI * ring as f32 / rings as f32).sin_cos();
        for column in 0..columns {
            let (y, x) = (TAU * column as f32 / columns as f32).sin_cos();
            positions.push([height * x, radius, height * y]);
        }
    }
    let mut triangles = Vec::new();
    for ring in 0..rings {
        for column in 0..columns {
            let (here, next) = (ring * columns + column, ring * columns + (column + 1) % columns);
            triangles.extend([[here, next, here + columns], [next, next + columns, here + columns]]);
        }
    }
    (positions, triangles)
}

fn main() {
    bench::announce("rasterize");
    for (width, height) in [(56_usize, 56_usize), (224, 128), (640, 480)] {
        for rings in [8, 32, 128] {
            let (positions, triangles) = sphere(rings);
            let mesh = MeshView { positions: &positions, triangles: &triangles, parts: &[] };
            let (focal_px, x, y) = (height as f32, width as f32 / 2.0, height as f32 / 2.0);
            let camera = [[focal_px, 0.0, x, 3.0 * x], [0.0, focal_px, y, 3.0 * y], [0.0, 0.0, 1.0, 3.0]];
            let mut out = RasterBuffers::new(width, height);
            let mut rasterize = CpuRasterize::new();
            bench::time(&format!("{} triangles onto {width}x{height}", triangles.len()), 100, || {
                out.clear();
                rasterize.rasterize(black_box(&mesh), &camera, 0.1, &mut out).expect("a valid mesh");
                black_box(&out);
            });
        }
    }
}
