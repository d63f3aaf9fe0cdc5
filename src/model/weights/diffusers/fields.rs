//! The fields of one of diffusers' JSON files: read with diffusers' defaults, refused by name and value.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::files::read_up_to;
use crate::model::weights::pickle::shown;
use crate::{Error, Result};

/// The longest file that is read: trained betas of 4,000 timesteps fit.
const MAX_BYTES: u64 = 1 << 20;

/// One file.
#[derive(Debug)]
pub struct Fields {
    path: PathBuf,
    map: Map<String, Value>,
}

impl Fields {
    pub fn read(path: &Path) -> Result<Self> {
        let hint = "use a folder that save_pretrained wrote";
        let text = read_up_to(path, MAX_BYTES)?;
        let text = text.ok_or_else(|| Error::format(path, "it is too long for a configuration", hint))?;
        let map = serde_json::from_slice(&text).map_err(|error| Error::format(path, error.to_string(), hint))?;
        Ok(Self { path: path.to_path_buf(), map })
    }

    /// The value, or `default` where the file has none or null.
    fn get(&self, name: &str, default: &Value) -> Value {
        self.map.get(name).filter(|value| !value.is_null()).unwrap_or(default).clone()
    }

    /// The value cannot be had here.
    pub fn refuse(&self, name: &str, value: &dyn std::fmt::Display, hint: &str) -> Error {
        Error::format(&self.path, format!("{name} = {} is not supported", shown(&value.to_string())), hint)
    }

    /// The field must have this value, which is also its default.
    pub fn only(&self, name: &str, value: impl Into<Value>) -> Result<()> {
        self.one_of(name, &[value.into()]).map(drop)
    }

    /// The field must have one of these values, the first of which is its default.
    pub fn one_of(&self, name: &str, values: &[Value]) -> Result<Value> {
        let found = self.get(name, &values[0]);
        // 1 and 1.0 are the same to Python.
        let same = |value: &&Value| **value == found || value.as_f64().is_some_and(|v| Some(v) == found.as_f64());
        match values.iter().find(same) {
            Some(value) => Ok(value.clone()),
            None => {
                let names: Vec<_> = values.iter().map(ToString::to_string).collect();
                Err(self.refuse(name, &found, &format!("here {name} can be {}", names.join(" or "))))
            }
        }
    }

    /// Whether the file has the field, as null.
    pub fn is_null(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(Value::is_null)
    }

    pub fn flag(&self, name: &str, default: bool) -> Result<bool> {
        let value = self.get(name, &Value::Bool(default));
        value.as_bool().ok_or_else(|| self.refuse(name, &value, "it is true or false"))
    }

    pub fn number(&self, name: &str, default: f64) -> Result<f64> {
        let value = self.get(name, &Value::from(default));
        value.as_f64().ok_or_else(|| self.refuse(name, &value, "it is a number"))
    }

    /// A count from 1 to `most`; `None` where the file has none or null.
    pub fn count(&self, name: &str, most: usize) -> Result<Option<usize>> {
        let value = self.get(name, &Value::Null);
        if value.is_null() {
            return Ok(None);
        }
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|count| (1..=most).contains(count));
        count.map(Some).ok_or_else(|| self.refuse(name, &value, &format!("here it can be 1 to {most}")))
    }

    pub fn text(&self, name: &str) -> Result<String> {
        let value = self.get(name, &Value::Null);
        value.as_str().map(str::to_owned).ok_or_else(|| self.refuse(name, &value, "it is a name"))
    }

    /// A list, which must be there.
    pub fn list(&self, name: &str) -> Result<Vec<Value>> {
        let value = self.get(name, &Value::Null);
        value.as_array().cloned().ok_or_else(|| self.refuse(name, &value, "it is a list"))
    }

    /// Every field that has a value is one of `known`; names that begin with `_` are notes.
    pub fn known(&self, known: &[&str]) -> Result<()> {
        let strange = self
            .map
            .iter()
            .find(|(name, value)| !value.is_null() && !name.starts_with('_') && !known.contains(&name.as_str()));
        strange.map_or(Ok(()), |(name, value)| Err(self.refuse(name, value, "the field is not known here")))
    }
}
