//! Cases of requests without meaning.

use super::{Picture, SPEC};
use crate::conformance::random::Random;
use crate::{BoxFault, BoxPx, Crop, CropSpec, KernelError, PixelFormat};

/// The first bad box is named, and nothing is written.
pub fn boxes_without_meaning_are_refused_by_number<I: Crop>(make: impl Fn() -> I) {
    let picture = Picture::random(40, 30, PixelFormat::Rgb8, &mut Random::new(12));
    let good = BoxPx { x1: 1.0, y1: 2.0, x2: 20.0, y2: 20.0 };
    let cases = [
        (BoxPx { x1: f32::NAN, ..good }, BoxFault::NotFinite),
        (BoxPx { y2: f32::INFINITY, ..good }, BoxFault::NotFinite),
        (BoxPx { x1: -f32::MAX, x2: f32::MAX, ..good }, BoxFault::NotFinite),
        (BoxPx { x1: 21.0, ..good }, BoxFault::Inverted),
        (BoxPx { y1: 20.0, ..good }, BoxFault::Inverted),
        (BoxPx { x1: 41.0, x2: 50.0, ..good }, BoxFault::OutsideImage),
    ];
    for (bad, fault) in cases {
        let mut out = vec![7.0; 3 * SPEC.element_count().expect("a valid specification")];
        let refused = make().crop(&picture.view(), &[good, good, bad], &SPEC, &mut out);
        assert_eq!(refused, Err(KernelError::Box { index: 2, fault }), "{bad:?}");
        assert!(out.iter().all(|&value| value == 7.0), "{bad:?}");
    }
}

/// Neither shorter nor longer.
pub fn an_output_of_the_wrong_length_is_refused<I: Crop>(make: impl Fn() -> I) {
    let picture = Picture::random(40, 30, PixelFormat::Rgb8, &mut Random::new(13));
    let b = [BoxPx { x1: 1.0, y1: 2.0, x2: 20.0, y2: 20.0 }];
    let needed = SPEC.element_count().expect("a valid specification");
    for actual in [0, needed - 1, needed + 1, 2 * needed] {
        let refused = make().crop(&picture.view(), &b, &SPEC, &mut vec![0.0; actual]);
        assert_eq!(refused, Err(KernelError::OutputLength { actual, needed }));
    }
}

/// The specification is checked on every call.
pub fn a_specification_without_meaning_is_refused<I: Crop>(make: impl Fn() -> I) {
    let picture = Picture::random(40, 30, PixelFormat::Rgb8, &mut Random::new(14));
    for spec in
        [CropSpec { width: 0, ..SPEC }, CropSpec { std: [0.0; 3], ..SPEC }, CropSpec { fill: [f32::NAN; 3], ..SPEC }]
    {
        let refused = make().crop(&picture.view(), &[], &spec, &mut []);
        assert!(matches!(refused, Err(KernelError::CropSpec { .. })), "{spec:?}");
    }
}

/// Nothing asked, nothing written, no error.
pub fn an_empty_batch_is_an_empty_answer<I: Crop>(make: impl Fn() -> I) {
    let picture = Picture::random(40, 30, PixelFormat::Rgb8, &mut Random::new(15));
    assert_eq!(make().crop(&picture.view(), &[], &SPEC, &mut []), Ok(()));
}
