//! A film: the reverse diffusion of a few digits from fixed noise, as the model of one step of training makes it.
//!
//! A safetensors file, which Python reads too:
//!
//! | tensor | type, shape | content |
//! |---|---|---|
//! | `t` | I32 `[M]` | the timestep of each moment, falling from at most T to 0 |
//! | `x_t` | U8 `[M, N, H, W]` | the images as they are: 0 is −1, 255 is 1 |
//! | `x0_hat` | the same | the network's guess of the finished images |
//! | `eps_hat` | the same | its guess of the noise: 128 is none, ±3 standard deviations at the ends |
//!
//! The metadata's `film` is `{"version", "step", "timesteps", "classes"}`: the steps of training that the model had,
//! T, and the class asked of each digit, or `null`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use super::metrics::possible_step;
use crate::config::CLASS_COUNT;
use crate::files::{read_own_up_to, write_atomically};
use crate::pictures::Pictures;
use crate::{Error, Result};

const VERSION: u32 = 1;
/// Longer files are not what this program wrote, and are not read: 2,000 moments of 10 digits would be.
const MAX_FILE: u64 = 48 << 20;
const MAX_MOMENTS: usize = 4096;
const MAX_DIGITS: usize = 256;
const MAX_SIDE: usize = 1024;
const MAX_TIMESTEPS: usize = 1 << 20;
/// The tensors of pictures.
const PICTURES: [&str; 3] = ["x_t", "x0_hat", "eps_hat"];

/// One moment of a reverse diffusion.
#[derive(Debug, Clone, PartialEq)]
pub struct FilmMoment {
    /// The timestep of `x_t`: T or less for the noise at the beginning, 0 for the finished images.
    pub t: usize,
    pub x_t: Arc<Pictures>,
    pub x0_hat: Arc<Pictures>,
    /// 128 is no noise, ±3 standard deviations at the ends.
    pub eps_hat: Arc<Pictures>,
}

/// See the module. There is at least one moment of at least one digit, all pictures have one size, and t falls to 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Film {
    /// Steps of training that the model had.
    pub step: u64,
    /// T of its schedule.
    pub timesteps: usize,
    /// The class asked of each digit.
    pub classes: Vec<Option<u8>>,
    pub moments: Vec<FilmMoment>,
}

#[derive(Serialize, Deserialize)]
struct About {
    version: u32,
    #[serde(deserialize_with = "possible_step")]
    step: u64,
    timesteps: usize,
    classes: Vec<Option<u8>>,
}

impl Film {
    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes = self.to_bytes().map_err(|what| Error::write(path)(std::io::Error::other(what)))?;
        write_atomically(path, |file| file.write_all(&bytes))
    }

    fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        let about =
            About { version: VERSION, step: self.step, timesteps: self.timesteps, classes: self.classes.clone() };
        let about = serde_json::to_string(&about).map_err(|error| words(&error))?;
        let first = self.moments.first().ok_or("a film without a moment")?;
        let shape = vec![self.moments.len(), self.classes.len(), first.x_t.height, first.x_t.width];
        let t: Vec<u8> = self.moments.iter().flat_map(|moment| (moment.t as i32).to_le_bytes()).collect();
        let pixels = |which: fn(&FilmMoment) -> &Pictures| {
            self.moments.iter().flat_map(|moment| which(moment).pixels.iter().copied()).collect::<Vec<u8>>()
        };
        let parts = [pixels(|moment| &moment.x_t), pixels(|moment| &moment.x0_hat), pixels(|moment| &moment.eps_hat)];
        let view = |dtype, shape, data| TensorView::new(dtype, shape, data).map_err(|error| words(&error));
        let mut tensors = vec![("t", view(Dtype::I32, vec![self.moments.len()], &t)?)];
        for (name, part) in PICTURES.into_iter().zip(&parts) {
            tensors.push((name, view(Dtype::U8, shape.clone(), part)?));
        }
        let metadata = HashMap::from([("film".to_owned(), about)]);
        safetensors::serialize(tensors, Some(metadata)).map_err(|error| words(&error))
    }

    /// Reads one, from whomever it comes.
    ///
    /// # Errors
    /// When the file cannot be read or is not a film.
    pub fn read(path: &Path) -> Result<Self> {
        let refused = |what: String| Error::format(path, what, "delete the file: the others can still be looked at");
        let bytes = read_own_up_to(path, MAX_FILE)?.ok_or_else(|| refused("it is too long for a film".into()))?;
        Self::of_bytes(&bytes).map_err(refused)
    }

    fn of_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let about = header.metadata().as_ref().and_then(|metadata| metadata.get("film"));
        let about: About = serde_json::from_str(about.ok_or("it says nothing of a film")?)
            .map_err(|error| format!("what it says of the film is wrong: {error}"))?;
        if about.version != VERSION {
            return Err(format!("it is of version {}, and {VERSION} is known", about.version));
        }
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let tensor = |name: &str, dtype: Dtype| {
            let tensor = tensors.tensor(name).map_err(|error| error.to_string())?;
            if tensor.dtype() == dtype { Ok(tensor) } else { Err(format!("{name} has numbers of another type")) }
        };
        let ts: Vec<i32> = tensor("t", Dtype::I32)?
            .data()
            .chunks_exact(4)
            .map(|bytes| i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        let [moments, digits, height, width] = <[usize; 4]>::try_from(tensor("x_t", Dtype::U8)?.shape())
            .map_err(|_| "its pictures are not [M, N, H, W]")?;
        let known = about.classes.iter().flatten().all(|class| usize::from(*class) < CLASS_COUNT);
        let fits = (1..=MAX_MOMENTS).contains(&moments)
            && (1..=MAX_DIGITS).contains(&digits)
            && (1..=MAX_SIDE).contains(&height)
            && (1..=MAX_SIDE).contains(&width)
            && (1..=MAX_TIMESTEPS).contains(&about.timesteps);
        if !fits || ts.len() != moments || about.classes.len() != digits || !known {
            return Err(format!("{moments} moments of {digits} digits of {height}×{width} are no film"));
        }
        let falls = ts.windows(2).all(|pair| pair[0] > pair[1]);
        let in_range = ts.iter().all(|&t| usize::try_from(t).is_ok_and(|t| t <= about.timesteps));
        if !falls || !in_range || ts.last() != Some(&0) {
            return Err("its timesteps do not fall from T to 0".into());
        }
        let mut parts = Vec::new();
        for name in PICTURES {
            let tensor = tensor(name, Dtype::U8)?;
            if tensor.shape() != [moments, digits, height, width] {
                return Err(format!("{name} has another shape than x_t"));
            }
            parts.push(tensor.data().chunks_exact(digits * height * width));
        }
        let mut next = |part: usize| {
            let pixels = parts[part].next().map(<[u8]>::to_vec).unwrap_or_default();
            Arc::new(Pictures { width, height, pixels })
        };
        let moment = |&t: &i32| FilmMoment { t: t as usize, x_t: next(0), x0_hat: next(1), eps_hat: next(2) };
        let moments = ts.iter().map(moment).collect();
        Ok(Self { step: about.step, timesteps: about.timesteps, classes: about.classes, moments })
    }

    /// Bytes of its pictures.
    pub fn bytes(&self) -> u64 {
        let pictures = self.moments.iter().flat_map(|moment| [&moment.x_t, &moment.x0_hat, &moment.eps_hat]);
        pictures.map(|pictures| pictures.pixels.len() as u64).sum()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A film of two digits of 3×2 pixels in three moments.
    pub fn film(step: u64) -> Film {
        let picture = |value: u8| Arc::new(Pictures { width: 2, height: 3, pixels: vec![value; 12] });
        let moment = |(i, t): (u8, usize)| FilmMoment {
            t,
            x_t: picture(10 * i + step as u8),
            x0_hat: picture(10 * i + 1),
            eps_hat: picture(10 * i + 2),
        };
        let moments = (0..).zip([900, 300, 0]).map(moment).collect();
        Film { step, timesteps: 1000, classes: vec![Some(3), None], moments }
    }

    #[test]
    fn it_is_read_back_and_written_in_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        film(800).write(&path).unwrap();
        assert_eq!(Film::read(&path).unwrap(), film(800));
        assert_eq!(std::fs::read(&path).unwrap(), film(800).to_bytes().unwrap());
        assert_eq!(film(800).bytes(), 3 * 3 * 12);
    }

    #[test]
    fn what_is_no_film_is_refused_with_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let refused = |change: &dyn Fn(&mut Film)| {
            let mut film = film(1);
            change(&mut film);
            let bytes = film.to_bytes().unwrap();
            std::fs::write(&path, bytes).unwrap();
            let error = Film::read(&path).unwrap_err();
            assert!(!error.hint().is_empty());
            error.to_string()
        };
        assert!(refused(&|film| film.moments[1].t = 900).contains("do not fall"));
        assert!(refused(&|film| film.moments[2].t = 1).contains("to 0"));
        assert!(refused(&|film| film.timesteps = 899).contains("do not fall from T"));
        assert!(refused(&|film| film.timesteps = usize::MAX).contains("are no film"));
        assert!(refused(&|film| film.classes[0] = Some(10)).contains("are no film"));
        std::fs::write(&path, vec![b' '; MAX_FILE as usize + 1]).unwrap();
        assert!(Film::read(&path).unwrap_err().to_string().contains("too long"));
        assert!(Film::read(folder.path()).unwrap_err().to_string().contains("not a file"));
    }

    #[test]
    fn any_cut_and_any_turned_bit_is_refused_or_a_film() {
        let whole = film(7).to_bytes().unwrap();
        for end in 0..whole.len() {
            assert!(Film::of_bytes(&whole[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(film) = Film::of_bytes(&bytes) {
                assert_eq!((film.moments.len(), film.classes.len(), film.moments[2].t), (3, 2, 0));
                assert!(film.moments.iter().all(|moment| moment.x_t.count() == 2 && moment.eps_hat.count() == 2));
            }
        }
    }
}
