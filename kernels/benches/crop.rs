//! Boxes of a 1920 x 1080 frame onto the canvas of the networks.

mod bench;

use std::hint::black_box;

use kernels::conformance::random::Random;
use kernels::{BoxPx, CpuCrop, Crop, CropSpec, ImageView, PixelFormat};

const SPEC: CropSpec = CropSpec {
    width: 224,
    height: 128,
    context_margin: 0.0,
    fill: [0.5; 3],
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
};

fn main() {
    bench::announce("crop");
    let mut random = Random::new(1);
    let bytes: Vec<u8> = (0..1920 * 1080 * 3).map(|_| random.bits() as u8).collect();
    for (format, name) in [(PixelFormat::Rgb8, "rgb8"), (PixelFormat::Mono8, "mono8")] {
        let stride_bytes = 1920 * format.bytes_per_pixel();
        let image = ImageView::new(&bytes, 1920, 1080, stride_bytes, format).expect("sizes match");
        for (width, height, batch) in [(40, 20, 1), (400, 200, 1), (1200, 700, 1), (400, 200, 8)] {
            let boxes: Vec<BoxPx> = (0..batch)
                .map(|index| {
                    let (x1, y1) = (100.3 + 60.0 * index as f32, 150.7);
                    BoxPx { x1, y1, x2: x1 + width as f32, y2: y1 + height as f32 }
                })
                .collect();
            let mut out = vec![0.0; batch * SPEC.element_count().expect("a valid specification")];
            let mut crop = CpuCrop::new();
            bench::time(&format!("{name} {batch} x {width}x{height} -> 224x128"), 500, || {
                crop.crop(black_box(&image), &boxes, &SPEC, &mut out).expect("valid boxes");
                black_box(&out);
            });
        }
    }
}
