//! Refinement: a pose in agreement with the feature map, by render-and-compare on the features of a neural mesh (NeMo, ICLR 2021),
//! in a bounded number of Levenberg-Marquardt steps instead of 300 of Adam.
//!
//! The cost of a [`Placement`](kernels::Placement) of the mesh in the feature map is minus the logarithm of its probability: what its
//! vertices explain better than clutter does ([`kernels::FeatureResidual`]), how far it is from the retrieved rotation, and how
//! badly its outline fits the detector's box ([`prior`]). [`Refiner`] takes an object in, makes a step when asked, and has the best
//! of what it found ready at any time.

mod comparer;
pub mod descent;
pub mod explain;
pub mod hypotheses;
pub mod placement;
pub mod prior;
mod refined;
mod refiner;
#[cfg(test)]
mod scene;
mod view;

pub use comparer::RefinedShape;
pub use descent::Status;
pub use refined::Refined;
pub use refiner::{HYPOTHESES_MAX, Refiner};
pub use view::View;
