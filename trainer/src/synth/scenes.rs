//! Which scenes there are: independent stills, and a drive.

use std::sync::Arc;

use calibration::{CameraError, PinholeCamera};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Scene;
use super::develop::Development;
use super::layout::{Layout, Theme};
use super::sky::Sky;
use super::street::{Street, build};
use super::traffic::{Crowd, Traffic};

/// Frames per second of a drive.
pub const FRAME_RATE_HZ: f32 = 10.0;
/// Intrinsics of KITTI's colour camera at 1242 x 375.
const KITTI: [f64; 3] = [721.5377, 609.5593, 172.854];

/// Size of the pictures; the intrinsics are KITTI's, scaled.
#[derive(Clone, Debug)]
pub struct SceneOptions {
    /// Width, pixels.
    pub width_px: u32,
    /// Height, pixels.
    pub height_px: u32,
}

impl Default for SceneOptions {
    fn default() -> Self {
        Self { width_px: 1242, height_px: 375 }
    }
}

impl SceneOptions {
    /// The camera of these options.
    ///
    /// # Errors
    /// [`CameraError`] where the size is out of bounds.
    pub fn camera(&self) -> Result<PinholeCamera, CameraError> {
        let [focal, cx, cy] = KITTI;
        let (scale, tall) = (f64::from(self.width_px) / 1242.0, f64::from(self.height_px) / 375.0);
        PinholeCamera::new(focal * scale, focal * scale, cx * scale, cy * tall, self.width_px, self.height_px)
    }
}

/// A level camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eye {
    /// World position, metres.
    pub position_m: [f64; 3],
    /// Viewing direction, counter-clockwise from +x.
    pub yaw_rad: f64,
}

/// The scene that belongs to `seed`, at KITTI's size.
///
/// # Errors
/// [`CameraError`], never for this size.
pub fn scene(seed: u64) -> Result<Scene, CameraError> {
    scene_with(seed, &SceneOptions::default())
}

/// The scene that belongs to `seed`: half of them streets, half yards with vehicles at every angle.
///
/// # Errors
/// [`CameraError`] where the size of the picture is out of bounds.
pub fn scene_with(seed: u64, options: &SceneOptions) -> Result<Scene, CameraError> {
    let camera = options.camera()?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rng = &mut rng;
    let theme = match rng.random::<f32>() {
        share if share < 0.45 => Theme::Yard,
        share if share < 0.65 => Theme::Town,
        share if share < 0.83 => Theme::Suburb,
        _ => Theme::Avenue,
    };
    let crossings =
        if theme != Theme::Yard && rng.random_bool(0.7) { vec![rng.random_range(13.0..36.0)] } else { Vec::new() };
    let layout = Layout::draw(theme, -14.0, if theme == Theme::Yard { 62.0 } else { 115.0 }, crossings, rng);
    let street = build(layout, [0.0, 0.0]);
    let layout = &street.layout;
    let ego_y = if theme == Theme::Yard { 0.0 } else { layout.lane_y(0, 1.0) + rng.random_range(-0.4..0.4) };
    let mut crowd = Crowd::new(layout, ego_y);
    if theme == Theme::Yard {
        crowd.strew(rng.random_range(5..17), rng);
    } else {
        crowd.cross(rng);
        crowd.park(70.0, [0.35, 0.95], rng);
        crowd.drive(85.0, rng);
    }
    let vehicles = crowd.vehicles;
    let swing = if theme == Theme::Yard { 0.0 } else { rng.random_range(-0.16..0.16) };
    let eye = Eye { position_m: [0.0, f64::from(ego_y), rng.random_range(1.5..1.8)], yaw_rad: swing };
    let sky = Sky::draw(rng, street.skyline);
    Ok(Scene {
        camera,
        eye,
        vehicles,
        street: Arc::new(street),
        sky,
        development: Development::draw(rng),
        noise_seed: rng.random(),
    })
}

/// A continuous drive down one street.
#[derive(Clone, Debug)]
pub struct Drive {
    camera: PinholeCamera,
    street: Arc<Street>,
    sky: Sky,
    development: Development,
    traffic: Traffic,
    speed_m_s: f32,
    seed: u64,
}

impl Drive {
    /// The drive that belongs to `seed`, long enough for `frame_count` frames.
    ///
    /// # Errors
    /// [`CameraError`] where the size of the picture is out of bounds.
    pub fn new(seed: u64, frame_count: u32, options: &SceneOptions) -> Result<Self, CameraError> {
        let camera = options.camera()?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xd21e_0000);
        let speed_m_s = rng.random_range(4.5..6.0);
        let duration_s = frame_count as f32 / FRAME_RATE_HZ;
        let end_x = speed_m_s * duration_s;
        let mut crossings = vec![rng.random_range(30.0..36.0)];
        while crossings.last().is_some_and(|last| last + 75.0 < end_x + 30.0) {
            let last = crossings.last().copied().unwrap_or(0.0);
            crossings.push(last + rng.random_range(55.0..75.0));
        }
        let theme = [Theme::Town, Theme::Suburb, Theme::Avenue][rng.random_range(0..3usize)];
        let mut layout = Layout::draw(theme, -16.0, end_x + 120.0, crossings, &mut rng);
        // A drive always has parked vehicles on both sides and one lane each way.
        layout.lanes_each_way = 1;
        let aslant = rng.random_bool(0.5);
        layout.parking_m = [if aslant { 5.0 } else { 2.2 }, 2.2];
        layout.parking_rad = [if aslant { rng.random_range(0.8..1.2) } else { 0.0 }, 0.0];
        layout.half_m = layout.parking_m.map(|parking| layout.lane_m + parking);
        let street = build(layout, [0.0, end_x]);
        let traffic = Traffic::draw(&street.layout, speed_m_s, duration_s, &mut rng);
        let sky = Sky::draw(&mut rng, street.skyline);
        let development = Development::draw(&mut rng);
        Ok(Self { camera, street: Arc::new(street), sky, development, traffic, speed_m_s, seed })
    }

    /// What the camera sees at a frame.
    pub fn scene(&self, frame: u32) -> Scene {
        let time_s = frame as f32 / FRAME_RATE_HZ;
        let sway = f64::from(time_s);
        let x = f64::from(self.speed_m_s * time_s);
        let y = f64::from(self.street.layout.lane_y(0, 1.0)) + 0.10 * (0.9 * sway).sin();
        let eye = Eye { position_m: [x, y, 1.65], yaw_rad: 0.012 * (0.7 * sway + 0.6).sin() };
        Scene {
            camera: self.camera,
            eye,
            vehicles: self.traffic.at(time_s),
            street: Arc::clone(&self.street),
            sky: self.sky.clone(),
            development: self.development,
            noise_seed: self.seed.wrapping_add(u64::from(frame)),
        }
    }
}
