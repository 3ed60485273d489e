//! What a reference rendering shows: the five kinds that Kouros et al. (BMVC 2022, section 3.3 and Table 7) compare.

use serde::{Deserialize, Serialize};

/// Contents of a rendering's three channels. Background is 0 in all of them, as the node fills what lies outside an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Red, green and blue of the shaded surface, normalised as a query is: -1 black, 1 white.
    Rgb,
    /// 1 on the object, three times.
    Silhouette,
    /// Nearness, three times: 1 at the front and 0 at the back of the sphere around the object's box, 0.5 at its centre.
    Depth,
    /// Surface normal towards the viewer in body axes (x forward, y left, z up), each component -1 to 1.
    #[default]
    Normals,
    /// Luminance (-1 to 1), nearness (0 to 1) and the normal's forward component (-1 to 1).
    ///
    /// The paper concatenates RGB, depth and normals to seven channels. One channel of each lets the same pretrained
    /// encoder read it; of the normal, the forward component is kept because it tells front from rear.
    Triplet,
}

impl Modality {
    /// All, in the paper's order.
    pub const ALL: [Self; 5] = [Self::Rgb, Self::Silhouette, Self::Depth, Self::Normals, Self::Triplet];

    /// Name as the command line takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rgb => "rgb",
            Self::Silhouette => "silhouette",
            Self::Depth => "depth",
            Self::Normals => "normals",
            Self::Triplet => "triplet",
        }
    }

    /// A channel's value as a brightness from 0 to 1 for a person to look at.
    pub fn brightness(self, channel: usize, value: f32) -> f32 {
        let signed = match self {
            Self::Rgb | Self::Normals => true,
            Self::Silhouette | Self::Depth => false,
            Self::Triplet => channel != 1,
        };
        if signed { 0.5 * value + 0.5 } else { value }
    }
}
