//! Colours of a rendering: a hemisphere of sky over ground and one lamp over the viewer's left shoulder.

use super::framing::dot;
use crate::vehicles::Material;

/// Linear radiance of the sky above, of the ground below, and of the lamp.
const SKY: [f32; 3] = [0.62, 0.68, 0.76];
const GROUND: [f32; 3] = [0.22, 0.21, 0.20];
const LAMP: [f32; 3] = [0.95, 0.92, 0.86];
/// Direction to the lamp in optical axes (x right, y down, z forward), unit length.
const TO_LAMP: [f32; 3] = [-0.36, -0.62, -0.697];

/// Neutral grey of shapes without materials.
pub(super) const NEUTRAL: Material =
    Material { base_color: [0.42; 3], roughness: 0.5, specular: 0.04, metallic: 0.0, emissive: [0.0; 3] };

/// Light for one viewpoint, in body axes.
pub(super) struct Light {
    to_viewer: [f32; 3],
    to_lamp: [f32; 3],
}

impl Light {
    /// `axes`: optical axes in body axes.
    pub(super) fn new(axes: &[[f32; 3]; 3]) -> Self {
        let to_lamp = [0, 1, 2].map(|j| (0..3).map(|i| TO_LAMP[i] * axes[i][j]).sum());
        Self { to_viewer: axes[2].map(|c| -c), to_lamp }
    }

    /// sRGB colour, 0 to 1, of a surface whose unit `normal` (body axes) faces the viewer. Blinn-Phong with Schlick's
    /// Fresnel term; the sky is mirrored by what is smooth.
    pub(super) fn shade(&self, material: &Material, normal: &[f32; 3]) -> [f32; 3] {
        let facing = dot(normal, &self.to_viewer).clamp(0.0, 1.0);
        let fresnel = material.specular + (1.0 - material.specular) * (1.0 - facing).powi(5);
        let mirrored: [f32; 3] = std::array::from_fn(|j| 2.0 * facing * normal[j] - self.to_viewer[j]);
        let gloss = (1.0 - material.roughness).max(0.0);
        let half = unit(&std::array::from_fn(|j| self.to_viewer[j] + self.to_lamp[j]));
        let sharpness = 2.0 / (material.roughness * material.roughness).max(0.01);
        let glint = dot(normal, &half).max(0.0).powf(sharpness) * gloss * material.specular.max(0.04) * 6.0;
        let lamp = dot(normal, &self.to_lamp).max(0.0);
        std::array::from_fn(|k| {
            let above = 0.5 + 0.5 * normal[2];
            let ambient = GROUND[k] + (SKY[k] - GROUND[k]) * above;
            // The horizon is as sharp as the surface is smooth.
            let horizon = (0.5 + mirrored[2] / (0.15 + 2.0 * material.roughness)).clamp(0.0, 1.0);
            let surroundings = GROUND[k] + (1.25 * SKY[k] - GROUND[k]) * horizon;
            let tint = if material.metallic > 0.9 { material.base_color[k] } else { 1.0 };
            let matt = material.base_color[k] * (1.0 - 0.5 * material.metallic) * (ambient + LAMP[k] * lamp);
            let flakes = material.metallic * 0.5 * material.base_color[k] * (surroundings + ambient);
            let light = matt + flakes + tint * fresnel * gloss * surroundings + glint * LAMP[k] + material.emissive[k];
            encode(light)
        })
    }
}

/// sRGB transfer function after a soft shoulder: highlights keep their shape.
fn encode(linear: f32) -> f32 {
    let toned = if linear > 0.7 { 0.7 + 0.3 * (1.0 - (-(linear - 0.7) / 0.3).exp()) } else { linear.max(0.0) };
    if toned <= 0.003_130_8 { 12.92 * toned } else { 1.055 * toned.powf(1.0 / 2.4) - 0.055 }
}

/// Luma of an sRGB colour (BT.601).
pub(super) fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

fn unit(v: &[f32; 3]) -> [f32; 3] {
    let length = dot(v, v).sqrt().max(1e-6);
    v.map(|c| c / length)
}
