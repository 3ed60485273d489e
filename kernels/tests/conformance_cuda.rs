//! The laws of searches, scores and residuals on a real device: `cargo test -p kernels --features cuda --test conformance_cuda --
//! --include-ignored`, after `scripts/build_cubins.sh`.
#![cfg(feature = "cuda")]

use std::sync::{LazyLock, Mutex};

use half::f16;
use kernels::conformance::random::Random;
use kernels::cuda::{CudaSetupError, Filter};
use kernels::{CudaFeatureResidual, CudaFeatureScore, CudaTopK, Neighbor, Rows, Sketch, TableView, TopK};

/// Keeps the device's context alive between cases: the driver takes long to make one.
static FIRST: LazyLock<Mutex<CudaTopK>> = LazyLock::new(|| Mutex::new(CudaTopK::new(0, 1, 1).expect("a device")));

fn cuda(filter: Filter) -> impl Fn(usize, usize) -> CudaTopK {
    LazyLock::force(&FIRST);
    move |k_max, batch_max| CudaTopK::new(0, k_max, batch_max).expect("a device").with_filter(filter)
}

kernels::top_k_conformance!(
    #[ignore = "needs a CUDA device"]
    scanning,
    super::cuda(super::Filter::Never)
);
kernels::top_k_conformance!(
    #[ignore = "needs a CUDA device"]
    filtering,
    super::cuda(super::Filter::Always)
);

kernels::feature_score_conformance!(
    #[ignore = "needs a CUDA device"]
    feature_score,
    || {
        LazyLock::force(&super::FIRST);
        CudaFeatureScore::new(0).expect("a device")
    }
);
kernels::feature_residual_conformance!(
    #[ignore = "needs a CUDA device"]
    feature_residual,
    || {
        LazyLock::force(&super::FIRST);
        CudaFeatureResidual::new(0).expect("a device")
    }
);

/// Where there is no device, a reason; where there is one, the code that was loaded. Never a panic.
#[test]
fn a_search_is_set_up_or_says_why_not() {
    match CudaTopK::new(0, 10, 32) {
        Ok(top_k) => println!("{}", top_k.image()),
        Err(reason) => assert!(!reason.to_string().is_empty(), "{reason:?}"),
    }
    for image in [
        CudaFeatureScore::new(0).map(|score| score.image().clone()),
        CudaFeatureResidual::new(0).map(|residual| residual.image().clone()),
    ] {
        match image {
            Ok(image) => println!("{image}"),
            Err(reason) => assert!(!reason.to_string().is_empty(), "{reason:?}"),
        }
    }
    let too_many = CudaTopK::new(0, 129, 1).err();
    assert!(matches!(
        too_many,
        Some(CudaSetupError::Kernel(_) | CudaSetupError::Unavailable(_) | CudaSetupError::NoImage(_))
    ));
}

/// Enough rows for every multiprocessor, and all three ways to search.
#[test]
#[ignore = "needs a CUDA device"]
fn all_ways_to_search_give_one_answer() {
    let mut random = Random::new(72);
    let (dim, row_count, k) = (512, 60_000, 10);
    let half: Vec<f16> = (0..dim * row_count).map(|_| f16::from_f32(random.between(-0.1, 0.1))).collect();
    let plain = TableView::new(Rows::F16(&half), dim);
    let sketch = Sketch::new(&plain).unwrap();
    let range = 7..row_count as u32 - 1;
    for batch in [1, 4, 7, 32] {
        let queries: Vec<f32> = (0..batch * dim).map(|_| random.between(-0.1, 0.1)).collect();
        let (mut expected, mut out) = (vec![Neighbor::UNUSED; batch * k], vec![Neighbor::UNUSED; batch * k]);
        cuda(Filter::Never)(k, batch).top_k(&plain, range.clone(), &queries, k, &mut expected).unwrap();
        for (filter, table) in
            [(Filter::Automatic, plain), (Filter::Always, plain), (Filter::Automatic, plain.with_sketch(&sketch))]
        {
            let mut top_k = cuda(filter)(k, batch);
            let uploaded = top_k.upload(&table).unwrap();
            top_k.enqueue(&uploaded, range.clone(), &queries, k).unwrap();
            top_k.finish(&mut out).unwrap();
            assert_eq!(out, expected, "batch {batch}, {filter:?}, queued");
            out.fill(Neighbor::UNUSED);
            let recorded = top_k.record(&uploaded, range.clone(), batch, k).unwrap();
            top_k.replay(&recorded, &queries).unwrap();
            top_k.finish(&mut out).unwrap();
            assert_eq!(out, expected, "batch {batch}, {filter:?}, recorded");
        }
    }
}

/// A recording knows the search it was made by.
#[test]
#[ignore = "needs a CUDA device"]
fn a_recording_of_another_search_is_refused() {
    let rows = vec![f16::ONE; 64 * 100];
    let table = TableView::new(Rows::F16(&rows), 64);
    let make = cuda(Filter::Automatic);
    let (mut one, mut other) = (make(3, 2), make(3, 2));
    let uploaded = one.upload(&table).unwrap();
    let recorded = one.record(&uploaded, 0..100, 2, 3).unwrap();
    assert!(other.replay(&recorded, &[0.0; 128]).is_err());
    assert!(one.replay(&recorded, &[0.0; 64]).is_err());
    assert!(one.replay(&recorded, &[0.0; 128]).is_ok());
    assert_eq!(one.finish(&mut [Neighbor::UNUSED; 6]).unwrap().found_min, 3);
}
