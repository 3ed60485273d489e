//! The queries of a call, where and as the kernels want them.

use super::aligned::Aligned;
use super::bounds::EncodedQuery;
use super::sketch::DIM_MAX;

/// Buffers for the queries of a call.
#[derive(Debug)]
pub(super) struct Queries {
    elements: Aligned<f32>,
    codes: Aligned<i16>,
    encoded: Vec<EncodedQuery>,
}

/// The queries of a call.
#[derive(Clone, Copy)]
pub(super) struct QueryView<'a> {
    pub dim: usize,
    /// `[batch, dim]`.
    pub elements: &'a [f32],
    /// In the terms of a sketch, `[batch, dim]`; without meaning where there is none.
    pub codes: &'a [i16],
    /// `[batch]`, as `codes`.
    pub encoded: &'a [EncodedQuery],
}

impl QueryView<'_> {
    pub const fn batch(&self) -> usize {
        self.encoded.len()
    }
}

impl Queries {
    pub fn new(batch_max: usize) -> Self {
        Self {
            elements: Aligned::zeroed(0),
            codes: Aligned::zeroed(0),
            encoded: vec![EncodedQuery::default(); batch_max],
        }
    }

    /// Makes room for as many elements. Allocates when there is too little.
    pub fn reserve(&mut self, len: usize) {
        self.elements.grow(len);
        self.codes.grow(len);
    }

    /// Takes the queries of a call, for which there is room; `encode` for a search by sketch.
    pub fn take(&mut self, queries: &[f32], dim: usize, encode: bool) -> QueryView<'_> {
        let elements = &mut self.elements.as_mut_slice()[..queries.len()];
        let codes = &mut self.codes.as_mut_slice()[..queries.len()];
        let encoded = &mut self.encoded[..queries.len() / dim];
        elements.copy_from_slice(queries);
        if encode {
            for ((query, codes), encoded) in
                elements.chunks_exact(dim).zip(codes.chunks_exact_mut(dim)).zip(encoded.iter_mut())
            {
                *encoded = EncodedQuery::new(query, codes);
            }
        }
        QueryView { dim, elements, codes, encoded }
    }
}

/// The elements of the chosen ones of `all` queries, ascending and at least one, one after the other:
/// where they are, or copied to `scratch`, which has room for all.
pub(super) fn gather<'a, E: Copy>(all: &'a [E], dim: usize, chosen: &[usize], scratch: &'a mut [E]) -> &'a [E] {
    if let (Some(&first), Some(&last)) = (chosen.first(), chosen.last())
        && last - first + 1 == chosen.len()
    {
        return &all[first * dim..(last + 1) * dim];
    }
    for (copy, query) in scratch.chunks_exact_mut(dim).zip(chosen) {
        copy.copy_from_slice(&all[query * dim..(query + 1) * dim]);
    }
    &scratch[..chosen.len() * dim]
}

/// Whether the bounds of a sketch hold for these queries; searches by others read the table.
pub(super) fn can_encode(queries: &[f32], dim: usize) -> bool {
    dim <= DIM_MAX && queries.iter().all(|element| element.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_queries_follow_each_other() {
        let all: Vec<u32> = (0..10).collect();
        let mut scratch = [0; 10];
        for (chosen, expected) in [
            ([0, 1, 2, 3, 4].as_slice(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].as_slice()),
            (&[3], &[6, 7]),
            (&[1, 2], &[2, 3, 4, 5]),
            (&[0, 2, 4], &[0, 1, 4, 5, 8, 9]),
        ] {
            assert_eq!(gather(&all, 2, chosen, &mut scratch), expected);
        }
    }
}
