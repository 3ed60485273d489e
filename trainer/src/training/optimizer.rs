//! AdamW (Loshchilov and Hutter 2019) with two learning rates, an average of the weights, and state that can be saved:
//! the optimiser of tch cannot be.
//!
//! All parameters live in one flat buffer of which the network's tensors are views: a step is a dozen operations however
//! many layers there are, where a GPU would spend more time on starting thousands of small ones than on the network.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use tch::{Kind, Tensor, nn};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;
/// Decay of the weight average (Polyak), reached after a warm-up so that early weights do not linger.
const AVERAGE_DECAY: f64 = 0.995;

/// Where a tensor of the network lies in the flat buffers.
#[derive(Debug)]
struct Slot {
    name: String,
    weight: Tensor,
    start: i64,
    len: i64,
    /// Whether its gradient is a view of the gradient buffer, too; before the first backward pass there is none.
    adopted: bool,
}

impl Slot {
    /// This tensor's part of a flat buffer, in the tensor's shape.
    fn view(&self, flat: &Tensor) -> Tensor {
        unflatten(&flat.narrow(0, self.start, self.len), &self.weight.size())
    }
}

/// Optimiser state of every variable of a store.
#[derive(Debug)]
pub struct AdamW {
    slots: Vec<Slot>,
    values: Tensor,
    average: Tensor,
    first: Tensor,
    second: Tensor,
    gradient: Tensor,
    /// 1 where there has been a gradient.
    present: Tensor,
    /// 1 where the trunk's rate holds, where the head's, and where weights decay.
    trunk: Tensor,
    head: Tensor,
    decayed: Tensor,
    step: i64,
}

impl AdamW {
    /// Takes every variable of `store` over: from now on they are views of the optimiser's buffer. Those whose name contains
    /// one of `heads` as a path part use the head rate.
    pub fn new(store: &nn::VarStore, heads: &[&str]) -> Self {
        let mut variables: Vec<(String, Tensor)> = store.variables().into_iter().collect();
        variables.sort_by(|a, b| a.0.cmp(&b.0));
        let (mut slots, mut masks, mut start) = (Vec::with_capacity(variables.len()), [const { Vec::new() }; 3], 0);
        for (name, weight) in variables {
            let len = weight.numel() as i64;
            let learns = weight.requires_grad();
            let is_head = name.split('.').any(|part| heads.contains(&part));
            // Gains and biases (one dimension) are not decayed.
            let flags = [learns && !is_head, learns && is_head, learns && weight.dim() > 1];
            for (mask, flag) in masks.iter_mut().zip(flags) {
                mask.push(Tensor::full([len], i64::from(flag), (Kind::Float, store.device())));
            }
            slots.push(Slot { name, weight, start, len, adopted: false });
            start += len;
        }
        let [trunk, head, decayed] = masks.map(|parts| Tensor::cat(&parts, 0));
        let parts: Vec<Tensor> = slots.iter().map(|slot| flatten(&slot.weight.detach())).collect();
        let values = Tensor::cat(&parts, 0);
        tch::no_grad(|| {
            for slot in &mut slots {
                let view = slot.view(&values);
                slot.weight.set_data(&view);
            }
        });
        let zeros = || values.zeros_like();
        let (average, first, second, gradient, present) = (values.copy(), zeros(), zeros(), zeros(), zeros());
        Self { slots, values, average, first, second, gradient, present, trunk, head, decayed, step: 0 }
    }

    /// One update from the gradients, which are cleared. A rate of 0 leaves a group as it is.
    pub fn update(&mut self, trunk_rate: f64, head_rate: f64, weight_decay: f64) {
        self.step += 1;
        let (correct1, correct2) = (1.0 - BETA1.powi(self.step as i32), 1.0 - BETA2.powi(self.step as i32));
        let decay = AVERAGE_DECAY.min((1.0 + self.step as f64) / (10.0 + self.step as f64));
        tch::no_grad(|| {
            self.adopt_gradients();
            let gradient = &self.gradient;
            let _ = self.first.g_mul_scalar_(BETA1).g_add_(&(gradient * (1.0 - BETA1)));
            let _ = self.second.g_mul_scalar_(BETA2).addcmul_(gradient, &(gradient * (1.0 - BETA2)));
            let rate = (&self.trunk * trunk_rate + &self.head * head_rate) * &self.present;
            let _ = self.values.g_mul_(&(1.0 - &rate * &self.decayed * weight_decay));
            let denominator = (&self.second / correct2).sqrt() + EPSILON;
            let _ = self.values.g_sub_(&(&self.first / denominator * (rate / correct1)));
            let _ = self.average.g_mul_scalar_(decay).g_add_(&(&self.values * (1.0 - decay)));
            let _ = self.gradient.zero_();
        });
    }

    /// Makes gradients that backward made for the first time views of the gradient buffer, into which later ones are added.
    fn adopt_gradients(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| !slot.adopted) {
            let mut gradient = slot.weight.grad();
            if gradient.defined() {
                let mut view = slot.view(&self.gradient);
                view.copy_(&gradient);
                gradient.set_data(&view);
                let _ = self.present.narrow(0, slot.start, slot.len).fill_(1.0);
                slot.adopted = true;
            }
        }
    }

    /// Exchanges weights and their averages; calling it twice restores both.
    pub fn swap_average(&mut self) {
        tch::no_grad(|| {
            let kept = self.values.copy();
            self.values.copy_(&self.average);
            self.average.copy_(&kept);
        });
    }

    /// Weights, averages and moments by name.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let named = |slot: &Slot| {
            self.buffers().map(|(part, flat)| (format!("{part}.{}", slot.name), slot.view(flat).contiguous()))
        };
        self.slots.iter().flat_map(named).collect()
    }

    /// Restores what [`AdamW::state`] gave after `step` updates.
    ///
    /// # Errors
    /// A tensor that is missing or of another shape, by name.
    pub fn restore(&mut self, state: Vec<(String, Tensor)>, step: i64) -> Result<()> {
        let state: HashMap<String, Tensor> = state.into_iter().collect();
        tch::no_grad(|| {
            for slot in &self.slots {
                for (part, flat) in self.buffers() {
                    let key = format!("{part}.{}", slot.name);
                    let kept = state.get(&key).with_context(|| format!("the checkpoint has no {key}"))?;
                    let (found, wanted) = (kept.size(), slot.weight.size());
                    ensure!(found == wanted, "the checkpoint's {key} has the shape {found:?}, not {wanted:?}");
                    slot.view(flat).copy_(kept);
                }
            }
            Ok(())
        })?;
        self.step = step;
        Ok(())
    }

    fn buffers(&self) -> [(&'static str, &Tensor); 4] {
        [("weight", &self.values), ("average", &self.average), ("first", &self.first), ("second", &self.second)]
    }
}

/// Convolution weights are kept channels-last, which convolutions prefer (1.5 times the images a second on a CPU).
fn flatten(tensor: &Tensor) -> Tensor {
    match tensor.dim() {
        4 => tensor.permute([0, 2, 3, 1]).reshape([-1]),
        _ => tensor.reshape([-1]),
    }
}

fn unflatten(flat: &Tensor, size: &[i64]) -> Tensor {
    match *size {
        [outputs, inputs, height, width] => flat.view([outputs, height, width, inputs]).permute([0, 3, 1, 2]),
        _ => flat.view(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    /// Written out number by number from the paper's algorithm 2.
    #[test]
    fn a_step_is_the_papers_and_groups_keep_their_rates() {
        let store = nn::VarStore::new(Device::Cpu);
        let trunk = (store.root() / "trunk").var("weight", &[2, 1], nn::Init::Const(0.5));
        let head = (store.root() / "head").var("bias", &[1], nn::Init::Const(0.25));
        let idle = (store.root() / "trunk").var("idle", &[2, 2, 1, 1], nn::Init::Const(3.0));
        let mut optimizer = AdamW::new(&store, &["head"]);
        let (mut w, mut m, mut v) = (0.5f64, 0.0f64, 0.0f64);
        let (mut b, mut mb, mut vb) = (0.25f64, 0.0f64, 0.0f64);
        for t in 1..=3i32 {
            (trunk.square().sum(Kind::Float) + head.sum(Kind::Float) * 2.0).backward();
            optimizer.update(0.1, 0.01, 0.2);
            let adam = |x: &mut f64, m: &mut f64, v: &mut f64, g: f64, rate: f64, decay: f64| {
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                let update = (*m / (1.0 - 0.9f64.powi(t))) / ((*v / (1.0 - 0.999f64.powi(t))).sqrt() + 1e-8);
                *x = *x * (1.0 - rate * decay) - rate * update;
            };
            let gradient = 2.0 * w;
            adam(&mut w, &mut m, &mut v, gradient, 0.1, 0.2);
            adam(&mut b, &mut mb, &mut vb, 2.0, 0.01, 0.0);
        }
        assert!((trunk.double_value(&[1, 0]) - w).abs() < 1e-6, "{w}");
        assert!((head.double_value(&[0]) - b).abs() < 1e-6, "{b}");
        assert_eq!(idle.double_value(&[1, 1, 0, 0]), 3.0, "without a gradient nothing decays either");
    }

    #[test]
    fn the_average_can_be_swapped_in_and_out_and_state_comes_back() {
        let store = nn::VarStore::new(Device::Cpu);
        let weight = (store.root() / "conv").var("weight", &[3, 2, 2, 2], nn::init::DEFAULT_KAIMING_UNIFORM);
        let mut optimizer = AdamW::new(&store, &[]);
        let step = |optimizer: &mut AdamW| {
            weight.square().sum(Kind::Float).backward();
            optimizer.update(0.1, 0.1, 0.0);
        };
        step(&mut optimizer);
        let (kept, state) = (weight.detach().copy(), optimizer.state());
        step(&mut optimizer);
        let after = weight.detach().copy();
        optimizer.swap_average();
        assert_ne!(weight, after);
        optimizer.swap_average();
        assert_eq!(weight, after);
        optimizer.restore(state, 1).unwrap();
        assert_eq!(weight, kept);
        step(&mut optimizer);
        assert_eq!(weight, after, "goes on as if it had not stopped");
    }
}
