//! Renderings of shapes whose pictures are known in closed form.

use models::mesh::Mesh;

use super::*;

/// A cuboid with outward triangles, body axes, metres.
fn cuboid(half: [f32; 3]) -> Shape {
    let corner = |i: usize| [0, 1, 2].map(|axis| if i >> axis & 1 == 0 { -half[axis] } else { half[axis] });
    let quads = [[0, 4, 6, 2], [1, 3, 7, 5], [0, 1, 5, 4], [2, 6, 7, 3], [0, 2, 3, 1], [4, 5, 7, 6]];
    let triangles = quads.iter().flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]]).collect();
    shape((0..8).map(corner).collect(), triangles)
}

/// A sphere of latitudes and longitudes.
fn sphere(radius_m: f32) -> Shape {
    let (rings, sectors) = (48u32, 96u32);
    let mut positions = Vec::new();
    for ring in 0..=rings {
        let (sin, cos) = (std::f32::consts::PI * ring as f32 / rings as f32).sin_cos();
        for sector in 0..sectors {
            let (y, x) = (std::f32::consts::TAU * sector as f32 / sectors as f32).sin_cos();
            positions.push([radius_m * sin * x, radius_m * sin * y, radius_m * cos]);
        }
    }
    let mut triangles = Vec::new();
    for ring in 0..rings {
        for sector in 0..sectors {
            let next = (sector + 1) % sectors;
            let (a, b) = (ring * sectors + sector, ring * sectors + next);
            let (c, d) = (a + sectors, b + sectors);
            triangles.extend([[a, c, d], [a, d, b]]);
        }
    }
    shape(positions, triangles)
}

fn shape(positions: Vec<[f32; 3]>, triangles: Vec<[u32; 3]>) -> Shape {
    let mesh = Mesh { positions, triangles, ..Mesh::default() };
    Shape { name: "test".into(), mesh, normals: Vec::new(), materials: Vec::new() }
}

fn canvas(width: u32, height: u32) -> CropSpec {
    let grey = [0.5; 3];
    CropSpec { width, height, context_margin: 0.0, fill: grey, mean: grey, std: grey }
}

fn rendered(shape: &Shape, view_deg: [f64; 3], modality: Modality, canvas: CropSpec) -> Vec<[f32; 3]> {
    let mut renderer = Renderer::new(canvas);
    let mut out = vec![f32::NAN; renderer.len()];
    let viewpoint = Viewpoint::from_degrees(view_deg[0], view_deg[1], view_deg[2]);
    renderer.render(shape, &viewpoint, modality, &mut out).expect("renders");
    let count = out.len() / 3;
    (0..count).map(|i| [out[i], out[count + i], out[2 * count + i]]).collect()
}

#[test]
fn a_sphere_covers_a_quarter_of_pi_of_a_square_canvas() {
    let pixels = rendered(&sphere(1.3), [33.0, 20.0, 5.0], Modality::Silhouette, canvas(128, 128));
    let share = pixels.iter().map(|p| p[0]).sum::<f32>() / pixels.len() as f32;
    assert!((share - std::f32::consts::FRAC_PI_4).abs() < 0.01, "{share}");
    assert!(pixels.iter().all(|p| [[0.0; 3], [1.0; 3]].contains(p)));
}

#[test]
fn a_spheres_normals_are_its_own_points_in_body_axes() {
    let view_deg = [65.0, 25.0, 0.0];
    let side = 96;
    let pixels = rendered(&sphere(1.0), view_deg, Modality::Normals, canvas(side, side));
    // From behind the canvas: a pixel's direction in optical axes, turned into body axes by the viewpoint's own rotation.
    let camera_from_object = Viewpoint::from_degrees(65.0, 25.0, 0.0).to_rotation();
    let mut compared = 0;
    for (i, n) in pixels.iter().enumerate() {
        let at = |pixel: usize| (pixel as f64 + 0.5) / f64::from(side) * 2.0 - 1.0;
        let (x, y) = (at(i % side as usize), at(i / side as usize));
        if x.hypot(y) > 0.8 {
            continue;
        }
        let optical = nalgebra::Vector3::new(x, y, -(1.0 - x * x - y * y).sqrt());
        let expected = camera_from_object.inverse() * optical;
        let cosine = expected.x * f64::from(n[0]) + expected.y * f64::from(n[1]) + expected.z * f64::from(n[2]);
        assert!(cosine > 12.0f64.to_radians().cos(), "{i}: {n:?} {expected:?}");
        compared += 1;
    }
    assert!(compared > 4000);
}

#[test]
fn a_cuboid_seen_from_ahead_is_its_front_face() {
    // Height over width is 0.5: with the canvas 2:1 the face fills it.
    let shape = cuboid([2.0, 1.0, 0.5]);
    let normals = rendered(&shape, [0.0, 0.0, 0.0], Modality::Normals, canvas(64, 32));
    assert!(normals.iter().all(|n| (n[0] - 1.0).abs() < 1e-6 && n[1].abs() < 1e-6 && n[2].abs() < 1e-6));
    let left = rendered(&shape, [90.0, 0.0, 0.0], Modality::Normals, canvas(64, 32));
    let shown: Vec<_> = left.iter().filter(|n| **n != [0.0; 3]).collect();
    assert!(shown.iter().all(|n| (n[1] - 1.0).abs() < 1e-6));
    // The side is 4 by 1 m: on a 2:1 canvas it is 64 pixels wide and 16 high.
    assert_eq!(shown.len(), 64 * 16);
}

#[test]
fn depth_is_nearness_within_the_sphere_around_the_box() {
    let shape = cuboid([2.0, 1.0, 0.5]);
    let pixels = rendered(&shape, [0.0, 0.0, 0.0], Modality::Depth, canvas(64, 32));
    // The front face lies 2 m before the centre; the box's diagonal is sqrt(16 + 4 + 1).
    let expected = 0.5 + 2.0 / 21.0f32.sqrt();
    assert!(pixels.iter().all(|p| (p[0] - expected).abs() < 1e-5 && p[0] == p[1] && p[1] == p[2]), "{:?}", pixels[7]);
}

#[test]
fn depth_of_oblique_faces_is_where_the_rays_meet_them() {
    let (width, height) = (128, 32);
    let pixels = rendered(&cuboid([2.0, 1.0, 0.5]), [60.0, 0.0, 0.0], Modality::Depth, canvas(width, height));
    let row = &pixels[(width * height / 2) as usize..][..width as usize];
    // The camera stands 5 lengths away, 60 degrees round to the left: ahead is image-left.
    let (sin, cos) = 60.0f64.to_radians().sin_cos();
    let slope = |x: f64, y: f64| (y * cos - x * sin) / (20.0 - x * cos - y * sin);
    let (left, right) = (slope(2.0, -1.0), slope(-2.0, 1.0));
    for (column, pixel) in row.iter().enumerate() {
        let u = left + (column as f64 + 0.5) / f64::from(width) * (right - left);
        // Rays enter a convex body through the last of the planes that they cross: x = 2 or y = 1.
        let depth_m = ((20.0 * cos - 2.0) / (cos + u * sin)).max((20.0 * sin - 1.0) / (sin - u * cos));
        let expected = 0.5 + (20.0 - depth_m) / 21.0f64.sqrt();
        assert!((f64::from(pixel[0]) - expected).abs() < 1e-3, "{column}: {} {expected}", pixel[0]);
    }
}

#[test]
fn a_faces_colour_follows_its_light() {
    let shape = cuboid([2.0, 1.0, 0.75]);
    let pixels = rendered(&shape, [0.0, 40.0, 0.0], Modality::Rgb, canvas(64, 64));
    let column: Vec<f32> = pixels.iter().skip(32).step_by(64).map(|p| p[0]).filter(|v| *v != 0.0).collect();
    // The roof, above in the picture, sees sky and lamp; the front looks at the street.
    assert!(column[2] > column[column.len() - 3] + 0.1, "{column:?}");
    assert!(pixels.iter().flatten().all(|v| (-1.0..=1.0).contains(v)));
}

#[test]
fn a_triplet_is_luminance_nearness_and_the_forward_normal() {
    let shape = Shape::of_vehicle(5);
    let (view, size) = ([215.0, 12.0, 0.0], canvas(64, 48));
    let of = |modality| rendered(&shape, view, modality, size);
    let (rgb, depth, normals) = (of(Modality::Rgb), of(Modality::Depth), of(Modality::Normals));
    for (i, pixel) in of(Modality::Triplet).iter().enumerate() {
        // On this canvas a colour is normalised to -1..1 as well.
        let luminance = 0.299 * rgb[i][0] + 0.587 * rgb[i][1] + 0.114 * rgb[i][2];
        assert!((pixel[0] - luminance).abs() < 1e-5);
        assert_eq!([pixel[1], pixel[2]], [depth[i][0], normals[i][0]]);
    }
}

#[test]
fn an_output_of_another_size_is_refused() {
    let mut renderer = Renderer::new(canvas(32, 32));
    let view = Viewpoint::from_degrees(0.0, 0.0, 0.0);
    for length in [0, 3 * 32 * 32 - 1, 3 * 32 * 32 + 3] {
        assert!(renderer.render(&cuboid([1.0; 3]), &view, Modality::Rgb, &mut vec![0.0; length]).is_err());
    }
}
