//! Levenberg-Marquardt on one placement, a bounded step at a time.

use calibration::Rotation;
use calibration::so3::to_rows;
use kernels::Placement;
use nalgebra::{Matrix3, Matrix6, Rotation3, Vector6};

/// How a refinement ended, or that it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Steps may follow.
    #[default]
    Running,
    /// The last step moved less than could be seen, or nothing near is better.
    Converged,
    /// The bound on steps is reached.
    StepLimit,
    /// Time was up.
    DeadlineReached,
    /// There was nothing to compare with, or it was not finite: the start stands.
    Diverged,
}

/// The negative logarithm of a placement's probability, up to a constant, and its Gauss-Newton model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// The value: lower is better.
    pub value: f64,
    /// Along the six numbers of a step.
    pub gradient: Vector6<f64>,
    /// Symmetric, positive semidefinite.
    pub hessian: Matrix6<f64>,
}

impl Cost {
    fn is_finite(&self) -> bool {
        self.value.is_finite() && self.gradient.iter().chain(&self.hessian).all(|number| number.is_finite())
    }
}

/// First damping, and its bounds; parts of the Hessian's diagonal.
const DAMPING: f64 = 1e-2;
const DAMPING_MIN: f64 = 1e-5;
const DAMPING_MAX: f64 = 1e4;
/// A better step divides, a worse one multiplies the damping.
const DAMPING_FALLS: f64 = 4.0;
const DAMPING_RISES: f64 = 6.0;
/// Smaller steps have converged: radians (0.05 degrees, as PixLoc's), part of the scale, cells.
const ROTATION_RAD_MIN: f64 = 8.7e-4;
const SCALE_MIN: f64 = 5e-4;
const SHIFT_CELLS_MIN: f64 = 5e-3;
/// Longest turn of one step: the texture's slope says nothing about what lies farther away.
const ROTATION_RAD_MAX: f64 = 0.25;
/// Most of the scale and of the shift in one step.
const SCALE_MAX: f64 = 0.15;
const SHIFT_CELLS_MAX: f64 = 2.0;

/// A placement on its way; always the best one seen.
#[derive(Clone, Copy, Debug)]
pub struct Descent {
    placement: Placement,
    cost: Cost,
    damping: f64,
    steps: u32,
    status: Status,
}

impl Descent {
    /// Starts at a placement of this cost. A cost that is not finite has diverged at once.
    pub fn new(placement: Placement, cost: Cost) -> Self {
        let status = if cost.is_finite() { Status::Running } else { Status::Diverged };
        Self { placement, cost, damping: DAMPING, steps: 0, status }
    }

    /// The best placement so far.
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Its rotation, `camera_from_object`.
    pub fn rotation(&self) -> Rotation {
        rotation(&self.placement)
    }

    /// Its cost.
    pub fn cost(&self) -> &Cost {
        &self.cost
    }

    /// Steps tried.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Whether and how it ended.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Ends it where it is still running.
    pub fn stop(&mut self, status: Status) {
        if self.status == Status::Running {
            self.status = status;
        }
    }

    /// Tries one step, looking at one placement through `cost_at`; a worse one is not taken but raises the damping.
    pub fn step(&mut self, steps_max: u32, cost_at: impl FnOnce(&Placement) -> Option<Cost>) -> Status {
        if self.status != Status::Running {
            return self.status;
        }
        if self.steps >= steps_max {
            self.status = Status::StepLimit;
            return self.status;
        }
        self.steps += 1;
        let Some(step) = self.damped_step() else {
            // Flat in every direction: there is nothing to gain from here.
            self.status = if self.cost.gradient.norm() > 0.0 { Status::Diverged } else { Status::Converged };
            return self.status;
        };
        let trial = orthonormal(self.placement.stepped(&step.map(|v| v as f32).into()));
        let cost = cost_at(&trial).filter(|cost| cost.is_finite() && trial.is_valid());
        let is_small = is_small(&step);
        match cost {
            Some(cost) if cost.value < self.cost.value => {
                (self.placement, self.cost) = (trial, cost);
                self.damping = (self.damping / DAMPING_FALLS).max(DAMPING_MIN);
                if is_small {
                    self.status = Status::Converged;
                }
            }
            _ => {
                self.damping *= DAMPING_RISES;
                if is_small || self.damping > DAMPING_MAX {
                    self.status = Status::Converged;
                }
            }
        }
        self.status
    }

    /// `-(H + damping diag H)^-1 g`, shortened to what one step may be.
    fn damped_step(&self) -> Option<Vector6<f64>> {
        let mut damped = self.cost.hessian;
        let floor = 1e-9 * damped.diagonal().max();
        for i in 0..6 {
            damped[(i, i)] += self.damping * damped[(i, i)] + floor;
        }
        let mut step = -damped.cholesky()?.solve(&self.cost.gradient);
        let part = |length: f64, most: f64| if length > most { most / length } else { 1.0 };
        let turn = step.fixed_rows::<3>(0).norm();
        let shift = step.fixed_rows::<2>(4).norm();
        let shorter =
            part(turn, ROTATION_RAD_MAX).min(part(step[3].abs(), SCALE_MAX)).min(part(shift, SHIFT_CELLS_MAX));
        step *= shorter;
        step.iter().all(|v| v.is_finite()).then_some(step)
    }
}

fn is_small(step: &Vector6<f64>) -> bool {
    step.fixed_rows::<3>(0).norm() < ROTATION_RAD_MIN
        && step[3].abs() < SCALE_MIN
        && step.fixed_rows::<2>(4).norm() < SHIFT_CELLS_MIN
}

/// `camera_from_object` of a placement.
pub fn rotation(placement: &Placement) -> Rotation {
    let rows = placement.rotation.map(|row| row.map(f64::from));
    let matrix = Matrix3::from_fn(|i, j| rows[i][j]);
    // The quaternion of a matrix that is a rotation but for rounding is not of unit length, and where the matrix' trace is small,
    // farther from it than the matrix was: unless made so, errors would grow with every step.
    Rotation::new_normalize(Rotation::from_rotation_matrix(&Rotation3::from_matrix_unchecked(matrix)).into_inner())
}

/// Removes what rounding has added to a rotation over many steps.
fn orthonormal(placement: Placement) -> Placement {
    Placement { rotation: to_rows(&rotation(&placement)), ..placement }
}

#[cfg(test)]
mod tests;
