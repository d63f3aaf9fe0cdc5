//! Whether a checkpoint fits: here alone it is decided which of them is resumed, gone back to or drawn with.
//!
//! A right checksum says that the numbers are those that were written, not that they are a state of this run: the file
//! may be one of another run, or made by another program.

use std::path::Path;

use serde_json::Value;

use super::header::Header;
use super::{ADAM_FIRST, ADAM_SECOND, EMA, HINT, MAX_STEPS, MOMENTUM, WEIGHTS};
use crate::config::{Budget, Settings};
use crate::data::Batches;
use crate::model::weights::fit::{Named, expected, misfits};
use crate::train::folder::RunFile;
use crate::train::optim::has_second_moment;
use crate::{Error, Result};

const OTHER_SETTINGS: &str = "put back the run.json and the checkpoint that belong together";

impl Header {
    /// Says whether it is of a state that training with its settings can have come to: tensors, moments and step; and,
    /// where it is to be one of a `run`, whether those settings are the run's.
    ///
    /// # Errors
    /// [`Error::Format`] with what does not fit.
    pub(super) fn check(&self, path: &Path, run: Option<&RunFile>) -> Result<()> {
        let other = run.and_then(|run| self.other_settings(&run.settings));
        if let Some(what) = other {
            return Err(Error::format(path, format!("its settings are not those of run.json: {what}"), OTHER_SETTINGS));
        }
        let wrong = |what| Error::format(path, what, HINT);
        if let Some(what) = self.settings.unbuildable() {
            return Err(wrong(format!("the settings beside its weights: {what}")));
        }
        let state = expected_state(&self.settings)?;
        let found = self.tensors.iter().map(|(name, shape)| (name.as_str(), shape.as_slice()));
        if let Some(what) = misfits(&found.collect(), &state, &[]) {
            return Err(wrong(format!("its tensors do not fit its settings: {what}")));
        }
        self.wrong_step(run.map(|run| run.images)).map_or(Ok(()), |what| Err(wrong(what)))
    }

    /// How long a run goes on and how often it is kept and judged may change from one start to the next; nothing else.
    fn other_settings(&self, run: &Settings) -> Option<String> {
        let (mut run, own) = (run.clone(), &self.settings.training);
        run.training.budget = own.budget;
        run.training.checkpoint_every = own.checkpoint_every;
        run.training.eval_seconds = own.eval_seconds;
        run.training.film_megabytes = own.film_megabytes;
        if run == self.settings {
            return None;
        }
        let json = |settings| serde_json::to_value(settings).unwrap_or_default();
        Some(difference("", &json(&self.settings), &json(&run)).unwrap_or_else(|| "a number".into()))
    }

    /// A checkpoint is written after a step, and none is taken beyond the budget that it was written under.
    fn wrong_step(&self, images: Option<usize>) -> Option<String> {
        let training = &self.settings.training;
        let most = match training.budget {
            Budget::Steps(steps) => steps,
            Budget::Epochs(epochs) => match images {
                Some(images) if images > 0 && training.batch_size > 0 => {
                    Batches::new(images, training.batch_size, training.seed).steps_for_epochs(epochs)
                }
                _ => MAX_STEPS,
            },
            Budget::Minutes(_) => MAX_STEPS,
        };
        match self.step {
            0 => Some("it says that no step was taken, and has a state".into()),
            step if step > most.min(MAX_STEPS) => Some(format!("it says step {step} of {}", most.min(MAX_STEPS))),
            _ => None,
        }
    }
}

/// What no training can have left in a tensor of this name.
pub(super) fn wrong_value(name: &str, values: &[f32]) -> Option<String> {
    if !values.iter().all(|value| value.is_finite()) {
        return Some(format!("{name} holds a value that is no number"));
    }
    // A mean of squares.
    let second = name.strip_prefix(ADAM_SECOND).is_some_and(|rest| rest.starts_with('/'));
    (second && values.iter().any(|value| *value < 0.0)).then(|| format!("{name} holds a negative value"))
}

/// Names and shapes of all tensors that training with these settings keeps.
fn expected_state(settings: &Settings) -> Result<Vec<Named>> {
    let averaged = settings.training.ema_decay > 0.0;
    let mut state = Vec::new();
    for (name, shape) in expected(&settings.network)? {
        let by_adam = has_second_moment(&settings.training, &shape);
        let moments: &[&str] = if by_adam { &[ADAM_FIRST, ADAM_SECOND] } else { &[MOMENTUM] };
        let parts = [WEIGHTS].iter().chain(averaged.then_some(&EMA)).chain(moments);
        state.extend(parts.map(|part| (format!("{part}/{name}"), shape.clone())));
    }
    Ok(state)
}

/// The first place in which two settings differ, with both values.
fn difference(at: &str, own: &Value, run: &Value) -> Option<String> {
    if let (Value::Object(own), Value::Object(run)) = (own, run) {
        let mut names = own.keys().chain(run.keys());
        return names.find_map(|name| {
            let place = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            difference(&place, own.get(name).unwrap_or(&Value::Null), run.get(name).unwrap_or(&Value::Null))
        });
    }
    (own != run).then(|| format!("{at} is {own}, not {run}"))
}
