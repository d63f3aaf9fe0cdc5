//! Taking the values of a preset, and going back to them.

use super::state::AppState;
use crate::config::{Budget, DataSettings, Preset};

impl AppState {
    /// Takes the values of a preset. Of the data, the source stays, and with it what was chosen otherwise than the preset
    /// had it; what was not touched is as the new preset has it, as `seed` learns from the first 1,000 images alone.
    pub(super) fn take_preset(&mut self, preset: Preset, budget: Budget) {
        let (now, usual) = (&self.settings.data, self.settings.preset.settings().data);
        let mut settings = preset.settings();
        settings.training.budget = budget;
        let new = settings.data;
        settings.data = DataSettings {
            source: now.source.clone(),
            subset: if now.subset == usual.subset { new.subset } else { now.subset },
            digits: if now.digits == usual.digits { new.digits } else { now.digits },
            held_out: if now.held_out == usual.held_out { new.held_out } else { now.held_out },
            ..new
        };
        self.edit_settings(settings);
    }

    /// Goes back to the values of the preset, of the data too; only the source stays.
    pub(super) fn reset_settings(&mut self) {
        let mut settings = self.settings.preset.settings();
        settings.data.source.clone_from(&self.settings.data.source);
        self.edit_settings(settings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DataSource, Digits, Subset};

    #[test]
    fn a_preset_leaves_the_data_that_were_chosen_and_brings_its_own_where_none_were() {
        let mut state = AppState::new(Preset::Small.settings());
        state.take_preset(Preset::Seed, Budget::Epochs(5));
        assert_eq!(state.settings, Preset::Seed.settings());
        state.take_preset(Preset::Small, Preset::Small.settings().training.budget);
        assert_eq!(state.settings.data.subset, Subset::All);

        let mut settings = state.settings.clone();
        let digits = Digits::ALL.toggled(4);
        settings.data = DataSettings {
            source: DataSource::Path("/data/ada/letters".into()),
            subset: Subset::First(500),
            digits,
            held_out: 64,
            ..settings.data
        };
        state.set_settings(settings.clone());
        state.take_preset(Preset::Seed, Budget::Epochs(5));
        assert_eq!(state.settings.data, DataSettings { image_size: 32, ..settings.data });
    }

    #[test]
    fn going_back_leaves_the_source_alone() {
        let mut state = AppState::new(Preset::Nano.settings());
        let mut settings = state.settings.clone();
        settings.data.source = DataSource::Path("/data/ada/letters".into());
        settings.data.subset = Subset::First(500);
        settings.sampling.guidance_interval = Some([0.2, 3.0]);
        settings.training.batch_size = 17;
        let source = settings.data.source.clone();
        state.edit_settings(settings);
        state.reset_settings();
        let mut wanted = Preset::Nano.settings();
        wanted.data.source = source;
        assert_eq!(state.settings, wanted);
    }
}
