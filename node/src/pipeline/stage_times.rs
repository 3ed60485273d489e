//! Which part of the work took how long.

/// The timed parts of the work on one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Selecting detections and cutting them out.
    Crop,
    /// The network.
    Embed,
    /// Nearest references and their modes.
    Retrieve,
    /// Poses against the network's feature map; zero where the model does not refine.
    Refine,
    /// Position and covariance.
    Locate,
}

impl Stage {
    /// In the order of the work.
    pub const ALL: [Self; 5] = [Self::Crop, Self::Embed, Self::Retrieve, Self::Refine, Self::Locate];

    /// The stable spelling used in JSON and as a histogram's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crop => "crop",
            Self::Embed => "embed",
            Self::Retrieve => "retrieve",
            Self::Refine => "refine",
            Self::Locate => "locate",
        }
    }
}

/// Microseconds spent in each stage on the last frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes {
    pub(super) us: [u64; Stage::ALL.len()],
    pub(super) total_us: u64,
}

impl StageTimes {
    /// Microseconds in one stage, summed over the chunks.
    pub fn get(&self, stage: Stage) -> u64 {
        self.us[stage as usize]
    }

    /// Microseconds from the first to the last reading of the clock.
    pub fn total_us(&self) -> u64 {
        self.total_us
    }

    /// Every stage with its time, in the order of the work.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, u64)> {
        Stage::ALL.into_iter().zip(self.us)
    }
}
