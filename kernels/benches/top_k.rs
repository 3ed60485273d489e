//! Ten nearest rows of 512 elements, for one query and for more, beside how fast the table can be
//! read at all.

mod bench;

use std::hint::black_box;

use half::f16;
use kernels::conformance::random::Random;
use kernels::{CpuTopK, Instructions, Neighbor, Rows, TableView, TopK};

const DIM: usize = 512;
const K: usize = 10;

fn main() {
    bench::announce("top_k");
    let mut random = Random::new(1);
    for (row_count, repetitions) in [(2_700_u32, 200), (60_000, 20)] {
        let single: Vec<f32> = (0..row_count as usize * DIM).map(|_| random.between(-0.1, 0.1)).collect();
        let half: Vec<f16> = single.iter().map(|&element| f16::from_f32(element)).collect();
        let read_s = bench::time(&format!("read {row_count} rows f32"), repetitions, || {
            black_box(sum(bytemuck::cast_slice(black_box(&single))));
        });
        println!("{:<44} {:>10.1}", "  GB/s", (4 * single.len()) as f64 / read_s / 1e9);
        for (name, rows, bytes) in
            [("f32", Rows::F32(&single), 4 * single.len()), ("f16", Rows::F16(&half), 2 * half.len())]
        {
            for instructions in [Instructions::Portable, Instructions::Avx2] {
                let Some(mut top_k) = CpuTopK::with_instructions(K, 32, instructions) else {
                    continue;
                };
                for batch in [1, 8, 32] {
                    let queries: Vec<f32> = (0..batch * DIM).map(|_| random.between(-0.1, 0.1)).collect();
                    let mut out = vec![Neighbor::UNUSED; batch * K];
                    let table = TableView { rows, dim: DIM };
                    let name = format!("{row_count} rows {name}, batch {batch}, {instructions:?}");
                    let seconds = bench::time(&name, repetitions.div_ceil(batch), || {
                        top_k.top_k(black_box(&table), 0..row_count, &queries, K, &mut out).expect("a valid search");
                        black_box(&out);
                    });
                    println!("{:<44} {:>10.1}", "  GB/s", bytes as f64 / seconds / 1e9);
                }
            }
        }
    }
}

/// Touches every word, with as many independent sums as hide the latency of the additions.
fn sum(words: &[u32]) -> u32 {
    let mut sums = [0_u32; 64];
    for chunk in words.as_chunks::<64>().0 {
        for (sum, word) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*word);
        }
    }
    sums.iter().fold(0, |total, sum| total.wrapping_add(*sum))
}
