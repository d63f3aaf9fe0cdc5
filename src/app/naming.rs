//! The digit that is followed: which was asked for, and which the classifier sees. One question is asked at a time.

use std::sync::Arc;

use super::logic::App;
use super::state::AppState;
use crate::config::DataSource;
use crate::engine::Command;
use crate::pictures::Pictures;

/// What is known of the digits at the end of the film that is shown.
#[derive(Debug, Clone, Default)]
pub struct Naming {
    asked: Option<Arc<Pictures>>,
    named: Option<Named>,
}

/// The pictures that were asked about last.
#[derive(Debug, Clone)]
struct Named {
    of: Arc<Pictures>,
    /// The most likely digit of each, and its probability; empty where there was no answer.
    digits: Vec<(u8, f32)>,
}

/// What the classifier sees in a digit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeenDigit {
    /// The class that was asked for, if one was.
    pub asked: Option<u8>,
    pub seen: u8,
    /// How sure it is, 0 to 1.
    pub probability: f32,
}

impl Naming {
    pub(super) fn take(&mut self, of: Arc<Pictures>, digits: Vec<(u8, f32)>) {
        self.asked = None;
        self.named = Some(Named { of, digits });
    }

    /// The engine has no answer.
    pub(super) fn fail(&mut self) {
        self.named = self.asked.take().map(|of| Named { of, digits: Vec::new() });
    }
}

impl AppState {
    /// What is seen in the followed digit at the end of its film.
    pub fn seen_digit(&self) -> Option<SeenDigit> {
        let Named { of, digits } = self.naming.named.as_ref()?;
        self.film()?.last().filter(|end| Arc::ptr_eq(of, &end.x_t))?;
        let &(seen, probability) = digits.get(self.followed_in_film())?;
        Some(SeenDigit { asked: self.followed_class(), seen, probability })
    }

    /// The finished digits of the film that is shown; none where the model did not learn digits.
    fn finished_digits(&self) -> Option<&Arc<Pictures>> {
        self.film_model().filter(|model| model.data.source == DataSource::Mnist)?;
        self.film()?.last().filter(|end| end.t == 0).map(|end| &end.x_t)
    }
}

impl App {
    /// Asks what the digits at the end of the film are, if that is not known and nothing is awaited.
    pub(super) fn name_digits(&mut self) {
        let naming = &self.state.naming;
        let Some(pictures) = self.state.finished_digits().filter(|_| naming.asked.is_none()) else { return };
        if naming.named.as_ref().is_some_and(|named| Arc::ptr_eq(&named.of, pictures)) {
            return;
        }
        let pictures = Arc::clone(pictures);
        let sent = self.command(Command::NameDigits { pictures: Arc::clone(&pictures) });
        let naming = &mut self.state.naming;
        naming.asked = Some(pictures);
        if !sent {
            naming.fail();
        }
    }
}
