//! AdamW (Loshchilov and Hutter 2019) with two learning rates, an average of the weights, and state that can be saved:
//! the optimiser of tch cannot be.

use std::collections::HashMap;

use anyhow::{Context, Result};
use tch::{Kind, Tensor, nn};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;
/// Decay of the weight average (Polyak), reached after a warm-up so that early weights do not linger.
const AVERAGE_DECAY: f64 = 0.995;

#[derive(Debug)]
struct Slot {
    name: String,
    weight: Tensor,
    trainable: bool,
    head: bool,
    first: Tensor,
    second: Tensor,
    average: Tensor,
}

/// Optimiser state of every variable of a store.
#[derive(Debug)]
pub struct AdamW {
    slots: Vec<Slot>,
    step: i64,
}

impl AdamW {
    /// Takes every variable of `store`; those whose name contains one of `heads` as a path part use the head rate.
    pub fn new(store: &nn::VarStore, heads: &[&str]) -> Self {
        let mut variables: Vec<(String, Tensor)> = store.variables().into_iter().collect();
        variables.sort_by(|a, b| a.0.cmp(&b.0));
        let slots = variables
            .into_iter()
            .map(|(name, weight)| Slot {
                trainable: weight.requires_grad(),
                head: name.split('.').any(|part| heads.contains(&part)),
                first: weight.zeros_like(),
                second: weight.zeros_like(),
                average: weight.detach().copy(),
                name,
                weight,
            })
            .collect();
        Self { slots, step: 0 }
    }

    /// One update from the gradients, which are cleared. A rate of 0 leaves a group as it is.
    pub fn update(&mut self, trunk_rate: f64, head_rate: f64, weight_decay: f64) {
        self.step += 1;
        let (correct1, correct2) = (1.0 - BETA1.powi(self.step as i32), 1.0 - BETA2.powi(self.step as i32));
        let decay = AVERAGE_DECAY.min((1.0 + self.step as f64) / (10.0 + self.step as f64));
        tch::no_grad(|| {
            for slot in &mut self.slots {
                let gradient = slot.weight.grad();
                if slot.trainable && gradient.defined() {
                    let rate = if slot.head { head_rate } else { trunk_rate };
                    let _ = slot.first.g_mul_scalar_(BETA1).g_add_(&(&gradient * (1.0 - BETA1)));
                    let _ = slot.second.g_mul_scalar_(BETA2).addcmul_(&gradient, &(&gradient * (1.0 - BETA2)));
                    let denominator = (&slot.second / correct2).sqrt() + EPSILON;
                    let update = &slot.first / denominator * (rate / correct1);
                    // Gains and biases (one dimension) are not decayed.
                    if slot.weight.dim() > 1 {
                        let _ = slot.weight.g_mul_scalar_(1.0 - rate * weight_decay);
                    }
                    let _ = slot.weight.g_sub_(&update);
                    slot.weight.zero_grad();
                }
                if slot.weight.kind() == Kind::Float {
                    let _ = slot.average.g_mul_scalar_(decay).g_add_(&(&slot.weight * (1.0 - decay)));
                }
            }
        });
    }

    /// Exchanges weights and their averages; calling it twice restores both.
    pub fn swap_average(&mut self) {
        tch::no_grad(|| {
            for slot in &mut self.slots {
                let kept = slot.weight.copy();
                slot.weight.copy_(&slot.average);
                slot.average.copy_(&kept);
            }
        });
    }

    /// Weights, averages and moments by name.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = Vec::with_capacity(4 * self.slots.len());
        for slot in &self.slots {
            let parts = [
                ("weight", &slot.weight),
                ("average", &slot.average),
                ("first", &slot.first),
                ("second", &slot.second),
            ];
            for (part, tensor) in parts {
                state.push((format!("{part}.{}", slot.name), tensor.detach().contiguous()));
            }
        }
        state
    }

    /// Restores what [`AdamW::state`] gave after `step` updates.
    pub fn restore(&mut self, state: Vec<(String, Tensor)>, step: i64) -> Result<()> {
        let state: HashMap<String, Tensor> = state.into_iter().collect();
        tch::no_grad(|| {
            for slot in &mut self.slots {
                let name = slot.name.clone();
                let parts = [
                    ("weight", &mut slot.weight),
                    ("average", &mut slot.average),
                    ("first", &mut slot.first),
                    ("second", &mut slot.second),
                ];
                for (part, target) in parts {
                    let key = format!("{part}.{name}");
                    target.copy_(state.get(&key).with_context(|| format!("the checkpoint has no {key}"))?);
                }
            }
            self.step = step;
            Ok(())
        })
    }
}
