//! Arguments of the second look, as the node's launch file has them under `[retrieval]`.

use models::retrieval::second_look::{CROPS_MAX, SecondLook};

/// When a car is looked at twice.
#[derive(Clone, Debug, clap::Args)]
pub struct VotesArgs {
    /// Crops of jittered boxes that vote as well where a car is in doubt; 0: none
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = crops)]
    pub votes: usize,
    /// In doubt from this flip probability on; 0: always
    #[arg(long, default_value_t = 0.05)]
    pub unsure_flip_probability: f64,
    /// In doubt from this standard deviation of the rotation on, degrees
    #[arg(long, default_value_t = 12.0)]
    pub unsure_spread_deg: f64,
}

impl VotesArgs {
    /// The rule that they stand for.
    pub fn second_look(&self) -> SecondLook {
        SecondLook {
            crops: self.votes,
            flip_probability_min: self.unsure_flip_probability,
            spread_rad_min: self.unsure_spread_deg.to_radians(),
        }
    }
}

fn crops(text: &str) -> Result<usize, String> {
    let count = text.parse().map_err(|_| format!("`{text}` is not a number of crops"))?;
    if count <= CROPS_MAX { Ok(count) } else { Err(format!("must be at most {CROPS_MAX}")) }
}
