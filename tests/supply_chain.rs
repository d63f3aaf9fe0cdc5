//! What the program is made of: `unsafe` in the files of kernels and at the allocator alone, and which crates could open network connections.
//! `deny.toml` has the rules on licences and duplicates. `cargo deny check` holds the dependencies of all systems to them,
//! this file those of the system that it runs on.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates for the protocols of the network, or that only those need.
const NETWORK: &[&str] = &[
    "actix-web",
    "async-net",
    "attohttpc",
    "awc",
    "curl",
    "curl-sys",
    "h2",
    "h3",
    "hf-hub",
    "hickory-resolver",
    "http",
    "http-body",
    "hyper",
    "hyper-util",
    "isahc",
    "libp2p",
    "minreq",
    "mio",
    "native-tls",
    "openssl",
    "openssl-sys",
    "quinn",
    "reqwest",
    "ring",
    "rustls",
    "schannel",
    "socket2",
    "surf",
    "tiny_http",
    "tokio-native-tls",
    "tokio-rustls",
    "tungstenite",
    "ureq",
    "ureq-proto",
    "webpki-roots",
    "websocket",
];

/// Sets an option of the allocator, which is a function of C.
const ALLOCATOR: &str = "src/memory.rs";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, relative to the project.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let found = rust_files_in(&root().join(folder));
    found.into_iter().map(|path| path.strip_prefix(root()).unwrap().to_path_buf()).collect()
}

fn rust_files_in(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            // What a build leaves, as tests/fuzz has one of its own.
            if path.ends_with("target") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// Whether the word stands in the code, comments left out.
fn has_word(text: &str, word: &str) -> bool {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let part = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.flat_map(|line| line.split(|letter| !part(letter)).map(str::to_owned).collect::<Vec<_>>()).any(|w| w == word)
}

/// Names of the crates in a `Cargo.lock`, with the names that each depends on.
fn crates(lock: &str) -> BTreeMap<String, Vec<String>> {
    let mut crates = BTreeMap::<String, Vec<String>>::new();
    for part in lock.split("[[package]]").skip(1) {
        let name = part.lines().find_map(|line| line.strip_prefix("name = ")).unwrap().trim_matches('"').to_owned();
        let listed = part.split_once("dependencies = [").map_or("", |(_, rest)| rest.split(']').next().unwrap());
        let names = listed.split('"').skip(1).step_by(2).map(|name| name.split(' ').next().unwrap().to_owned());
        crates.entry(name).or_default().extend(names);
    }
    crates
}

#[test]
fn unsafe_stands_in_the_kernels_and_at_the_allocator_alone() {
    // Written apart, so that this file does not hold the word that it looks for.
    let word = ["un", "safe"].concat();
    let allow = format!("allow({word}_code)");
    let mut found = 0;
    for path in ["src", "tests", "benches"].into_iter().flat_map(rust_files) {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        if has_word(&text, &word) || text.contains(&allow) {
            let fits = path.starts_with("src/model/ops") || path == Path::new(ALLOCATOR);
            assert!(fits, "{} has {word} code", path.display());
            assert!(text.contains("SAFETY:"), "{} does not say why it is sound", path.display());
            found += 1;
        }
    }
    assert!(found > 3, "only {found} files were seen to have it");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("{word}_code = \"deny\"")), "the compiler does not refuse it elsewhere");
}

#[test]
fn words_are_found_in_code_and_not_in_comments() {
    assert!(has_word("let a = thing { b };", "thing") && has_word("thing{", "thing"));
    assert!(!has_word("// thing\nlet x = something; //! thing", "thing"));
}

#[test]
fn no_crate_for_network_protocols_is_there() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let crates = crates(&lock);
    assert!(crates.len() > 300 && crates["diffuscope"].contains(&"candle-core".to_owned()), "{}", crates.len());
    for name in NETWORK {
        assert!(!crates.contains_key(*name), "{name} is in Cargo.lock");
    }
    // For browsers, wgpu names tokio; without mio and socket2 it cannot open a connection.
    let users: Vec<_> = crates.iter().filter(|(_, needs)| needs.iter().any(|need| need == "tokio")).collect();
    assert!(users.iter().all(|(name, _)| *name == "wasm-bindgen-futures"), "{users:?}");
}

/// Crates that can open a connection, for whom and when. The program asks none of them to.
#[cfg(target_os = "linux")]
const CAN_CONNECT: &[(&str, &str)] = &[
    ("async-io", "the sockets of zbus"),
    ("x11rb", "X11: where DISPLAY names another machine, such as host:0, the window is drawn there, over TCP"),
    ("zbus", "D-Bus: where DBUS_SESSION_BUS_ADDRESS begins with tcp:, the desktop is spoken to there"),
];

/// In the sources of all that is compiled for this system, and not by names alone.
#[cfg(target_os = "linux")]
#[test]
fn crates_that_can_open_a_connection_are_known_with_their_reason() {
    let host = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let host = String::from_utf8(host).unwrap().lines().find_map(|line| Some(line.strip_prefix("host: ")?.to_owned()));
    let words = ["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", &host.unwrap()];
    let output = Command::new(env!("CARGO")).args(words).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let about: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let linked: BTreeSet<_> = linked().into_iter().map(|(name, version, _)| (name, version)).collect();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let (mut found, mut looked_at) = (BTreeSet::new(), 0);
    for package in about["packages"].as_array().unwrap() {
        let name = text(&package["name"]);
        if name == "diffuscope" || !linked.contains(&(name.clone(), text(&package["version"]))) {
            continue;
        }
        looked_at += 1;
        let sources = PathBuf::from(text(&package["manifest_path"])).parent().unwrap().join("src");
        let opens = |path: &PathBuf| {
            let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
            let may = ["TcpStream", "TcpListener", "UdpSocket"].iter().any(|word| text.contains(word));
            may && ["TcpStream", "TcpListener", "UdpSocket"].iter().any(|word| has_word(&text, word))
        };
        if sources.is_dir() && rust_files_in(&sources).iter().any(opens) {
            found.insert(name);
        }
    }
    assert!(looked_at > 200, "{looked_at}");
    assert_eq!(found, CAN_CONNECT.iter().map(|(name, _)| (*name).to_owned()).collect(), "say in CAN_CONNECT for what");
}

#[test]
fn a_crate_in_the_lock_file_is_noticed() {
    let lock = "[[package]]\nname = \"a\"\ndependencies = [\n \"ureq 3.0.0\",\n]\n\n[[package]]\nname = \"ureq\"\n";
    let crates = crates(lock);
    assert!(NETWORK.iter().any(|name| crates.contains_key(*name)));
    assert_eq!(crates["a"], ["ureq"]);
}

#[test]
fn the_program_opens_no_connection_itself() {
    for path in rust_files("src") {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        for word in ["TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs"] {
            assert!(!has_word(&text, word), "{} uses {word}", path.display());
        }
        assert!(!text.contains("std::net"), "{} uses std::net", path.display());
    }
}

#[test]
fn each_duplicate_in_deny_toml_has_its_reason_and_is_there() {
    let [rules, lock] = ["deny.toml", "Cargo.lock"].map(|name| fs::read_to_string(root().join(name)).unwrap());
    let skipped: Vec<_> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("{ crate = \""))
        .filter(|line| line.contains('@'))
        .collect();
    assert!(skipped.len() > 10, "{}", skipped.len());
    for line in skipped {
        let (crate_and_version, rest) = line.split_once('"').unwrap();
        let (name, version) = crate_and_version.split_once('@').unwrap();
        assert!(rest.contains("reason = \""), "{line}");
        assert!(
            lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"")),
            "{name} {version} is gone: take its line out"
        );
    }
}

/// Name, version and licence of what is compiled for this system, as part of the program or to build it.
fn linked() -> BTreeSet<(String, String, String)> {
    let words = ["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}|{l}"];
    let output = Command::new(env!("CARGO")).args(words).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let part = |line: &str| {
        let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
        let (name, version) = package.split_once(' ')?;
        let version = version.split(' ').next()?.trim_start_matches('v');
        Some((name.to_owned(), version.to_owned(), licence.to_owned()))
    };
    text.lines().filter_map(part).collect()
}

/// Features of crates that nothing names in the sources: without them something does nothing, or slowly, in silence.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const NEEDED: &[(&str, &str, &str)] = &[
    ("egui-winit", "clipboard", "what is copied stays in the window"),
    ("winit", "wayland-csd-adwaita", "a window on GNOME's Wayland has no title"),
    ("wayland-backend", "dlopen", "the program does not start where there is no Wayland"),
    ("pulp", "x86-v3", "no vectors without AVX-512"),
    ("pulp", "x86-v4", "no AVX-512"),
    ("gemm-f32", "x86-v4", "no AVX-512 in products"),
];

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn features_that_would_be_missed_in_silence_are_on() {
    let words = ["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}|{f}"];
    let output = Command::new(env!("CARGO")).args(words).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for (name, feature, why) in NEEDED {
        let has = text.lines().any(|line| {
            let (package, features) = line.trim_end_matches(" (*)").split_once('|').unwrap_or_default();
            package.split(' ').next() == Some(name) && features.split(',').any(|one| one == *feature)
        });
        assert!(has, "{name} is without {feature}: {why}");
    }
}

/// The strings that `deny.toml` lists one a line between two headings.
fn listed<'a>(rules: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    let section = rules.split_once(from).unwrap().1.split_once(to).unwrap().0;
    section.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next()).collect()
}

/// Whether a licence expression can be met by the allowed ones. What it does not understand is not allowed.
fn is_met(expression: &str, allowed: &[&str]) -> bool {
    let expression = expression.replace('/', " OR ");
    if let Some((first, rest)) = expression.strip_prefix('(').and_then(|inner| inner.split_once(") AND ")) {
        return is_met(first, allowed) && is_met(rest, allowed);
    }
    expression.split(" OR ").any(|either| either.split(" AND ").all(|one| allowed.contains(&one.trim())))
}

#[test]
fn licences_and_duplicates_are_those_of_deny_toml() {
    let rules = fs::read_to_string(root().join("deny.toml")).unwrap();
    let allowed = listed(&rules, "[licenses]", "[bans]");
    let linked = linked();
    assert!(allowed.len() > 5 && linked.len() > 200, "{} licences, {} crates", allowed.len(), linked.len());
    let mut versions = BTreeMap::<&str, Vec<&str>>::new();
    for (name, version, licence) in &linked {
        assert!(is_met(licence, &allowed), "{name} {version} has the licence {licence:?}");
        if !rules.contains(&format!("crate = \"{name}@{version}\"")) {
            versions.entry(name).or_default().push(version);
        }
    }
    let twice: Vec<_> = versions.iter().filter(|(_, versions)| versions.len() > 1).collect();
    assert!(twice.is_empty(), "without a reason in deny.toml: {twice:?}");
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];
    for met in ["MIT", "GPL-2.0 OR MIT", "Apache-2.0/GPL-2.0", "(MIT OR GPL-2.0) AND Unicode-3.0", "Apache-2.0 AND MIT"]
    {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in ["", "GPL-2.0", "MIT AND GPL-2.0", "(MIT OR Apache-2.0) AND GPL-2.0", "((MIT) AND GPL-2.0) OR MIT-0"] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}
