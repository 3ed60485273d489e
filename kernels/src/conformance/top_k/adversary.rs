//! Tables that are hard on bounds, buffers and roundings.

use crate::conformance::random::Random;

/// A table, and queries for it.
pub(super) struct Adversary {
    pub name: &'static str,
    pub rows: Vec<f32>,
    pub queries: Vec<f32>,
}

fn reals(random: &mut Random, count: usize, reach: f32) -> Vec<f32> {
    (0..count).map(|_| random.between(-reach, reach)).collect()
}

/// Makes so many rows of so many elements.
type Make = fn(&mut Random, usize, usize) -> Vec<f32>;

/// Every kind of trouble we know, at `row_count` rows of `dim` elements and `batch` queries.
pub(super) fn all(seed: u64, row_count: usize, dim: usize, batch: usize) -> Vec<Adversary> {
    let mut random = Random::new(seed);
    let kinds: [(&str, Make); 11] = [
        ("all rows are equal", all_equal),
        ("all rows are equally far from zero", equally_far),
        ("rows differ by less than a byte can tell", nearly_equal),
        ("rows come nearer and nearer", approaching),
        ("magnitudes range over a row", wide),
        ("zero rows among others", zeros),
        ("subnormal elements", subnormal),
        ("squares overflow", huge),
        ("elements near the largest number", largest),
        ("NaN and infinities here and there", broken),
        ("rows of very different norms", norms),
    ];
    let make = |(name, make): (&'static str, Make)| {
        let rows = make(&mut random, row_count, dim);
        let queries = (0..batch).flat_map(|query| query_for(&mut random, &rows, dim, query)).collect();
        Adversary { name, rows, queries }
    };
    kinds.into_iter().map(make).collect()
}

/// A row, a row slightly moved, zero, or the middle of two rows.
fn query_for(random: &mut Random, rows: &[f32], dim: usize, query: usize) -> Vec<f32> {
    let row_count = rows.len() / dim;
    let mut row = || {
        let row = random.below(row_count);
        let finite = |&element: &f32| if element.is_finite() { element } else { 1.0 };
        rows[row * dim..(row + 1) * dim].iter().map(finite).collect::<Vec<f32>>()
    };
    match query % 4 {
        0 => row(),
        1 => row().into_iter().map(f32::next_up).collect(),
        2 => vec![0.0; dim],
        _ => row().iter().zip(&row()).map(|(a, b)| a / 2.0 + b / 2.0).collect(),
    }
}

fn all_equal(random: &mut Random, row_count: usize, dim: usize) -> Vec<f32> {
    reals(random, dim, 1.0).repeat(row_count)
}

fn equally_far(random: &mut Random, row_count: usize, dim: usize) -> Vec<f32> {
    let mut rows = vec![0.0; row_count * dim];
    for row in rows.chunks_exact_mut(dim) {
        row[random.below(dim)] = if random.below(2) == 0 { 2.0 } else { -2.0 };
    }
    rows
}

fn nearly_equal(random: &mut Random, row_count: usize, dim: usize) -> Vec<f32> {
    let base = reals(random, dim, 1.0);
    (0..row_count * dim).map(|index| base[index % dim] + random.between(-1e-3, 1e-3)).collect()
}

fn approaching(random: &mut Random, row_count: usize, dim: usize) -> Vec<f32> {
    let (from, to) = (reals(random, dim, 1.0), reals(random, dim, 1.0));
    let part = |index: usize| (index / dim) as f32 / row_count as f32;
    (0..row_count * dim).map(|index| from[index % dim] * (1.0 - part(index)) + to[index % dim] * part(index)).collect()
}

fn wide(random: &mut Random, row_count: usize, dim: usize) -> Vec<f32> {
    (0..row_count * dim).map(|_| random.between(-1.0, 1.0) * 2.0_f32.powi(random.below(80) as i32 - 60)).collect()
}

fn zeros(random: &mut Random, row_count: usize, dim: usize) -> Vec<f32> {
    let row = |row: usize| if row.is_multiple_of(3) { vec![0.0; dim] } else { reals(random, dim, 1e-3) };
    (0..row_count).flat_map(row).collect()
}

fn subnormal(random: &mut Random, row_count: usize, dim: usize) -> Vec<f32> {
    (0..row_count * dim).map(|_| f32::from_bits(random.below(1 << 20) as u32)).collect()
}

fn huge(random: &mut Random, row_count: usize, dim: usize) -> Vec<f32> {
    reals(random, row_count * dim, 4e19)
}

fn largest(random: &mut Random, row_count: usize, dim: usize) -> Vec<f32> {
    let element = |_| if random.below(2) == 0 { f32::MAX } else { -f32::MAX * random.between(0.0, 1.0) };
    (0..row_count * dim).map(element).collect()
}

fn broken(random: &mut Random, row_count: usize, dim: usize) -> Vec<f32> {
    let mut rows = reals(random, row_count * dim, 1.0);
    for row in rows.chunks_exact_mut(dim) {
        match random.below(5) {
            0 => row[random.below(dim)] = f32::NAN,
            1 => row[random.below(dim)] = f32::INFINITY,
            2 => row[random.below(dim)] = f32::NEG_INFINITY,
            _ => {}
        }
    }
    rows
}

fn norms(random: &mut Random, row_count: usize, dim: usize) -> Vec<f32> {
    (0..row_count)
        .flat_map(|_| {
            let reach = 10.0_f32.powi(random.below(9) as i32 - 6);
            reals(random, dim, reach)
        })
        .collect()
}
