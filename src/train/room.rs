//! Whether there is room to train a network of these settings, before any of it is taken: they can come from a
//! stranger's file of 2 KB, and name a network of terabytes.

use candle_core::Device;

use crate::config::{Architecture, CompactConfig, Problem, Setting, Settings, UNetConfig};
use crate::model::weights::fit;
use crate::{Error, Result};

/// Weights of the largest network that is trained here, nearly three times those of `DiffUNet`.
const MAX_WEIGHTS: usize = 1 << 28;
/// What a weight takes, bytes: itself, its gradient and its moments.
const BYTES_OF_A_WEIGHT: u64 = 16;
/// Most that a step may take for certain, bytes, on a machine that does not tell what it has.
const MOST_MEMORY: u64 = 64 << 30;

/// Says whether a network of these settings can be trained.
///
/// # Errors
/// [`Error::Setting`] when it has too many weights, or a step of it takes more memory for certain than the machine has.
pub(super) fn check(settings: &Settings, device: &Device) -> Result<()> {
    let wrong = |setting, what: String, hint: String| Err(Error::Setting(Problem { setting, what, hint }));
    let hint = || format!("use a smaller one, of at most {MAX_WEIGHTS} weights");
    let Ok(shapes) = fit::expected(&settings.network) else {
        return wrong(Setting::Network, "a network of too many parts".into(), hint());
    };
    let size = |shape: &[usize]| shape.iter().fold(1, |size: usize, side| size.saturating_mul(*side));
    let weights = shapes.iter().fold(0, |sum: usize, (_, shape)| sum.saturating_add(size(shape)));
    if weights > MAX_WEIGHTS {
        return wrong(Setting::Network, format!("a network of {weights} weights"), hint());
    }
    if !device.is_cpu() {
        return Ok(());
    }
    let (least, machine) = (least_memory(settings, weights), memory_of_machine().unwrap_or(MOST_MEMORY));
    if least > machine {
        let batch = settings.training.batch_size;
        let [least, machine] = [least, machine].map(|bytes| bytes >> 30);
        let what = format!("a step of {batch} images takes at least {least} GiB, and there are {machine}");
        return wrong(Setting::BatchSize, what, "use fewer images a batch, or a smaller network".into());
    }
    Ok(())
}

/// What a step takes at the least, bytes.
fn least_memory(settings: &Settings, weights: usize) -> u64 {
    let images = settings.training.batch_size as u64;
    let values = match &settings.network.architecture {
        Architecture::Compact(CompactConfig { channels }) => {
            kept(settings.data.image_size / 2, &[*channels, 2 * channels], 2)
        }
        Architecture::UNet(UNetConfig { patch_size, block_out_channels, layers_per_block, .. }) => {
            kept(settings.data.image_size / patch_size, block_out_channels, 2 * layers_per_block + 1)
        }
        // 128 channels at full size, and more below: measured 47 MB an image.
        Architecture::DiffUNet => kept(settings.data.image_size, &[128], 12),
    };
    BYTES_OF_A_WEIGHT * weights as u64 + images.saturating_mul(values).saturating_mul(size_of::<f32>() as u64)
}

/// Values of one image that are kept until the gradient is done, of those that the two convolutions of each residual
/// block give: levels of half the size each, with so many `blocks` on the way down and up.
fn kept(size: usize, widths: &[usize], blocks: usize) -> u64 {
    let level = |(level, width): (usize, &usize)| (size >> level).pow(2) as u64 * (*width * 2 * blocks) as u64;
    widths.iter().enumerate().map(level).sum()
}

/// All memory of this machine, bytes; none where the system does not tell.
///
/// Linux: `MemTotal` of `/proc/meminfo` (proc(5)).
fn memory_of_machine() -> Option<u64> {
    let about = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = about.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{MAX_CHANNELS, MAX_LAYERS, MAX_LEVELS, Preset};

    fn refused(settings: &Settings) -> Setting {
        match check(settings, &Device::Cpu) {
            Err(Error::Setting(problem)) if !problem.hint.is_empty() => problem.setting,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn there_is_room_for_the_presets() {
        for preset in Preset::ALL {
            check(&preset.settings(), &Device::Cpu).unwrap();
        }
    }

    /// Each of these values can be: together they would take terabytes.
    #[test]
    fn a_network_of_terabytes_is_refused_before_it_is_built() {
        let mut settings = Preset::Base.settings();
        for (levels, layers) in [(1, 1), (3, 2), (MAX_LEVELS, MAX_LAYERS)] {
            let Architecture::UNet(config) = &mut settings.network.architecture else { panic!("base is a U-Net") };
            (config.block_out_channels, config.attention) = (vec![MAX_CHANNELS; levels], vec![true; levels]);
            config.layers_per_block = layers;
            assert_eq!(refused(&settings), Setting::Network);
        }
        settings.network.architecture = Architecture::Compact(CompactConfig { channels: MAX_CHANNELS });
        assert_eq!(refused(&settings), Setting::Network);
    }

    #[test]
    fn a_step_that_takes_more_than_the_machine_has_is_refused() {
        let mut settings = Preset::Base.settings();
        let Architecture::UNet(config) = &mut settings.network.architecture else { panic!("base is a U-Net") };
        config.layers_per_block = MAX_LAYERS;
        settings.training.batch_size = 4096;
        let least = least_memory(&settings, 0);
        assert!(least > 300 << 30, "{least}");
        if memory_of_machine().unwrap_or(MOST_MEMORY) < least {
            assert_eq!(refused(&settings), Setting::BatchSize);
        }
        settings.training.batch_size = 1;
        check(&settings, &Device::Cpu).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_memory_of_the_machine_is_known() {
        assert!(memory_of_machine().unwrap() > 256 << 20);
    }
}
