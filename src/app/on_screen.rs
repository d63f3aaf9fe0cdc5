//! What Save would write and Copy would take: what is on the screen, or in words why there is nothing.

use std::sync::Arc;

use super::films::FilmAxis;
use super::live::Rough;
use super::recording::{Moment, Recording};
use super::save_form::SaveWhat;
use super::save_subject::{Of, Subject};
use super::state::{Activity, AppState, Tab};
use crate::engine::Save;
use crate::pictures::{Pictures, Provenance};
use crate::train::{Grid, film_settings};
use crate::trained::name_of;

/// The pictures on the screen.
enum Shown<'a> {
    /// The newest grid of the run.
    Grid(&'a Grid),
    /// A film of the training at the playhead, by the model of a step.
    Film(u64, &'a Recording, &'a Moment),
    /// What was drawn, at the playhead.
    Drawing(&'a Recording, &'a Moment),
    /// A first look at what is being drawn.
    Rough(&'a Rough),
}

impl Shown<'_> {
    fn pictures(&self) -> &Arc<Pictures> {
        match self {
            Self::Grid(preview) => &preview.pictures,
            Self::Film(_, _, moment) | Self::Drawing(_, moment) => &moment.x_t,
            Self::Rough(rough) => &rough.pictures,
        }
    }

    fn subject(&self) -> Subject {
        match *self {
            Self::Grid(&Grid { step, weights, .. }) => Subject::Grid { step, weights },
            Self::Film(step, _, moment) => Subject::Film { step, t: moment.t },
            Self::Drawing(drawing, moment) => Subject::Drawing { why: drawing.drawn_for, t: moment.t },
            Self::Rough(_) => Subject::Rough,
        }
    }
}

/// Copies what is to be saved.
pub(super) type Copy<'a, T> = Box<dyn FnOnce() -> Of<T> + 'a>;

/// Writes down what is to be saved: for that, pictures and curves are copied.
type Prepare<'a> = Box<dyn FnOnce() -> Save + 'a>;

impl AppState {
    /// Why something cannot be saved yet; none if it can.
    pub fn missing(&self, what: SaveWhat) -> Option<&'static str> {
        self.to_save(what).err()
    }

    /// What Save writes.
    pub(super) fn to_save(&self, what: SaveWhat) -> Result<Prepare<'_>, &'static str> {
        let pictures = || self.pictures_to_save().ok_or("No pictures yet: train or draw some first.");
        let film = || self.film_to_save().ok_or("No film yet: press Record first.");
        let run = || {
            let learnt = self.run.as_ref().filter(|_| !self.loss.train.is_empty());
            learnt.ok_or("No losses yet: train first, or open a run.")
        };
        Ok(match what {
            SaveWhat::Grid => {
                let copy = pictures()?;
                Box::new(move || {
                    let Of { what, provenance, .. } = copy();
                    Save::Grid { columns: columns(&what), pictures: Pictures::clone(&what), provenance }
                })
            }
            SaveWhat::Singles => {
                let copy = pictures()?;
                Box::new(move || {
                    let Of { what, provenance, .. } = copy();
                    Save::Singles { pictures: Pictures::clone(&what), provenance }
                })
            }
            SaveWhat::Animation => {
                let copy = film()?;
                Box::new(move || {
                    let frames = copy().what;
                    Save::Animation { columns: columns(&frames[0]), frames: owned(&frames) }
                })
            }
            SaveWhat::AnimatedPng => {
                let copy = film()?;
                Box::new(move || {
                    let Of { what: frames, provenance, .. } = copy();
                    Save::AnimatedPng { columns: columns(&frames[0]), frames: owned(&frames), provenance }
                })
            }
            SaveWhat::Losses => {
                let run = run()?;
                Box::new(|| Save::Losses { run: run.folder.clone() })
            }
            SaveWhat::LossPlot => {
                let run = run()?;
                Box::new(|| Save::LossPlot { svg: self.loss_figure(run) })
            }
            SaveWhat::LossPicture => {
                let run = run()?;
                Box::new(|| Save::LossPicture { svg: self.loss_figure(run), provenance: self.provenance_of_run() })
            }
            SaveWhat::Weights if self.activity == Activity::Preparing => {
                return Err("Wait for the model that is being prepared.");
            }
            SaveWhat::Weights if self.can_sample() => {
                Box::new(|| Save::Weights { kind: self.settings.sampling.weights })
            }
            SaveWhat::Weights => return Err("No model yet: train or open one first."),
        })
    }

    /// The pictures that the form is about, or without one, those on the screen.
    pub(super) fn pictures_to_save(&self) -> Option<Copy<'_, Arc<Pictures>>> {
        if let Some(pictures) = &self.save.held.pictures {
            return Some(Box::new(|| pictures.clone()));
        }
        let shown = self.pictures_on_screen()?;
        Some(Box::new(move || self.copied(&shown)))
    }

    /// The film that the form is about, or without one, the one on the screen; of one frame at least.
    pub(super) fn film_to_save(&self) -> Option<Copy<'_, Vec<Arc<Pictures>>>> {
        if let Some(film) = &self.save.held.film {
            return Some(Box::new(|| film.clone()));
        }
        let (what, subject) = (self.frames_on_screen()?, self.film_subject()?);
        Some(Box::new(move || Of { what, provenance: self.provenance_of_film(), subject }))
    }

    fn copied(&self, shown: &Shown<'_>) -> Of<Arc<Pictures>> {
        Of { what: Arc::clone(shown.pictures()), provenance: self.provenance_of(shown), subject: shown.subject() }
    }

    pub(super) fn subject_on_screen(&self) -> Option<Subject> {
        self.pictures_on_screen().map(|shown| shown.subject())
    }

    /// The film as it is shown.
    pub(super) fn film_subject(&self) -> Option<Subject> {
        let film = self.film()?;
        Some(match self.films_along() {
            FilmAxis::Denoising => Subject::Denoising { step: self.film_step(), why: film.drawn_for },
            FilmAxis::Training => {
                let steps = self.films.steps();
                Subject::Training { t: film.t()?, from: steps.clone().next()?, to: steps.last()? }
            }
        })
    }

    /// The pictures that Copy takes, in one.
    pub(super) fn to_copy(&self) -> Option<Pictures> {
        let shown = self.pictures_on_screen()?;
        let pictures = shown.pictures();
        Some(pictures.grid(columns(pictures), crate::pictures::GAP, 0))
    }

    /// How many pictures the tab shows.
    pub fn pictures_shown(&self) -> usize {
        self.pictures_on_screen().map_or(0, |shown| shown.pictures().count())
    }

    /// As the tabs show them: in the Sample tab what was drawn, in the others the film that is looked back on, else the
    /// newest grid. Where there is no such thing, what the film's strip stands on.
    fn pictures_on_screen(&self) -> Option<Shown<'_>> {
        let film = || {
            let (film, step) = (self.film()?, self.film_step());
            let moment = film.shown()?;
            Some(step.map_or(Shown::Drawing(film, moment), |step| Shown::Film(step, film, moment)))
        };
        if self.tab == Tab::Sample {
            if let Some(rough) = self.live.rough() {
                return Some(Shown::Rough(rough));
            }
            if let Some((drawing, moment)) =
                self.recording.as_ref().and_then(|drawing| Some((drawing, drawing.shown()?)))
            {
                return Some(Shown::Drawing(drawing, moment));
            }
        }
        let grid = self.preview.as_ref().filter(|_| !self.looks_back()).map(Shown::Grid);
        grid.or_else(film)
    }

    /// What drew them; none of a first look, which no setting draws again.
    fn provenance_of(&self, shown: &Shown<'_>) -> Option<Box<Provenance>> {
        match shown {
            Shown::Grid(preview) => self.provenance_of_preview(preview),
            Shown::Film(step, film, moment) => Some(Box::new(self.film_provenance(*step, film)?.at(moment.t))),
            Shown::Drawing(drawing, moment) => Some(Box::new(drawing.provenance.as_deref()?.at(moment.t))),
            Shown::Rough(_) => None,
        }
    }

    /// What drew the finished digits of a film of the run that is shown.
    fn film_provenance(&self, step: u64, film: &Recording) -> Option<Provenance> {
        let run = self.run.as_ref()?;
        let sampling = film_settings(film.moments().len().saturating_sub(1), film.count);
        Some(Provenance::new(&run.settings, &sampling, name_of(&run.folder), step))
    }

    /// What drew the film that is shown along the denoising; none of one along the training, by many models.
    fn provenance_of_film(&self) -> Option<Box<Provenance>> {
        if self.films_along() == FilmAxis::Training {
            return None;
        }
        match self.film_step() {
            Some(step) => self.film_provenance(step, self.film()?).map(Box::new),
            None => self.recording.as_ref()?.provenance.clone(),
        }
    }
}

fn owned(frames: &[Arc<Pictures>]) -> Vec<Pictures> {
    frames.iter().map(|frame| Pictures::clone(frame)).collect()
}

/// Columns of a grid that is about square.
fn columns(pictures: &Pictures) -> usize {
    (pictures.count() as f64).sqrt().ceil() as usize
}
