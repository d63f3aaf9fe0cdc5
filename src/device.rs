//! Which device computes: what a person may ask for, and the device that answers to it.

mod lost;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use candle_core::Device;

use crate::error::{Error, Result};

#[cfg(test)]
pub use lost::faults;
pub use lost::{LOST_DEVICE_HINT, describe_loss, instead_of_lost, is_lost};

/// A device as a person names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The fastest that this build knows and this machine has: CUDA, then Metal, then the CPU.
    #[default]
    Auto,
    Cpu,
    /// An NVIDIA GPU by its number, from 0; needs the feature `cuda`.
    Cuda(usize),
    /// An Apple GPU; needs the feature `metal`.
    Metal,
}

/// A device in use.
#[derive(Debug, Clone)]
pub struct Opened {
    pub device: Device,
    /// Set when the device that was wanted is missing and the CPU takes its place.
    pub notice: Option<String>,
}

impl DeviceChoice {
    /// Opens the device. A GPU that the program was built for but does not find is replaced by the CPU, with a notice; the
    /// libraries of CUDA, which a build for it is linked to, have to be there for the program to start at all.
    ///
    /// # Errors
    /// [`Error::Device`] when a GPU is named that the program was not built for.
    pub fn open(self) -> Result<Opened> {
        let gpu = match self {
            Self::Auto if cfg!(feature = "cuda") => or_panicked(|| Device::new_cuda(0)),
            Self::Auto if cfg!(feature = "metal") => or_panicked(|| Device::new_metal(0)),
            Self::Cuda(number) if cfg!(feature = "cuda") => or_panicked(|| Device::new_cuda(number)),
            Self::Metal if cfg!(feature = "metal") => or_panicked(|| Device::new_metal(0)),
            Self::Auto | Self::Cpu => return Ok(Opened { device: Device::Cpu, notice: None }),
            Self::Cuda(_) | Self::Metal => {
                let why = "this build of the program does not know it".into();
                return Err(Error::Device { wanted: self.to_string(), why });
            }
        };
        Ok(gpu.map_or_else(
            |cause| {
                let cause = cause.to_string();
                let cause = cause.lines().next().unwrap_or_default();
                let notice = format!("no GPU was found, so the CPU computes ({cause})");
                Opened { device: Device::Cpu, notice: Some(notice) }
            },
            |device| Opened { device, notice: None },
        ))
    }
}

/// Where there is no GPU at all, Metal's list of them is empty, and Candle takes the first: a panic there is an answer.
fn or_panicked(open: impl FnOnce() -> candle_core::Result<Device>) -> candle_core::Result<Device> {
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|panic| {
        let panic = Error::from_panic(&*panic);
        Err(candle_core::Error::Msg(panic.to_string()))
    })
}

/// The device in words, such as `CPU, 2 threads`.
pub fn describe(device: &Device) -> String {
    match device {
        Device::Cpu => match rayon::current_num_threads() {
            1 => "CPU, 1 thread".into(),
            threads => format!("CPU, {threads} threads"),
        },
        Device::Cuda(_) => "CUDA".into(),
        Device::Metal(_) => "Metal".into(),
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

/// The name is none of `auto`, `cpu`, `cuda`, `cuda:N`, `metal`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a device")]
pub struct UnknownDevice;

impl FromStr for DeviceChoice {
    type Err = UnknownDevice;

    fn from_str(name: &str) -> Result<Self, UnknownDevice> {
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            _ => {
                let number = name.strip_prefix("cuda:").ok_or(UnknownDevice)?;
                number.parse().map(Self::Cuda).map_err(|_| UnknownDevice)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_panics_where_there_is_no_gpu_has_answered() {
        let none = || -> candle_core::Result<Device> { panic!("swap_remove index (is 0) should be < len (is 0)") };
        let error = or_panicked(none).unwrap_err().to_string();
        assert!(error.contains("swap_remove"), "{error}");
        assert!(or_panicked(|| Ok(Device::Cpu)).unwrap().is_cpu());
    }

    #[test]
    fn names_are_read_and_written() {
        for name in ["auto", "cpu", "cuda:0", "cuda:3", "metal"] {
            assert_eq!(name.parse::<DeviceChoice>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        for name in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "CPU"] {
            assert_eq!(name.parse::<DeviceChoice>(), Err(UnknownDevice), "{name}");
        }
    }

    #[test]
    fn the_cpu_is_always_there() {
        assert!(DeviceChoice::Cpu.open().unwrap().device.is_cpu());
        assert!(DeviceChoice::Auto.open().is_ok());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_gpu_that_this_build_does_not_know_is_refused_by_name() {
        let error = DeviceChoice::Cuda(1).open().unwrap_err();
        assert_eq!(error.to_string(), "the device cuda:1 cannot be used: this build of the program does not know it");
        assert_eq!(error.exit_code(), 1);
    }
}
