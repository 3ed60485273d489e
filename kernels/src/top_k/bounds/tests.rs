use super::*;
use crate::conformance::random::Random;
use crate::top_k::blocks::Distances;
use crate::top_k::portable::Portable;
use crate::{Rows, Sketch, TableView};

fn dot(row: &[i8], query: &[i16]) -> i32 {
    let exact: i64 = row.iter().zip(query).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum();
    i32::try_from(exact).expect("the scale keeps dot products within 31 bits")
}

/// Requires that the bounds hold for every pair, and that a gate at the computed distance admits it.
fn assert_bounded(rows: &[f32], queries: &[f32], dim: usize) {
    let sketch = Sketch::new(&TableView::new(Rows::F32(rows), dim)).unwrap();
    let rounding = Rounding::new(dim);
    let mut codes = vec![0; dim];
    for query in queries.chunks_exact(dim) {
        let encoded = EncodedQuery::new(query, &mut codes);
        for (index, row) in rows.chunks_exact(dim).enumerate() {
            let mut distance = [[0.0; 4]];
            Portable.distances([row; 4], query, &mut distance);
            let computed = f64::from(distance[0][0]);
            let encoded_row =
                EncodedRow::new(sketch.scales()[index], sketch.code_norms()[index], sketch.errors()[index]);
            let dot = dot(&sketch.codes()[index * dim..][..dim], &codes);
            let Bounds { lower, upper } = Bounds::of(&encoded, &encoded_row, dot, &rounding);
            assert!(lower <= computed && computed <= upper, "dim {dim}: {lower} <= {computed} <= {upper}");
            assert!(!Gate::new(&encoded, computed, &rounding).rules_out(&encoded_row, dot));
            assert!(!Gate::new(&encoded, lower, &rounding).rules_out(&encoded_row, dot));
        }
    }
}

fn reals(random: &mut Random, count: usize, exponent: i32) -> Vec<f32> {
    (0..count).map(|_| random.between(-1.0, 1.0) * 2.0_f32.powi(exponent)).collect()
}

#[test]
fn computed_distances_lie_between_the_bounds_at_every_scale() {
    let mut random = Random::new(71);
    for dim in [1, 2, 15, 64, 513, 2048] {
        for (rows, queries) in [(0, 0), (0, 3), (-140, -140), (-70, -75), (63, 63), (126, 126), (126, -100)] {
            let (rows, queries) = (reals(&mut random, dim * 12, rows), reals(&mut random, dim * 3, queries));
            assert_bounded(&rows, &queries, dim);
        }
    }
}

#[test]
fn rows_of_many_magnitudes_are_bounded() {
    let mut random = Random::new(72);
    for dim in [3, 100, 700] {
        let mut wide = |count: usize| -> Vec<f32> {
            (0..count).map(|_| random.between(-1.0, 1.0) * 2.0_f32.powi(random.below(250) as i32 - 125)).collect()
        };
        let (rows, queries) = (wide(dim * 20), wide(dim * 4));
        assert_bounded(&rows, &queries, dim);
    }
}

#[test]
fn a_query_that_is_a_row_or_nearly_one_is_bounded() {
    let mut random = Random::new(73);
    for dim in [1, 7, 512] {
        let rows = reals(&mut random, dim * 30, 0);
        assert_bounded(&rows, &rows[..dim * 5], dim);
        let moved: Vec<f32> = rows[..dim * 5].iter().map(|element| element.next_up()).collect();
        assert_bounded(&rows, &moved, dim);
    }
}

#[test]
fn zeros_constants_and_infinities_are_bounded() {
    let dim = 40;
    let mut rows = vec![0.0; dim];
    rows.extend(vec![1.0; dim]);
    rows.extend(vec![f32::MAX; dim]);
    rows.extend(vec![f32::from_bits(1); dim]);
    let mut infinite = vec![1.0; dim];
    infinite[3] = f32::INFINITY;
    rows.extend(&infinite);
    assert_bounded(&rows, &rows[..4 * dim], dim);
}

#[test]
fn dot_products_of_the_longest_rows_stay_within_31_bits() {
    for dim in [2048, 16_384, crate::top_k::sketch::DIM_MAX] {
        let rows: Vec<f32> = (0..dim * 2).map(|index| if index % 3 == 0 { -1.0 } else { 1.0 }).collect();
        assert_bounded(&rows, &rows, dim);
    }
}

#[test]
fn bounds_are_tight_enough_to_be_of_use() {
    let mut random = Random::new(74);
    let dim = 512;
    let rows = reals(&mut random, dim * 2, 0);
    let sketch = Sketch::new(&TableView::new(Rows::F32(&rows), dim)).unwrap();
    let mut codes = vec![0; dim];
    let query = EncodedQuery::new(&rows[dim..], &mut codes);
    let row = EncodedRow::new(sketch.scales()[0], sketch.code_norms()[0], sketch.errors()[0]);
    let Bounds { lower, upper } = Bounds::of(&query, &row, dot(&sketch.codes()[..dim], &codes), &Rounding::new(dim));
    assert!(upper / lower < 1.02, "{lower} to {upper}");
}
