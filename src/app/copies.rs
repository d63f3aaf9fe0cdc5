//! Is it copying? For the digit that is followed, what the engine found among the training images; one question is asked
//! at a time.

use std::sync::Arc;

use super::data_view::Reading;
use super::how_far::ImagesRead;
use super::logic::App;
use super::state::{AppState, Tab};
use crate::config::Settings;
use crate::engine::Command;
use crate::eval::copying::Copying;
use crate::pictures::Pictures;

pub use crate::eval::copying::Nearness;

/// What is known of copies.
#[derive(Debug, Clone, Default)]
pub struct Copies {
    /// A person wants to know: each digit that is followed is compared from then on.
    pub wanted: bool,
    /// The picture that is being compared.
    asked: Option<Pictures>,
    /// How far the training images are read, while that goes on.
    reading: Option<ImagesRead>,
    /// How much of them is made ready to compare with, 0 to 1, while that goes on.
    share: Option<f64>,
    found: Option<(Pictures, Copying)>,
    /// What could not be compared, and why.
    failed: Option<(Pictures, String)>,
}

impl Copies {
    /// The newest answer, also while the next one is awaited.
    pub fn found(&self) -> Option<&Copying> {
        self.found.as_ref().map(|(_, found)| found)
    }

    /// How far the training images are read, or made ready.
    pub fn how_far(&self) -> (Option<ImagesRead>, Option<f64>) {
        (self.reading, self.share)
    }

    pub(super) fn reads(&mut self, reading: Reading) {
        self.reading = self.asked.is_some().then(|| ImagesRead::next(self.reading, reading));
    }

    pub(super) fn makes_ready(&mut self, share: f64) {
        (self.reading, self.share) = (None, Some(share));
    }

    /// They are read no further: nothing is compared until a person wants it again.
    pub(super) fn stopped(&mut self) {
        (self.wanted, self.asked, self.reading, self.share) = (false, None, None, None);
    }

    /// Why there is no answer.
    pub fn failed(&self) -> Option<&str> {
        self.failed.as_ref().map(|(_, why)| why.as_str())
    }

    /// Whether the answer is about this picture.
    pub fn answers(&self, picture: &Pictures) -> bool {
        self.found.as_ref().is_some_and(|(of, _)| of == picture)
    }

    /// Takes the engine's answer.
    pub(super) fn take(&mut self, picture: Pictures, copying: Copying) {
        (self.asked, self.reading, self.share, self.failed) = (None, None, None, None);
        self.found = Some((picture, copying));
    }

    /// The engine has none.
    pub(super) fn fail(&mut self, why: String) {
        (self.reading, self.share) = (None, None);
        if let Some(picture) = self.asked.take() {
            (self.found, self.failed) = (None, Some((picture, why)));
        }
    }

    fn knows(&self, picture: &Pictures) -> bool {
        self.answers(picture) || self.failed.as_ref().is_some_and(|(of, _)| of == picture)
    }
}

impl AppState {
    /// The finished digit that is followed, and its number as the panel names it: of the film that is looked back on, of
    /// the drawn digits, or of the grid.
    pub fn followed_digit(&self) -> Option<(usize, Pictures)> {
        self.followed_and_model().map(|(i, picture, _)| (i, picture))
    }

    /// The same, with the settings of the model that drew it, where they are known.
    fn followed_and_model(&self) -> Option<(usize, Pictures, Option<&Settings>)> {
        let end =
            |film: &super::recording::Recording| film.last().filter(|end| end.t == 0).map(|end| Arc::clone(&end.x_t));
        let drawn = || {
            let drawing = self.recording.as_ref()?;
            Some((self.followed, end(drawing)?, drawing.model.as_deref()))
        };
        let filmed = || Some((self.followed_in_film(), self.film().and_then(end)?, self.film_model()));
        let grid = || {
            let run = self.run.as_ref().map(|run| &*run.settings);
            self.preview.as_ref().map(|preview| (self.followed, Arc::clone(&preview.pictures), run))
        };
        let (i, pictures, model) = match self.tab {
            Tab::Sample => drawn()?,
            _ if self.looks_back() => filmed()?,
            _ => grid().or_else(filmed)?,
        };
        (i < pictures.count()).then(|| (i, Pictures { pixels: pictures.get(i).to_vec(), ..*pictures }, model))
    }
}

impl App {
    /// Asks about the digit that is followed, if that is wanted and nothing is awaited.
    pub(super) fn look_for_copies(&mut self) {
        let copies = &self.state.copies;
        if !copies.wanted || copies.asked.is_some() {
            return;
        }
        let digit = self.state.followed_and_model().filter(|(_, picture, _)| !copies.knows(picture));
        // Copies are looked for among the images of the model that drew it, whichever is at hand now.
        let Some((_, picture, Some(settings))) = digit else { return };
        let command = Command::LookForCopies { settings: Box::new(settings.clone()), picture: picture.clone() };
        if self.command(command) {
            self.state.copies.asked = Some(picture);
        } else {
            self.state.copies.wanted = false;
        }
    }
}
