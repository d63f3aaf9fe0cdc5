//! What `diffuscope sample` writes, which the name of the output decides.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::{check_writable, folder_of};
use crate::pictures::check_new_folder;

/// Where the images go, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleOutput {
    /// One PNG with all images in rows.
    Grid(PathBuf),
    /// A GIF of the grid's reverse diffusion.
    Animation(PathBuf),
    /// The same as an APNG, in all its greys.
    AnimatedPng(PathBuf),
    /// A safetensors file with `images`, f32 `[N, 1, H, W]` in [-1, 1].
    Tensor(PathBuf),
    /// A folder with one PNG an image, `0000.png` ….
    Singles(PathBuf),
}

impl SampleOutput {
    /// By the end of the name: `.png`, `.gif`, `.apng`, `.safetensors`, or a separator for a folder.
    ///
    /// # Errors
    /// [`Error::Usage`] for any other name.
    pub fn of(path: &Path) -> Result<Self> {
        if path.to_string_lossy().ends_with(std::path::is_separator) {
            return Ok(Self::Singles(path.into()));
        }
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("png") => Ok(Self::Grid(path.into())),
            Some("gif") => Ok(Self::Animation(path.into())),
            Some("apng") => Ok(Self::AnimatedPng(path.into())),
            Some("safetensors") => Ok(Self::Tensor(path.into())),
            _ => Err(Error::usage(
                format!("--out: {} does not say what to write", path.display()),
                "end it in .png, .gif, .apng or .safetensors, or in / for a folder of PNGs",
            )),
        }
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Grid(path)
            | Self::Animation(path)
            | Self::AnimatedPng(path)
            | Self::Tensor(path)
            | Self::Singles(path) => path,
        }
    }

    /// Says before the work what would make writing fail after it.
    ///
    /// # Errors
    /// When the folder that it goes to is missing, or a folder of single images exists already.
    pub fn check(&self) -> Result<()> {
        let path = self.path();
        if let Self::Singles(folder) = self {
            check_new_folder(folder)?;
        }
        check_writable(&folder_of(path), path)
    }

    /// What it holds, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Grid(_) => "a grid",
            Self::Animation(_) | Self::AnimatedPng(_) => "an animation",
            Self::Tensor(_) => "a tensor",
            Self::Singles(_) => "single images",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides() {
        let of = |name: &str| SampleOutput::of(Path::new(name)).unwrap();
        assert_eq!(of("a/b.png"), SampleOutput::Grid("a/b.png".into()));
        assert_eq!(of("B.PNG"), SampleOutput::Grid("B.PNG".into()));
        assert_eq!(of("b.gif"), SampleOutput::Animation("b.gif".into()));
        assert_eq!(of("b.apng"), SampleOutput::AnimatedPng("b.apng".into()));
        assert_eq!(of("b.safetensors"), SampleOutput::Tensor("b.safetensors".into()));
        assert_eq!(of("digits/"), SampleOutput::Singles("digits/".into()));
        assert_eq!(of("x.png/"), SampleOutput::Singles("x.png/".into()));
        assert_eq!(of("digits/").path(), Path::new("digits/"));
    }

    #[test]
    fn other_names_are_refused() {
        for name in ["digits", "digits.jpg", ".png", "png"] {
            let error = SampleOutput::of(Path::new(name)).unwrap_err();
            assert_eq!(error.to_string(), format!("--out: {name} does not say what to write"));
            assert_eq!(error.exit_code(), 2);
        }
    }
}
