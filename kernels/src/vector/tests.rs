use super::*;
use crate::conformance::random::Random;

/// All results of all methods, by the vector's own code.
struct Everything<'a>(&'a [f32; LANES], &'a [f32; LANES], &'a [f32]);

impl Work for Everything<'_> {
    type Output = (Vec<[f32; LANES]>, Vec<u16>, f32);

    #[inline(always)]
    fn run<V: Vector>(self) -> Self::Output {
        let (a, b) = (V::load(self.0), V::load(self.1));
        let positive = a.mul(a).add(V::splat(0.25));
        let near = a.min(V::splat(7.0)).max(V::splat(-7.0));
        let some = V::both(a.greater(b), V::mask(0b0111_1101_1011_1110));
        let places = near.mul(near).truncate();
        let vectors = [
            a.add(b),
            a.sub(b),
            a.mul(b),
            a.div(positive),
            a.max(b),
            a.min(b),
            near.round(),
            near.truncate(),
            near.round().power_of_two(),
            V::select(some, a, b),
            V::load_start(&self.0[..5]),
            V::gather_rows(self.2, 60, places, some),
            V::gather_rows(self.2, 60, places, V::mask(u16::MAX)),
        ];
        let masks = [a.greater(b), a.at_least(b), some, V::mask(0x8421)].map(V::bits);
        let stored = vectors.map(|vector| {
            let mut lanes = [0.0; LANES];
            vector.store(&mut lanes);
            lanes
        });
        (stored.to_vec(), masks.to_vec(), a.total())
    }
}

fn processors() -> impl Iterator<Item = Processor> {
    Instructions::ALL.into_iter().filter_map(Processor::new)
}

#[test]
fn all_processors_agree_on_all_that_rounds_alike() {
    let mut random = Random::new(3);
    let rows: Vec<f32> = (0..900).map(|_| random.between(-1.0, 1.0)).collect();
    for round in 0..50 {
        let mut some = || std::array::from_fn(|_| random.between(-9.0, 9.0));
        let (mut a, mut b): ([f32; LANES], [f32; LANES]) = (some(), some());
        b[3] = a[3];
        (a[5], b[6]) = (2.5, 0.0);
        if round == 1 {
            (a[1], b[2]) = (f32::NAN, f32::NAN);
        }
        let work = || Everything(&a, &b, &rows);
        let (vectors, masks, total) = work().run::<portable::Portable<false>>();
        for processor in processors() {
            let (other_vectors, other_masks, other_total) = processor.run(work());
            assert_eq!(masks, other_masks, "{processor:?}");
            assert_eq!(total.to_bits(), other_total.to_bits());
            for (index, (vector, other)) in vectors.iter().zip(&other_vectors).enumerate() {
                let same = |lane: &usize| vector[*lane] == other[*lane] || round == 1;
                assert!((0..LANES).all(|lane| same(&lane)), "{processor:?} {index}: {vector:?} {other:?}");
            }
        }
    }
}

#[test]
fn nothing_outside_of_the_rows_is_gathered() {
    struct Gather<'a>(&'a [f32], f32);
    impl Work for Gather<'_> {
        type Output = [f32; LANES];

        #[inline(always)]
        fn run<V: Vector>(self) -> [f32; LANES] {
            let mut lanes = [0.0; LANES];
            V::gather_rows(self.0, 2, V::splat(self.1), V::mask(u16::MAX)).store(&mut lanes);
            lanes
        }
    }
    let rows = [1.0; 20];
    for processor in processors() {
        for (at, count) in [(0.0, 10), (1.0, 10), (2.0, 9), (19.0, 1), (20.0, 0), (3e9, 0)] {
            let found = processor.run(Gather(&rows, at));
            assert_eq!(found.iter().filter(|value| **value == 1.0).count(), count, "{processor:?} {at}");
        }
        assert_eq!(processor.run(Gather(&[], 0.0)), [0.0; LANES]);
    }
}

#[test]
fn exponentials_are_right_to_the_last_places() {
    struct Exp([f32; LANES]);
    impl Work for Exp {
        type Output = [f32; LANES];

        #[inline(always)]
        fn run<V: Vector>(self) -> [f32; LANES] {
            let mut lanes = [0.0; LANES];
            exp(V::load(&self.0)).store(&mut lanes);
            lanes
        }
    }
    let mut random = Random::new(4);
    for _ in 0..2000 {
        let reach = [1.0, 10.0, 86.9][random.below(3)];
        let arguments: [f32; LANES] = std::array::from_fn(|_| random.between(-reach, reach));
        for processor in processors() {
            for (found, argument) in processor.run(Exp(arguments)).into_iter().zip(arguments) {
                let exact = f64::from(argument).exp();
                let error = (f64::from(found) - exact).abs() / exact;
                assert!(error < 2.5e-7, "{processor:?} {argument}: {found} {exact}");
            }
        }
    }
    for processor in processors() {
        let ends = processor.run(Exp(std::array::from_fn(|lane| [0.0, -1e9, 1e9, 88.0][lane % 4])));
        assert_eq!(ends[0], 1.0);
        assert!(ends[1] > 0.0 && ends[1] < 1e-37 && ends[2] > 1e38 && ends[2] == ends[3]);
    }
}
