//! Every installed package has exactly one version, which is written in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mlferry::demo::{Sandbox, Venv};

use crate::support::locks::LOCKS;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder of the repository that have one of these endings.
fn files(folder: &str, ends: &[&str]) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if ends.iter().any(|end| path.to_str().unwrap().ends_with(end)) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The names and versions of the lines that pin a package for all Pythons. Other lines are ignored.
fn pins(text: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut pins: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let package = line.split_once(" ; ").map_or(line, |(package, _)| package);
        let (name, version) = package.split_once("==").unwrap_or_else(|| panic!("not pinned: {line}"));
        assert!(!version.is_empty() && !version.contains(['*', ',', ' ']), "not one version: {line}");
        pins.entry(name.split('[').next().unwrap()).or_default().insert(version);
    }
    pins
}

#[test]
fn each_lock_pins_what_it_is_made_from() {
    let wanted = [files("assets/locks", &[".in"]), files("tests/support/locks", &[".in"])].concat();
    for file in &wanted {
        let text = fs::read_to_string(file.with_extension("txt"))
            .unwrap_or_else(|_| panic!("run tests/support/locks/refresh.sh {}", stem(file)));
        assert!(text.starts_with(&format!("# Made from {}.in by", stem(file))), "{}", file.display());
        let pins = pins(&text);
        let wanted = fs::read_to_string(file).unwrap();
        for line in wanted.lines().filter(|line| !line.starts_with('#')) {
            let name: String =
                line.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
            let versions = pins.get(name.replace('_', "-").as_str());
            let versions = versions.unwrap_or_else(|| panic!("{name} is not in the lock {}", stem(file)));
            if let Some((_, version)) = line.split_once("==") {
                assert_eq!(versions, &BTreeSet::from([version]), "{name} of {}", stem(file));
            }
        }
    }
    let here = files("tests/support/locks", &[".txt"]).iter().map(|file| stem(file)).collect::<BTreeSet<_>>();
    let known = LOCKS.iter().map(|lock| lock.name.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(here, known);
}

/// Every release that starts a server is written as a string of three numbers.
#[test]
fn each_release_that_a_test_or_a_bench_names_has_a_lock() {
    let known: BTreeSet<&str> = LOCKS.iter().map(|lock| lock.name).collect();
    for file in [files("tests", &[".rs"]), files("benches", &[".rs"])].concat() {
        let text = fs::read_to_string(&file).unwrap();
        for word in text.split('"').filter(|word| word.split('.').count() == 3) {
            if word.split('.').all(|part| part.parse::<u16>().is_ok()) {
                let lock = format!("mlflow-{word}");
                assert!(known.contains(lock.as_str()), "{}: there is no {lock}.in", file.display());
            }
        }
    }
}

/// Every environment is created from a lock.
#[test]
fn nothing_is_installed_but_from_a_lock() {
    let code = ["src", "tests", "benches", "assets"].map(|folder| files(folder, &[".rs", ".py"])).concat();
    let installs = |text: &str| text.contains("\"pip\",");
    let found: Vec<_> =
        code.into_iter().filter(|file| installs(&fs::read_to_string(file).unwrap())).collect();
    let only = [root().join("src/demo/venv.rs"), root().join("tests/offline/locks.rs")];
    assert_eq!(found, only);
}

/// With an empty cache: `MLFERRY_CACHE_DIR=$(mktemp -d) cargo test --test offline locks -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "installs some gigabytes from PyPI"]
async fn every_lock_installs_and_is_complete() {
    let say = |line: &str| println!("{line}");
    let mut venvs = vec![("sandbox", Sandbox::environment(&say).await.unwrap())];
    for lock in LOCKS {
        venvs.push((lock.name, Venv::ensure(lock, &say).await.unwrap()));
    }
    for (name, venv) in venvs {
        let mut check = venv.command();
        let output =
            check.args(["-m", "uv", "pip", "check", "--python"]).arg(venv.python()).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let wanted = root().join(format!("tests/support/locks/{name}.in"));
        let left_out = fs::read_to_string(wanted).unwrap_or_default().matches("# without: ").count();
        let missing = text.lines().filter(|line| line.starts_with("The package ")).count();
        assert_eq!(missing, left_out, "{name}: {text}");
        assert_eq!(output.status.success(), left_out == 0, "{name}: {text}");
    }
}
