use super::*;

fn request(row_count: u32, dim: usize, batch: u32, k: u32) -> Request {
    Request {
        precision: Precision::Half,
        dim,
        row_count,
        sketched: false,
        batch,
        k,
        multiprocessor_count: 132,
        filter: Filter::Automatic,
        can_filter: true,
    }
}

fn kernels(request: &Request) -> Vec<Kernel> {
    Plan::new(request, &|_, _| 3).launches().map(|launch| launch.kernel).collect()
}

#[test]
fn few_queries_are_scanned_and_many_filtered() {
    assert_eq!(kernels(&request(889_000, 512, 1, 10)), [Kernel::ScanHalf1By32, Kernel::Merge32]);
    assert_eq!(kernels(&request(889_000, 512, 4, 64)), [Kernel::ScanHalf4By128, Kernel::Merge128]);
    let filtered =
        [Kernel::PrepareHalves, Kernel::FilterHalves32, Kernel::ProbeHalf32, Kernel::RerankHalf32, Kernel::Merge32];
    assert_eq!(kernels(&request(889_000, 512, 32, 10)), filtered);
}

#[test]
fn a_sketch_is_worth_a_pass_for_one_query_too() {
    let sketched = Request { sketched: true, ..request(889_000, 512, 1, 10) };
    assert!(kernels(&sketched).contains(&Kernel::FilterBytes8));
    assert!(!kernels(&Request { row_count: 2_700, ..sketched }).contains(&Kernel::FilterBytes8));
    assert!(!kernels(&Request { can_filter: false, ..sketched }).contains(&Kernel::FilterBytes8));
}

/// No launch asks for what some device refuses, and every buffer's bound holds.
#[test]
fn every_launch_fits_every_device() {
    for dim in [1, 7, 8, 127, 128, 129, 512, 640, 641, 768, 1000, 1024, 2048] {
        for batch in [1, 2, 5, 8, 9, 32, 33, 64] {
            for (k, filter) in [(1, Filter::Always), (32, Filter::Never), (33, Filter::Always), (128, Filter::Never)] {
                for (precision, sketched) in [(Precision::Half, false), (Precision::Single, true)] {
                    for row_count in [1, 15, 17, 900, 889_000] {
                        let request = Request { precision, sketched, filter, ..request(row_count, dim, batch, k) };
                        let plan = Plan::new(&request, &|_, _| 9);
                        assert!(plan.list_count <= 132 * BLOCKS_PER_MULTIPROCESSOR);
                        for Launch { kernel, shape } in plan.launches() {
                            assert!(shape.shared_bytes <= SHARED_BYTES_MAX, "{kernel:?} {request:?}");
                            assert!(shape.grid.0 >= 1 && shape.grid.1 >= 1 && shape.grid.1 <= 65_535, "{kernel:?}");
                            assert_eq!(shape.threads % 32, 0);
                        }
                    }
                }
            }
        }
    }
}
