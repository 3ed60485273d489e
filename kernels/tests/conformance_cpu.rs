//! The CPU twins obey the laws. A new implementation is admitted by one more line.

use kernels::{CpuCrop, CpuRasterize, CpuTopK, Instructions};

kernels::crop_conformance!(crop, CpuCrop::new);
kernels::rasterize_conformance!(rasterize, CpuRasterize::new);
kernels::top_k_conformance!(top_k, CpuTopK::new);
kernels::top_k_conformance!(top_k_portable, |k_max, batch_max| {
    CpuTopK::with_instructions(k_max, batch_max, Instructions::Portable).expect("every machine has it")
});
