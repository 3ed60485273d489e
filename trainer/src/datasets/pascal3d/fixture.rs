//! Annotations and folders like those of PASCAL3D+, for tests.

use std::path::Path;

use image::RgbImage;

use crate::datasets::mat::fixture::*;

/// Angles in degrees, distance and principal point of an annotation.
pub(crate) struct Posed {
    pub angles_deg: [f64; 3],
    pub distance: f64,
    pub principal_px: [f64; 2],
}

pub(crate) const POSED: Posed = Posed { angles_deg: [266.5, -4.7, -0.02], distance: 5.9, principal_px: [28.5, 18.25] };

/// An object as a row of the fields `OBJECT_FIELDS`.
pub(crate) fn object(class: &str, box_px: [f64; 4], posed: Option<&Posed>) -> Vec<Vec<u8>> {
    let viewpoint = match posed {
        None => empty(),
        Some(Posed { angles_deg: [azimuth, elevation, theta], distance, principal_px: [px, py] }) => structure(
            "",
            &[
                ("azimuth_coarse", numbers("", NUMERIC[5], [1, 1], &[270.0])),
                ("elevation_coarse", numbers("", NUMERIC[3], [1, 1], &[0.0])),
                ("azimuth", number(*azimuth)),
                ("elevation", number(*elevation)),
                ("distance", number(*distance)),
                ("focal", numbers("", NUMERIC[3], [1, 1], &[1.0])),
                ("px", number(*px)),
                ("py", number(*py)),
                ("theta", number(*theta)),
                ("viewport", numbers("", NUMERIC[5], [1, 1], &[3000.0])),
            ],
        ),
    };
    let flag = |value: f64| numbers("", NUMERIC[3], [1, 1], &[value]);
    vec![text(class), row(&box_px), flag(0.0), flag(1.0), flag(0.0), flag(9.0), viewpoint]
}

const OBJECT_FIELDS: [&str; 7] = ["class", "bbox", "truncated", "occluded", "difficult", "cad_index", "viewpoint"];

/// The variable `record`.
pub(crate) fn record(filename: &str, objects: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let fields = [
        ("filename", text(filename)),
        ("imgsize", row(&[60.0, 40.0, 3.0])),
        ("objects", structs("", &OBJECT_FIELDS, objects)),
    ];
    structure("record", &fields)
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("creating a folder");
    std::fs::write(path, bytes).expect("writing a file");
}

/// Writes a picture of 60x40 pixels.
pub(crate) fn write_jpeg(path: &Path) {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new(&mut bytes);
    RgbImage::from_pixel(60, 40, image::Rgb([90, 120, 30])).write_with_encoder(encoder).expect("encoding");
    write(path, bytes);
}

/// Image `name` of an ImageNet category, with its annotation.
pub(crate) fn write_imagenet(root: &Path, category: &str, name: &str, objects: &[Vec<Vec<u8>>]) {
    let annotation = compressed_file(&[record(&format!("{name}.JPEG"), objects)]);
    write(&root.join(format!("Annotations/{category}_imagenet/{name}.mat")), annotation);
    write_jpeg(&root.join(format!("Images/{category}_imagenet/{name}.JPEG")));
}
