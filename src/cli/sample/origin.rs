//! `--from`: an image to noise and to denoise from there.

use std::path::Path;

use clap::Args;

use super::super::value;
use crate::cli::progress::Progress;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::sampling::origin::{Origin, OriginImage, OriginSource};

/// What was typed.
#[derive(Debug, Clone, PartialEq, Default, Args)]
pub struct OriginArgs {
    /// Begin with an image instead of noise: a PNG or GIF, or a test image of the model's data, such as test:0
    #[arg(long, value_name = "FILE|test:INDEX", requires = "from_t")]
    from: Option<String>,

    /// The timestep to noise it to, 1 to T, and to denoise it from
    #[arg(long, value_name = "T", requires = "from", allow_hyphen_values = true, value_parser = value::count)]
    from_t: Option<usize>,
}

/// An image that can be begun with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginRequest {
    pub source: OriginSource,
    pub t: usize,
}

impl OriginArgs {
    /// What the flags mean; none if they are left out.
    ///
    /// # Errors
    /// When the index of a test image is no number.
    pub(super) fn request(self) -> Result<Option<OriginRequest>> {
        let (Some(from), Some(t)) = (self.from, self.from_t) else { return Ok(None) };
        let source = match from.strip_prefix("test:") {
            Some(index) => OriginSource::Test(index.parse().map_err(|_| {
                let what = format!("--from: \"{index}\" is not the index of a test image");
                Error::usage(what, "use digits only, such as test:0; for a file of that name, ./test:0")
            })?),
            None => OriginSource::File(from.into()),
        };
        Ok(Some(OriginRequest { source, t }))
    }
}

impl OriginRequest {
    /// The picture of one's own, if it is one.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.source {
            OriginSource::File(path) => Some(path),
            OriginSource::Test(_) => None,
        }
    }

    /// Finds the image, for a model with these settings.
    ///
    /// # Errors
    /// When it cannot be read, or the model has not as many timesteps.
    pub(super) fn find(&self, model: &Settings, progress: &mut Progress) -> Result<Origin> {
        let mut image = OriginImage::load(&self.source, &model.data.source, model.data.image_size)?;
        if image.bright {
            progress.note(
                "the picture's background is bright: black and white are exchanged, as digits are white on black",
            );
            image = image.inverted();
        }
        Origin::new(image, self.t, model.diffusion.timesteps)
    }
}
