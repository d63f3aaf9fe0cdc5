//! What drew a picture, inside its PNG file, so that the file alone is enough to draw it again.
//!
//! It is JSON in a text chunk (iTXt, PNG specification, section 11.3.3.4) before the pixels. Pictures are shown to
//! others: of paths, only the last part is kept.

use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use png::{Decoder, DecodingError, Limits};
use serde::{Deserialize, Serialize};

use crate::config::{DataSource, MAX_SAMPLES, SamplingSettings, Settings};
use crate::files::open_regular;
use crate::{Error, Result};

/// The keyword of the text chunk.
pub const KEYWORD: &str = "diffuscope";
/// Raised when the fields below change their meaning.
const FORMAT: u32 = 1;
/// Longest text that is looked at: ours are a few kB.
const MAX_TEXT: usize = 256 << 10;
/// Most memory for all that stands before the pixels: other programs put previews and profiles there.
const MAX_BEFORE_PIXELS: usize = 8 << 20;
const HINT: &str = "use a PNG as Diffuscope saved it; other programs may damage or drop what it notes inside";

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    format: u32,
    /// Version of the program.
    program: String,
    /// What the model was trained with, and in `sampling`, its seed among it, what the picture was drawn with.
    pub settings: Settings,
    /// Name of the run or file that the model came from.
    pub model: String,
    /// Steps that the model was trained for.
    pub step: u64,
    /// The timestep of the picture: 0 for a finished one.
    pub t: usize,
    /// The timestep that an image was noised to for the drawing to begin with; none: it began with noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_t: Option<usize>,
    /// Which of the drawn images it is, counted from 0; none: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<usize>,
}

impl Provenance {
    /// Of finished images that a model with these settings, called `model`, drew from noise.
    pub fn new(settings: &Settings, sampling: &SamplingSettings, model: String, step: u64) -> Self {
        let mut settings = Settings { sampling: sampling.clone(), ..settings.clone() };
        if let DataSource::Path(path) = &mut settings.data.source {
            *path = path.file_name().map(PathBuf::from).unwrap_or_default();
        }
        let program = env!("CARGO_PKG_VERSION").into();
        Self { format: FORMAT, program, settings, model, step, t: 0, from_t: None, image: None }
    }

    /// The same, of one of its images.
    #[must_use]
    pub fn of_image(&self, image: usize) -> Self {
        Self { image: Some(image), ..self.clone() }
    }

    /// The same, at timestep `t` of the drawing.
    #[must_use]
    pub fn at(&self, t: usize) -> Self {
        Self { t, ..self.clone() }
    }

    /// As the text of the chunk.
    ///
    /// # Errors
    /// When a number in it has no JSON.
    pub fn to_text(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// What a PNG file says of itself; none if it says nothing. The pixels are not read.
    ///
    /// # Errors
    /// [`Error::Read`] when the file cannot be read; [`Error::Format`] when it is no PNG, when what it says is too
    /// long, of a newer program or damaged, and when no model can have such settings.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let wrong = |what: &str| Error::format(path, what, HINT);
        let Some(text) = text_of(path)? else { return Ok(None) };
        let of_format: OfFormat = serde_json::from_str(&text).map_err(|error| wrong(&damaged(&error)))?;
        if of_format.format != FORMAT {
            let what = format!("was saved in format {}, this program reads {FORMAT}", of_format.format);
            return Err(Error::format(path, what, "open it with the version of Diffuscope that saved it"));
        }
        let found: Self = serde_json::from_str(&text).map_err(|error| wrong(&damaged(&error)))?;
        let too_much = found.settings.sampling_problems(MAX_SAMPLES).first().map(ToString::to_string);
        match found.settings.unbuildable().or(too_much) {
            Some(what) => Err(wrong(&format!("the settings in it cannot be: {what}"))),
            None => Ok(Some(found)),
        }
    }
}

/// What is the same in every format.
#[derive(Deserialize)]
struct OfFormat {
    format: u32,
}

fn damaged(error: &serde_json::Error) -> String {
    format!("the settings in it are damaged: {error}")
}

/// The text of our chunk.
fn text_of(path: &Path) -> Result<Option<String>> {
    let file = open_regular(path)?;
    let refused = |error: DecodingError| match error {
        DecodingError::IoError(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
            Error::Read { path: path.to_path_buf(), source }
        }
        DecodingError::LimitsExceeded => Error::format(path, "holds too much beside its pixels", HINT),
        other => Error::format(path, format!("is not a sound PNG ({other})"), HINT),
    };
    let mut decoder = Decoder::new_with_limits(BufReader::new(file), Limits { bytes: MAX_BEFORE_PIXELS });
    decoder.set_ignore_iccp_chunk(true);
    let reader = decoder.read_info().map_err(refused)?;
    let Some(chunk) = reader.info().utf8_text.iter().find(|chunk| chunk.keyword == KEYWORD) else { return Ok(None) };
    let mut chunk = chunk.clone();
    chunk.decompress_text_with_limit(MAX_TEXT).map_err(refused)?;
    let text = chunk.get_text().map_err(refused)?;
    if text.len() > MAX_TEXT {
        return Err(Error::format(path, format!("notes {} bytes on itself", text.len()), HINT));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;
    use crate::pictures::{Pictures, write_png_of, write_singles};

    fn provenance() -> Provenance {
        let mut settings = Preset::Small.settings();
        settings.data.source = DataSource::Path("/data/ada/letters".into());
        let sampling = SamplingSettings { seed: u64::MAX, ..settings.sampling.clone() };
        Provenance::new(&settings, &sampling, "first".into(), 1240)
    }

    fn pictures() -> Pictures {
        Pictures { width: 2, height: 1, pixels: vec![1, 2, 3, 4] }
    }

    /// A PNG with this text.
    fn with_text(path: &Path, text: &str) {
        let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), 1, 1);
        encoder.add_itxt_chunk(KEYWORD.into(), text.into()).unwrap();
        encoder.write_header().unwrap().write_image_data(&[0]).unwrap();
    }

    #[test]
    fn a_picture_says_what_drew_it_and_no_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        write_png_of(&path, &pictures(), Some(&provenance())).unwrap();
        let read = Provenance::read(&path).unwrap().unwrap();
        assert_eq!(read, provenance());
        assert_eq!(read.settings.data.source, DataSource::Path("letters".into()));
        assert_eq!(image::open(&path).unwrap().into_luma8().as_raw(), &[1, 2]);

        let singles = folder.path().join("singles");
        write_singles(&singles, &pictures(), Some(&provenance()), &mut |_| ()).unwrap();
        let second = Provenance::read(&singles.join("0001.png")).unwrap().unwrap();
        assert_eq!(second, provenance().of_image(1));

        write_png_of(&path, &pictures(), None).unwrap();
        assert_eq!(Provenance::read(&path).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let text = provenance().to_text().unwrap();
        let refused = |from: &str, to: &str| {
            assert!(text.contains(from), "{from} is not in {text}");
            with_text(&path, &text.replacen(from, to, 1));
            let error = Provenance::read(&path).unwrap_err();
            assert!(matches!(&error, Error::Format { .. }) && !error.hint().is_empty(), "{error}");
            error.to_string()
        };
        assert!(refused(r#""format":1"#, r#""format":2"#).contains("format 2"));
        assert!(refused(r#""timesteps":1000"#, r#""timesteps":4000000000"#).contains("timesteps"));
        assert!(refused(r#""count":"#, r#""count":1000000000000"#).contains("images"));
        assert!(refused(r#""step":"#, r#""step":-"#).contains("damaged"));
        with_text(&path, &" ".repeat(MAX_TEXT + 1));
        assert!(Provenance::read(&path).unwrap_err().to_string().contains("bytes on itself"));
        std::fs::write(&path, "not a picture").unwrap();
        assert!(Provenance::read(&path).unwrap_err().to_string().contains("not a sound PNG"));
    }

    #[test]
    fn a_text_that_unpacks_to_too_much_is_refused_before_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let mut chunk = png::text_metadata::ITXtChunk::new(KEYWORD, "0".repeat(64 << 20));
        chunk.compressed = true;
        chunk.compress_text().unwrap();
        let mut writer = png::Encoder::new(std::fs::File::create(&path).unwrap(), 1, 1).write_header().unwrap();
        writer.write_text_chunk(&chunk).unwrap();
        writer.write_image_data(&[0]).unwrap();
        drop(writer);
        assert!(std::fs::metadata(&path).unwrap().len() < 1 << 20);
        let error = Provenance::read(&path).unwrap_err();
        assert!(matches!(&error, Error::Format { .. }), "{error}");
    }
}
