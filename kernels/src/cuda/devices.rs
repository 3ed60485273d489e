//! Which CUDA devices this machine has, asked of the driver at run time.
//!
//! The driver's library is opened when it is first asked for, so this builds and runs on machines
//! that have neither driver nor toolkit.
#![expect(unsafe_code, reason = "cudarc marks the question whether a library can be opened as unsafe")]

use cudarc::driver::{DriverError, result, sys};

/// A device that the driver offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CudaDevice {
    /// The name the driver gives.
    pub name: String,
    /// Compute capability, major and minor.
    pub compute_capability: (u32, u32),
    /// Memory of the device, bytes.
    pub memory_bytes: u64,
}

/// Why there is no device to use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CudaUnavailable {
    /// `libcuda` was not found: no driver is installed.
    #[error("the CUDA driver library (libcuda) was not found; install the NVIDIA driver")]
    NoDriverLibrary,
    /// The driver is there and refuses.
    #[error("the CUDA driver failed: {0}")]
    Driver(String),
    /// The driver works and has nothing to offer.
    #[error("the CUDA driver reports no device")]
    NoDevice,
}

impl From<DriverError> for CudaUnavailable {
    fn from(error: DriverError) -> Self {
        match error.0 {
            sys::CUresult::CUDA_ERROR_NO_DEVICE => Self::NoDevice,
            code => Self::Driver(format!("{code:?}")),
        }
    }
}

/// All CUDA devices, in the driver's order; at least one.
///
/// # Errors
/// [`CudaUnavailable`].
pub fn cuda_devices() -> Result<Vec<CudaDevice>, CudaUnavailable> {
    // SAFETY: opens the library by its well-known name and closes it again. Every later call into
    // cudarc relies on this answer: it would panic without the library.
    if !unsafe { sys::is_culib_present() } {
        return Err(CudaUnavailable::NoDriverLibrary);
    }
    result::init()?;
    let count = result::device::get_count()?;
    let devices: Vec<_> = (0..count).map(describe).collect::<Result<_, _>>()?;
    if devices.is_empty() { Err(CudaUnavailable::NoDevice) } else { Ok(devices) }
}

fn describe(ordinal: i32) -> Result<CudaDevice, CudaUnavailable> {
    use sys::CUdevice_attribute::{
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
    };
    let device = result::device::get(ordinal)?;
    let name = result::device::get_name(device)?;
    // SAFETY: the driver was initialised and gave out this device handle itself.
    let (major, minor, memory_bytes) = unsafe {
        (
            result::device::get_attribute(device, MAJOR)?,
            result::device::get_attribute(device, MINOR)?,
            result::device::total_mem(device)?,
        )
    };
    Ok(CudaDevice {
        name,
        compute_capability: (major.unsigned_abs(), minor.unsigned_abs()),
        memory_bytes: memory_bytes as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With or without a driver: an answer or a reason, never a panic.
    #[test]
    fn probing_answers_or_says_why_not() {
        match cuda_devices() {
            Ok(devices) => assert!(!devices.is_empty()),
            Err(reason) => assert!(reason.to_string().contains("CUDA")),
        }
    }

    #[test]
    #[ignore = "needs a CUDA device"]
    fn a_device_has_a_name_memory_and_a_capability() {
        let devices = cuda_devices().unwrap();
        for device in devices {
            assert!(!device.name.is_empty());
            assert!(device.memory_bytes > 1 << 28, "{device:?}");
            assert!(device.compute_capability.0 >= 3, "{device:?}");
        }
    }
}
