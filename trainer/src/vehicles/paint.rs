//! Materials of a vehicle's parts, with paint in the frequencies of the street.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Kind;
use super::proportions::Proportions;
use super::shell::Part;

/// How a part reflects light; colours are linear RGB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Material {
    /// Diffuse reflectance.
    pub base_color: [f32; 3],
    /// 0 mirror, 1 matt: width of the reflection.
    pub roughness: f32,
    /// Reflectance at normal incidence.
    pub specular: f32,
    /// Share of the base colour that reflects like metal flakes.
    pub metallic: f32,
    /// Light it gives off.
    pub emissive: [f32; 3],
}

impl Material {
    const fn new(base_color: [f32; 3], roughness: f32, specular: f32) -> Self {
        Self { base_color, roughness, specular, metallic: 0.0, emissive: [0.0; 3] }
    }
}

/// (share in percent, sRGB colour, metallic).
const PAINTS: [(f32, [u8; 3], f32); 20] = [
    (17.0, [232, 233, 232], 0.0),
    (6.0, [222, 222, 216], 0.15),
    (19.0, [168, 172, 176], 0.75),
    (6.0, [142, 146, 150], 0.7),
    (9.0, [92, 96, 101], 0.65),
    (6.0, [66, 68, 73], 0.6),
    (10.0, [20, 21, 23], 0.15),
    (6.0, [32, 34, 38], 0.4),
    (3.5, [28, 44, 88], 0.45),
    (3.0, [44, 78, 128], 0.5),
    (1.5, [98, 132, 168], 0.55),
    (3.0, [150, 22, 26], 0.1),
    (1.8, [96, 18, 24], 0.4),
    (1.0, [196, 36, 30], 0.0),
    (1.5, [150, 138, 116], 0.55),
    (1.0, [92, 76, 60], 0.45),
    (1.2, [34, 66, 48], 0.4),
    (0.8, [98, 116, 88], 0.45),
    (0.8, [214, 176, 40], 0.0),
    (0.9, [204, 92, 30], 0.2),
];

fn linear(srgb: [u8; 3]) -> [f32; 3] {
    srgb.map(|value| (f32::from(value) / 255.0).powf(2.2))
}

/// Material of every part in [`Part::ALL`]'s order.
pub(super) fn draw_materials(p: &Proportions, rng: &mut ChaCha8Rng) -> Vec<Material> {
    let paint = draw_paint(p, rng);
    let plastic = 0.018 + 0.02 * rng.random::<f32>();
    let tint = 0.012 + 0.012 * rng.random::<f32>();
    let rim_tone = if rng.random_bool(0.15) { 0.035 } else { 0.38 + 0.2 * rng.random::<f32>() };
    let painted_mirror = rng.random_bool(0.8);
    let lit = rng.random_bool(0.25);
    let braking = rng.random_bool(0.2);
    Part::ALL
        .iter()
        .map(|part| match part {
            Part::Body => paint,
            Part::Glass => Material::new([tint, tint * 1.06, tint * 1.08], 0.02, 0.07),
            Part::Pillar => Material::new([0.008; 3], 0.22, 0.05),
            Part::HeadLamp => Material::new([0.36, 0.38, 0.40], 0.08, 0.10),
            Part::HeadLampCore => Material {
                emissive: if lit { [3.2, 3.1, 2.8] } else { [0.0; 3] },
                ..Material::new([0.80, 0.82, 0.84], 0.12, 0.25)
            },
            Part::TailLamp => Material {
                emissive: if braking { [0.75, 0.02, 0.012] } else { [0.03, 0.001, 0.001] },
                ..Material::new([0.26, 0.008, 0.008], 0.08, 0.06)
            },
            Part::TailLampCore => Material::new([0.62, 0.48, 0.44], 0.10, 0.06),
            Part::Grille => Material::new([0.012; 3], 0.45, 0.04),
            Part::Chrome => Material { metallic: 1.0, ..Material::new([0.72, 0.73, 0.74], 0.10, 0.6) },
            Part::Intake => Material::new([plastic * 0.6; 3], 0.6, 0.03),
            Part::Plate => Material::new([0.70, 0.70, 0.68], 0.4, 0.04),
            Part::Cladding => Material::new([plastic; 3], 0.55, 0.04),
            Part::Underbody => Material::new([0.006; 3], 0.9, 0.01),
            Part::Gap => Material::new([0.01; 3], 0.8, 0.01),
            Part::Tyre => Material::new([0.020; 3], 0.8, 0.03),
            Part::Rim => Material { metallic: 0.6, ..Material::new([rim_tone; 3], 0.28, 0.25) },
            Part::RimShade => Material::new([0.014; 3], 0.7, 0.02),
            Part::Mirror => {
                if painted_mirror {
                    paint
                } else {
                    Material::new([plastic; 3], 0.5, 0.04)
                }
            }
            Part::MirrorGlass => Material::new([0.05; 3], 0.03, 0.6),
            Part::Bed => Material::new([0.02; 3], 0.8, 0.03),
        })
        .collect()
}

fn draw_paint(p: &Proportions, rng: &mut ChaCha8Rng) -> Material {
    let total: f32 = PAINTS.iter().map(|paint| paint.0).sum();
    let mut at = rng.random::<f32>() * total;
    // Delivery vans are white far more often than not.
    if p.kind == Kind::Van && rng.random_bool(0.45) {
        at = 0.0;
    }
    let mut chosen = PAINTS[0];
    for paint in PAINTS {
        chosen = paint;
        at -= paint.0;
        if at < 0.0 {
            break;
        }
    }
    let jitter: [f32; 3] = std::array::from_fn(|_| 0.94 + 0.12 * rng.random::<f32>());
    let level = 0.88 + 0.22 * rng.random::<f32>();
    let color = linear(chosen.1);
    Material {
        base_color: std::array::from_fn(|k| (color[k] * jitter[k] * level).min(0.70)),
        roughness: 0.04 + 0.08 * rng.random::<f32>(),
        specular: 0.045,
        metallic: chosen.2,
        emissive: [0.0; 3],
    }
}
