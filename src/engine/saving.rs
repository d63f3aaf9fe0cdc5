//! Writing pictures and weights on a thread of their own, so that neither training nor the window waits for the disk.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::background;
use super::reading::EVERY;
use super::{Event, Outbox, Save, Task};
use crate::config::{Settings, WeightsKind};
use crate::files::{create_dir_all, write_atomically};
use crate::pictures::{GAP, Provenance, write_animated_png, write_figure, write_film, write_png_of, write_singles};
use crate::tensor_file::{self, Entry};
use crate::train::folder::may_be_written;
use crate::train::loss_table::write_loss_table;
use crate::trained::TrainedModel;
use crate::{Error, Result};

/// Weights copied to plain memory, with the settings that they belong to.
pub(super) struct NamedWeights {
    settings: Settings,
    tensors: Vec<Entry<'static>>,
    /// Where the model came from.
    source: PathBuf,
}

impl NamedWeights {
    /// Copies the tensors, in the order of their names.
    pub(super) fn of(model: &TrainedModel, kind: WeightsKind) -> Result<Self> {
        let weights = model.weights(kind);
        let mut tensors = Vec::with_capacity(weights.len());
        for (name, tensor) in weights {
            let values = Cow::Owned(tensor.flatten_all()?.to_vec1()?);
            tensors.push(Entry { name: name.clone(), shape: tensor.dims().to_vec(), values });
        }
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { settings: model.settings.clone(), tensors, source: model.source.clone() })
    }
}

/// Writes in the background; `Saved`, `FileExists` or `Failed` follows.
pub(super) fn save(what: Save, weights: Option<NamedWeights>, path: &Path, replace: bool, out: &Outbox) -> Result<()> {
    let (path, told_to) = (path.to_path_buf(), out.clone());
    background::spawn(Task::Saving, out, move || {
        let source = weights.as_ref().map(|weights| weights.source.as_path());
        may_be_written(&path, source.as_slice())?;
        // A folder cannot be replaced by a file: writing says so.
        if !replace && path.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
            return Ok(Event::FileExists { path });
        }
        write(&what, weights.as_ref(), &path, &mut shares(&told_to))?;
        Ok(Event::Saved { what: name_of(&what), path })
    })
}

/// Reads what a PNG file says of how it was drawn.
pub(super) fn read_provenance(path: PathBuf, out: &Outbox) -> Result<()> {
    background::spawn(Task::ReadingPicture, out, move || {
        let provenance = Provenance::read(&path)?.map(Box::new);
        Ok(Event::ProvenanceRead { path, provenance })
    })
}

fn name_of(what: &Save) -> &'static str {
    match what {
        Save::Grid { .. } => "grid of pictures",
        Save::Singles { .. } => "pictures",
        Save::Animation { .. } | Save::AnimatedPng { .. } => "animation",
        Save::Losses { .. } => "losses",
        Save::LossPlot { .. } | Save::LossPicture { .. } => "plot of the loss",
        Save::Weights { .. } => "weights",
    }
}

/// Tells how much of a file is written that takes its time.
fn shares(out: &Outbox) -> impl FnMut(f64) {
    let mut told = Instant::now();
    move |share| {
        if told.elapsed() >= EVERY {
            told = Instant::now();
            out.offer(Event::Writing { share });
        }
    }
}

fn write(what: &Save, weights: Option<&NamedWeights>, path: &Path, told: &mut dyn FnMut(f64)) -> Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_dir_all(parent)?;
    }
    match what {
        Save::Grid { pictures, columns, provenance } => {
            write_png_of(path, &pictures.grid(*columns, GAP, 0), provenance.as_deref())
        }
        Save::Singles { pictures, provenance } => write_singles(path, pictures, provenance.as_deref(), told),
        Save::Animation { frames, columns } => write_film(path, frames, *columns, told),
        Save::AnimatedPng { frames, columns, provenance } => {
            write_animated_png(path, frames, *columns, provenance.as_deref(), told)
        }
        Save::Losses { run } => write_loss_table(run, path),
        Save::LossPlot { svg } => write_atomically(path, |file| file.write_all(svg.as_bytes())),
        Save::LossPicture { svg, provenance } => write_figure(path, svg, provenance.as_deref()),
        Save::Weights { .. } => {
            let weights = weights.ok_or_else(super::worker::no_model)?;
            let settings =
                serde_json::to_string(&weights.settings).map_err(|error| Error::write(path)(error.into()))?;
            let metadata = BTreeMap::from([("format", "pt".to_owned()), ("settings", settings)]);
            tensor_file::write(path, metadata, &weights.tensors)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::panics::{PATIENCE, engine, wait};
    use super::super::{Command, Event, Handle, Save, Task};
    use crate::config::WeightsKind;

    /// Saves the weights, over whatever is there: whether they were.
    fn saved(handle: &Handle, path: &std::path::Path) -> bool {
        let what = Save::Weights { kind: WeightsKind::Ema };
        handle.send(Command::Save { what, path: path.into(), replace: true }).unwrap();
        wait(handle, |event| match event {
            Event::Saved { .. } => Some(true),
            Event::Failed { during: Task::Saving, .. } => Some(false),
            _ => None,
        })
    }

    #[test]
    fn weights_are_not_saved_over_the_file_that_they_were_read_from() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, other) = (folder.path().join("mine.safetensors"), folder.path().join("other.safetensors"));
        let (handle, _) = engine();
        let opened = |event: &Event| matches!(event, Event::ModelReady(_)).then_some(());
        handle.send(Command::OpenShipped).unwrap();
        wait(&handle, opened);
        assert!(saved(&handle, &mine) && saved(&handle, &mine), "the model that ships is no file");
        handle.send(Command::Open { path: mine.clone() }).unwrap();
        wait(&handle, opened);
        let before = std::fs::read(&mine).unwrap();
        assert!(!saved(&handle, &mine) && saved(&handle, &other));
        assert!(std::fs::read(&mine).unwrap() == before);
        assert!(handle.shutdown(PATIENCE));
    }
}
