//! The neighbors found so far, in the slots of the output: by distance, then by row.

use crate::Neighbor;

/// Offers a row, which may win, come too late, or have no distance at all. Rows may come in any
/// order, each once.
#[inline]
pub(super) fn offer(slots: &mut [Neighbor], neighbor: Neighbor) {
    // An unused slot is farther than any row: infinite, and its row beyond all others.
    if slots.last().is_some_and(|worst| precedes(&neighbor, worst)) {
        insert(slots, neighbor);
    }
}

/// The order of the law. A distance that is NaN precedes nothing.
fn precedes(one: &Neighbor, other: &Neighbor) -> bool {
    one.squared_distance < other.squared_distance
        || (one.squared_distance == other.squared_distance && one.row < other.row)
}

#[cold]
fn insert(slots: &mut [Neighbor], neighbor: Neighbor) {
    let place = slots.partition_point(|other| precedes(other, &neighbor));
    slots[place..].rotate_right(1);
    slots[place] = neighbor;
}

/// The distance that a further row must not exceed to be taken: infinite while slots are free.
#[inline]
pub(super) fn reach(slots: &[Neighbor]) -> f32 {
    slots.last().map_or(f32::NEG_INFINITY, |slot| slot.squared_distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_arrival_does_not_matter() {
        let all = [(3, 1.0), (7, 0.5), (1, f32::INFINITY), (2, 1.0), (9, f32::NAN), (0, 2.0)];
        for first in 0..all.len() {
            let mut slots = [Neighbor::UNUSED; 5];
            for index in 0..all.len() {
                let (row, squared_distance) = all[(first + index) % all.len()];
                offer(&mut slots, Neighbor { row, squared_distance });
            }
            assert_eq!(slots.map(|slot| slot.row), [7, 2, 3, 0, 1]);
        }
    }
}
