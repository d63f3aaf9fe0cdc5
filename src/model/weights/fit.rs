//! Whether weights suit a network: every name and every shape, before anything is read or built.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Shape, Tensor, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

use super::Stored;
use crate::config::NetworkSettings;
use crate::model::Network;
use crate::text::shown;
use crate::{Error, Result};

/// More weights than any network of these settings has; settings that come from a file may ask for more.
const MOST_WEIGHTS: usize = 20_000;
/// How many that do not fit are named.
const NAMED: usize = 3;

/// A name and a shape.
pub type Named = (String, Vec<usize>);

/// The weights that a network asks for, in its order. Nothing of their size is allocated.
///
/// # Errors
/// When the settings are of no network.
pub fn expected(settings: &NetworkSettings) -> Result<Vec<Named>> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let source: Box<dyn SimpleBackend> = Box::new(Asked(Arc::clone(&asked)));
    Network::new(settings, &VarBuilder::from_backend(source, DType::F32, Device::Cpu))?;
    Ok(std::mem::take(&mut *asked.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// Compares what is there with what is expected; of `optional` names it does not matter.
///
/// # Errors
/// [`Error::Mismatch`] with the first three that do not fit.
pub fn check(path: &Path, found: &[Stored], expected: &[Named], optional: &[&str]) -> Result<()> {
    let found = found.iter().map(|stored| (stored.name.as_str(), stored.shape())).collect();
    let misfits = misfits(&found, expected, optional);
    misfits.map_or(Ok(()), |what| Err(Error::Mismatch { path: path.to_path_buf(), what: shown(&what).into_owned() }))
}

/// The first three that do not fit, of shapes by name; none where all do.
pub fn misfits(found: &BTreeMap<&str, &[usize]>, expected: &[Named], optional: &[&str]) -> Option<String> {
    // Shapes first: they tell of another size of the same network.
    let (mut wrong, mut missing) = (Vec::new(), Vec::new());
    for (name, shape) in expected {
        match found.get(name.as_str()) {
            None => missing.push(format!("{name} is missing")),
            Some(found) if found != shape => wrong.push(format!("{name} is {found:?}, not {shape:?}")),
            Some(_) => {}
        }
    }
    wrong.append(&mut missing);
    let known: HashSet<&str> = expected.iter().map(|(name, _)| name.as_str()).chain(optional.iter().copied()).collect();
    let strange = found.keys().filter(|name| !known.contains(*name));
    wrong.extend(strange.map(|name| format!("{} is not part of it", super::shown(name))));
    if wrong.is_empty() {
        return None;
    }
    let more = wrong.len().saturating_sub(NAMED);
    wrong.truncate(NAMED);
    let mut what = wrong.join("; ");
    if more > 0 {
        what.push_str(&format!("; and {more} more"));
    }
    Some(what)
}

/// Remembers what is asked for and hands out zeros that take no memory: one number, repeated by a stride of 0.
struct Asked(Arc<Mutex<Vec<Named>>>);

impl SimpleBackend for Asked {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= MOST_WEIGHTS {
            bail!("the settings ask for a network of more than {MOST_WEIGHTS} weights");
        }
        asked.push((name.to_owned(), shape.dims().to_vec()));
        Tensor::zeros((), dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        bail!("the weight {name} was asked for without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;
    use crate::model::weights::WeightsFile;

    #[test]
    fn a_network_is_asked_without_memory() {
        let expected = expected(&Preset::Small.settings().network).unwrap();
        let count: usize = expected.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        assert_eq!(count, 460_516);
        assert!(expected.contains(&("conv_in.weight".into(), vec![32, 4, 3, 3])));
    }

    #[test]
    fn the_first_three_that_do_not_fit_are_named() {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        let file = WeightsFile::open(&vectors.join("state_dict.pth")).unwrap();
        let named = |name: &str, shape: &[usize]| (name.to_owned(), shape.to_vec());
        let mut expected: Vec<_> = file.tensors().iter().map(|t| named(&t.name, t.shape())).collect();
        check(file.path(), file.tensors(), &expected, &[]).unwrap();
        expected.retain(|(name, _)| name != "steps");
        check(file.path(), file.tensors(), &expected, &["steps"]).unwrap();
        expected.retain(|(name, _)| name != "bf");
        expected.retain(|(name, _)| name != "a");
        expected.extend([named("a", &[3, 4]), named("b", &[1])]);
        let error = check(file.path(), file.tensors(), &expected, &[]).unwrap_err().to_string();
        let end = "a is [4, 3], not [3, 4]; b is missing; bf is not part of it; and 1 more";
        assert!(error.ends_with(end), "{error}");
    }
}
