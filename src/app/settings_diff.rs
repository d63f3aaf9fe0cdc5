//! Which settings of two or more runs differ, in the words of the panel.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::Settings;

/// The part of the settings that no run is trained with.
const DRAWING: &str = "sampling";

/// A setting whose values are not all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `batch size`.
    pub name: String,
    /// One a run, in their order; a dash where the run has no such setting.
    pub values: Vec<String>,
}

/// The settings of training that differ; those of drawing are no part of a run.
pub fn differences(runs: &[&Settings]) -> Vec<Difference> {
    differing(runs, |part| part != DRAWING)
}

/// What differs from the preset, the drawing too, but for where the images come from, which no preset says.
pub fn changes(preset: &Settings, now: &Settings) -> Vec<Difference> {
    let mut preset = preset.clone();
    preset.data.source.clone_from(&now.data.source);
    all_differences(&preset, now)
}

/// Every value that differs.
pub fn all_differences(before: &Settings, after: &Settings) -> Vec<Difference> {
    differing(&[before, after], |_| true)
}

fn differing(runs: &[&Settings], of: impl Fn(&str) -> bool) -> Vec<Difference> {
    let runs: Vec<BTreeMap<String, String>> = runs.iter().map(|settings| flat(settings, &of)).collect();
    let mut names: Vec<&String> = runs.iter().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    let row = |name: &String| {
        let values: Vec<String> = runs.iter().map(|run| run.get(name).cloned().unwrap_or_else(|| "–".into())).collect();
        let differ = values.windows(2).any(|pair| pair[0] != pair[1]);
        differ.then(|| Difference { name: words(name), values })
    };
    names.into_iter().filter_map(row).collect()
}

/// Every value of these parts by its path, such as `training.batch_size`.
fn flat(settings: &Settings, of: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    if let Ok(Value::Object(parts)) = serde_json::to_value(settings) {
        for (name, part) in parts.into_iter().filter(|(name, _)| of(name)) {
            add(&name, part, &mut values);
        }
    }
    values
}

fn add(path: &str, value: Value, values: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(parts) => {
            for (name, part) in parts {
                add(&format!("{path}.{name}"), part, values);
            }
        }
        Value::String(text) => drop(values.insert(path.into(), text.replace('_', " "))),
        Value::Bool(yes) => drop(values.insert(path.into(), if yes { "yes" } else { "no" }.into())),
        Value::Null => {}
        Value::Array(list) => {
            let texts: Vec<String> = list.iter().map(Value::to_string).collect();
            drop(values.insert(path.into(), texts.join(", ")));
        }
        Value::Number(_) => drop(values.insert(path.into(), value.to_string())),
    }
}

/// `training.batch_size` as `batch size`; the choices of a budget and of a subset keep their group, and what belongs to a
/// drawing says so, as a run has a seed, too.
fn words(path: &str) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    let shown = match parts.as_slice() {
        [_, group @ ("budget" | "subset" | "source" | "logit_normal"), choice] => format!("{group}, {choice}"),
        [DRAWING, value @ .., last] => {
            let group = value.first().map_or_else(String::new, |group| format!("{group}, "));
            format!("drawing: {group}{last}")
        }
        [.., last] => (*last).to_owned(),
        [] => String::new(),
    };
    shown.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Budget, ClassChoice, Preset, Subset};

    #[test]
    fn equal_settings_differ_in_nothing_and_drawing_is_left_out() {
        let mut other = Preset::Small.settings();
        other.sampling.count += 1;
        assert_eq!(differences(&[&Preset::Small.settings(), &other]), []);
    }

    #[test]
    fn what_was_changed_from_the_preset_holds_the_drawing_and_not_the_source() {
        let preset = Preset::Small.settings();
        let mut now = preset.clone();
        now.data.source = crate::config::DataSource::Path("/data/ada/letters".into());
        now.sampling.guidance_interval = Some([0.2, 3.0]);
        now.sampling.classes = ClassChoice::Only(7);
        now.sampling.seed = 5;
        let found = changes(&preset, &now);
        let rows: Vec<_> = found.iter().map(|row| (row.name.as_str(), row.values[1].as_str())).collect();
        let wanted = [
            ("drawing: classes", "–"),
            ("drawing: classes, only", "7"),
            ("drawing: guidance interval", "0.2, 3.0"),
            ("drawing: seed", "5"),
        ];
        assert_eq!(rows, wanted);
    }

    #[test]
    fn what_differs_is_named_with_both_values() {
        let small = Preset::Small.settings();
        let mut other = small.clone();
        other.training.batch_size = 32;
        other.training.budget = Budget::Steps(300);
        other.training.logit_normal.mean = 0.0;
        other.data.subset = Subset::First(1000);
        let found = differences(&[&small, &other]);
        let row = |name: &str| found.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("{name}: {found:?}"));
        assert_eq!(row("batch size").values, ["64", "32"]);
        assert_eq!(row("budget, steps").values, ["–", "300"]);
        assert_eq!(row("logit normal, mean").values, ["0.6", "0.0"]);
        assert_eq!(row("subset, first").values, ["–", "1000"]);
        assert_eq!(found.len(), 6, "and what they had before: {found:?}");
    }
}
