//! The house rules that no compiler checks: where the arrows point, what files may say, how long they may be.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Paths, relative to the root, of the files that belong to the project.
fn files() -> Vec<PathBuf> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    if let Ok(listed) = listed
        && listed.status.success()
    {
        let paths = String::from_utf8(listed.stdout).expect("names of files are text");
        return paths.split('\0').map(PathBuf::from).filter(|path| root().join(path).is_file()).collect();
    }
    // An unpacked archive has no history: then all files but what a build or a run leaves.
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("the folder was listed") {
            let path = folder.join(entry.expect("the folder is readable").file_name());
            let left_behind = ["target", "runs", ".git"].iter().any(|name| path == Path::new(name));
            match root().join(&path).is_dir() {
                _ if left_behind => {}
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// The Rust files below one folder or beside it as `folder.rs`.
fn sources(module: &str) -> Vec<PathBuf> {
    let (folder, file) = (PathBuf::from(module), PathBuf::from(format!("{module}.rs")));
    let rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let found: Vec<_> =
        files().into_iter().filter(|path| rust(path) && (path.starts_with(&folder) || *path == file)).collect();
    assert!(!found.is_empty(), "no source of {module}");
    found
}

/// The source without its comments.
fn code(path: &Path) -> String {
    let text = read(path);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    lines.join("\n")
}

/// The modules of the crate that a source names: `a` and `b` of `use crate::{a::X, b}` and of `crate::a::f()`.
fn crate_modules(source: &str) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for (start, _) in source.match_indices("crate::") {
        let rest = &source[start + "crate::".len()..];
        let Some(list) = rest.strip_prefix('{') else {
            modules.insert(first_word(rest));
            continue;
        };
        let mut depth = 1;
        let mut item = String::new();
        for letter in list.chars() {
            depth += i32::from(letter == '{') - i32::from(letter == '}');
            if depth == 0 || (depth == 1 && letter == ',') {
                modules.insert(first_word(item.trim()));
                item.clear();
            } else {
                item.push(letter);
            }
            if depth == 0 {
                break;
            }
        }
    }
    modules.remove("");
    modules
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

#[test]
fn modules_are_found_in_every_form_of_use() {
    let source = "use crate::{app::{State, engine}, ui, train::run};\nlet x = crate::model::f();";
    let expected = ["app", "model", "train", "ui"].map(String::from);
    assert_eq!(crate_modules(source), BTreeSet::from(expected));
}

#[test]
fn the_panels_know_neither_tensors_nor_threads() {
    for path in sources("src/ui") {
        let code = code(&path);
        for word in ["candle", "crossbeam", "std::thread", "std::fs"] {
            assert!(!code.contains(word), "{} uses {word}", path.display());
        }
        // Tests make what the engine would have sent.
        let is_test = path.file_name().is_some_and(|name| name == "tests.rs");
        for module in ["engine", "train", "model", "cli"].into_iter().filter(|_| !is_test) {
            assert!(!crate_modules(&code).contains(module), "{} uses crate::{module}", path.display());
        }
    }
}

#[test]
fn state_and_panels_do_not_know_what_is_above_them() {
    let above = [("src/app", vec!["ui", "window", "cli"]), ("src/ui", vec!["window", "cli"])];
    for (module, above) in above {
        for path in sources(module) {
            for above in &above {
                assert!(!crate_modules(&code(&path)).contains(*above), "{} uses crate::{above}", path.display());
            }
        }
    }
}

#[test]
fn colours_are_named_in_the_palette_alone() {
    let mut looked_at = 0;
    for path in ["src/ui", "src/app", "src/window"].into_iter().flat_map(sources) {
        if path == Path::new("src/ui/palette.rs") {
            continue;
        }
        looked_at += 1;
        let code = code(&path);
        // Tests of what is drawn may name what they look for.
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        for kind in ["Color32::", "Rgba::", "Hsva::"] {
            for (place, _) in code.match_indices(kind) {
                let named = first_word(&code[place + kind.len()..]);
                // No colour yet: whoever paints it chooses one.
                assert!(named == "PLACEHOLDER", "{} names a colour: {kind}{named}", path.display());
            }
        }
    }
    assert!(looked_at > 60, "only {looked_at} files were looked at");
}

#[test]
fn the_library_does_not_know_the_window() {
    for module in ["train", "model", "diffusion", "data", "eval", "engine"] {
        for path in sources(&format!("src/{module}")) {
            let code = code(&path);
            for word in ["egui", "eframe"] {
                assert!(!code.contains(word), "{} uses {word}", path.display());
            }
            for above in ["app", "ui", "window", "cli"] {
                assert!(!crate_modules(&code).contains(above), "{} uses crate::{above}", path.display());
            }
        }
    }
}

#[test]
fn the_library_does_not_know_the_engine() {
    for module in ["train", "model", "diffusion", "data", "eval"] {
        for path in sources(&format!("src/{module}")) {
            assert!(!crate_modules(&code(&path)).contains("engine"), "{} uses crate::engine", path.display());
        }
    }
}

#[test]
fn a_file_is_one_idea() {
    for path in files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let lines = read(&path).lines().count();
        assert!(lines <= 400, "{} has {lines} lines", path.display());
    }
    let main = read("src/main.rs").lines().count();
    assert!(main < 80, "src/main.rs has {main} lines");
}

#[test]
fn every_dependency_has_its_reason() {
    let architecture = read("ARCHITECTURE.md");
    let manifest = read("Cargo.toml");
    let mut inside = false;
    let mut count = 0;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim_end_matches(']').ends_with("dependencies");
        } else if inside && let Some((name, _)) = line.split_once('=') {
            let word = name.trim().replace('-', "_");
            let used = files().iter().any(|path| {
                let rust = path.extension().is_some_and(|extension| extension == "rs");
                rust && !path.ends_with("repository.rs") && read(path).contains(&word)
            });
            assert!(used, "{} is used nowhere", name.trim());
            let row = format!("| `{}` |", name.trim());
            assert!(architecture.contains(&row), "ARCHITECTURE.md does not say why {} is there", name.trim());
            count += 1;
        }
    }
    assert!(count > 10, "only {count} dependencies were read from Cargo.toml");
}

#[test]
fn files_name_no_machine_but_yours() {
    // Put together here, so that this file does not hold what it looks for.
    let slashed = |name: &str| format!("/{name}/");
    let traces = [slashed("root"), slashed("home"), slashed("work"), slashed("Users"), format!("local{}:", "host")];
    let mut texts = 0;
    for path in files() {
        let Ok(text) = String::from_utf8(fs::read(root().join(&path)).unwrap()) else { continue };
        texts += 1;
        for trace in &traces {
            assert!(!text.contains(trace), "{} holds {trace}", path.display());
        }
    }
    assert!(texts > 20, "only {texts} texts were read");
}

#[test]
fn crates_come_from_the_public_registry() {
    let lock = read("Cargo.lock");
    let sources: BTreeSet<_> = lock.lines().filter(|line| line.starts_with("source = ")).collect();
    assert_eq!(sources, BTreeSet::from(["source = \"registry+https://github.com/rust-lang/crates.io-index\""]));
}

#[test]
fn every_asset_has_its_licence() {
    let assets: Vec<_> = files().into_iter().filter(|path| path.starts_with("assets")).collect();
    assert!(assets.len() > 4, "only {} assets", assets.len());
    for path in &assets {
        let folder = path.parent().unwrap();
        let note = folder.join("README.md");
        let (text, name) = (read(&note), path.file_name().unwrap().to_str().unwrap());
        assert!(text.to_lowercase().contains("licence"), "{} names no licence", note.display());
        assert!(name == "README.md" || text.contains(name), "{} does not speak of {name}", note.display());
    }
}

/// The targets of Markdown links and pictures, `[text](target)`, that are files of the project.
fn links(text: &str) -> Vec<&str> {
    let targets = text.match_indices("](").map(|(start, _)| &text[start + 2..]);
    let targets = targets.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let files = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    files.map(|target| target.split('#').next().unwrap_or(target)).collect()
}

#[test]
fn every_link_leads_somewhere() {
    assert_eq!(links("[a](b.md#c) ![d](e/f.png) [g](https://h.i) [j](#k)"), ["b.md", "e/f.png"]);
    let mut count = 0;
    for path in files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = read(&path);
        for target in links(&text) {
            let place = root().join(&path).parent().unwrap().join(target);
            assert!(place.exists(), "{} points to {target}, which is not there", path.display());
            count += 1;
        }
    }
    assert!(count > 10, "only {count} links were found");
}

#[test]
fn the_readme_begins_with_the_two_commands() {
    let readme = read("README.md");
    let place = |text| readme.find(text).unwrap_or_else(|| panic!("README.md lacks {text}"));
    let order = [place("resources/window.png"), place("cargo run --release"), place("cargo test --release")];
    assert!(order.is_sorted() && order[2] < 1500, "{order:?}");
}
