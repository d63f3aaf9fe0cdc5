//! The settings inside pictures that were saved here: what a picture notes, and what it gives back when it is dropped
//! onto the window or opened by its path.

use std::path::{Path, PathBuf};

use super::action::Action;
use super::logic::App;
use super::notices::{Help, Kind};
use super::state::AppState;
use crate::config::{DataSource, SamplerKind, Settings};
use crate::engine::Command;
use crate::files::shown_name;
use crate::pictures::Provenance;
use crate::train::{Grid, grid_settings};
use crate::trained::name_of;

impl AppState {
    /// What drew a grid of the run that is shown.
    pub(super) fn provenance_of_preview(&self, grid: &Grid) -> Option<Box<Provenance>> {
        let run = self.run.as_ref()?;
        let sampling = grid_settings(grid.weights);
        let provenance = Provenance::new(&run.settings, &sampling, name_of(&run.folder), grid.step);
        Some(Box::new(provenance))
    }

    /// What the run that is shown was trained with, as far as its losses are known.
    pub(super) fn provenance_of_run(&self) -> Option<Box<Provenance>> {
        let (run, latest) = (self.run.as_ref()?, self.loss.train.latest()?);
        let (settings, name) = (&run.settings, name_of(&run.folder));
        Some(Box::new(Provenance::new(settings, &settings.sampling, name, latest.last)))
    }

    /// The model that draws now, by its name and its steps of training.
    fn model_at_hand(&self) -> Option<(String, u64)> {
        if self.run_draws() {
            return self.run.as_ref().map(|run| (name_of(&run.folder), self.progress.step));
        }
        self.model.as_ref().map(|model| (name_of(&model.source), model.step))
    }

    /// Takes the settings that a picture was drawn with. The data stay: a path in a file of others leads nowhere here.
    fn take_provenance(&mut self, file: &str, provenance: &Provenance) {
        let mut settings = provenance.settings.clone();
        let own = &self.settings.data.source;
        let other_data = !matches!((&settings.data.source, own), (DataSource::Mnist, DataSource::Mnist));
        settings.data.source.clone_from(own);
        let drawing = described(&settings);
        let changed = settings != self.settings;
        self.edit_settings(settings);

        let Provenance { model, step, from_t, .. } = provenance;
        let mut text = format!("Took the settings of {file}: {drawing}; drawn by {model} after {step} steps");
        if let Some(t) = from_t {
            text += &format!(", beginning with an image at t = {t} that is not in the file");
        }
        text += if changed { ". Undo brings back what was set before" } else { ". They were set already" };
        if other_data {
            text += ". The data stay as they are set";
        }
        if self.model_at_hand().is_some_and(|at_hand| (&at_hand.0, at_hand.1) != (model, *step)) {
            text += ". Another model is open, which draws other digits";
        }
        let help = changed.then_some(Help { word: "Undo", action: Action::Undo });
        self.notices.add_with(Kind::Done, text, None, help);
    }
}

impl App {
    /// Has a picture say what it was drawn with.
    pub(super) fn read_provenance(&mut self, path: PathBuf) {
        self.command(Command::ReadProvenance { path });
    }

    /// Takes what a typed path leads to: the settings of a picture, or a model.
    pub(super) fn open_typed(&mut self, path: PathBuf) {
        if path
            .extension()
            .is_some_and(|extension| ["png", "apng"].iter().any(|own| extension.eq_ignore_ascii_case(own)))
        {
            self.read_provenance(path);
        } else {
            self.open(path);
        }
    }

    pub(super) fn provenance_read(&mut self, path: &Path, provenance: Option<Box<Provenance>>) {
        let file = shown_name(path);
        match provenance {
            Some(provenance) => self.state.take_provenance(&file, &provenance),
            None => {
                let text = format!(
                    "{file} does not say how it was drawn, so no setting was changed: PNGs that are saved here do, \
                     unless another program saved them again"
                );
                self.state.notices.add(Kind::Info, text, None);
            }
        }
    }
}

/// The main settings, in a few words.
fn described(settings: &Settings) -> String {
    let sampling = &settings.sampling;
    let sampler = match sampling.sampler {
        SamplerKind::Ddpm => "DDPM".to_owned(),
        SamplerKind::Ddim => format!("DDIM in {} steps", sampling.steps),
        SamplerKind::DpmPp => format!("DPM-Solver++ in {} steps", sampling.steps),
        SamplerKind::Heun => format!("Heun in {} steps", sampling.steps),
    };
    let (preset, timesteps) = (settings.preset.name(), settings.diffusion.timesteps);
    format!("{preset}, T = {timesteps}, {sampler}, seed {}", sampling.seed)
}
