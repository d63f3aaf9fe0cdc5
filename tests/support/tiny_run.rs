//! The smallest run: a compact network, eight images in batches of two, nothing that is judged.

use diffuscope::config::{Architecture, Budget, CompactConfig, Preset, Settings, Subset};

/// So many steps, a checkpoint after every so many, a grid after so many seconds (0: none).
pub fn settings(steps: u64, checkpoint_every: u64, preview_seconds: f64) -> Settings {
    let mut settings = Preset::Nano.settings();
    settings.network.architecture = Architecture::Compact(CompactConfig { channels: 16 });
    settings.data.subset = Subset::First(8);
    settings.data.held_out = 0;
    let training = &mut settings.training;
    (training.batch_size, training.budget, training.checkpoint_every) = (2, Budget::Steps(steps), checkpoint_every);
    (training.preview_seconds, training.eval_seconds) = (preview_seconds, 0.0);
    settings
}
