//! Imports go downwards only. The test reads the `use crate::…` lines (and other paths) of each folder.

mod circles;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A layer and the other layers that it may use.
const MAY_USE: [(&str, &[&str]); 20] = [
    ("error", &[]),
    ("limits", &[]),
    ("entities", &["error"]),
    ("plan", &["entities", "error"]),
    ("tls", &["error"]),
    ("io", &["entities", "error", "limits"]),
    ("aws", &["tls", "io", "entities", "error", "limits"]),
    ("rest", &["aws", "tls", "io", "entities", "error", "limits"]),
    ("artifacts", &["rest", "aws", "tls", "io", "entities", "error", "limits"]),
    ("archive", &["artifacts", "entities", "error"]),
    ("memory", &["entities", "error"]),
    (
        "readers",
        &[
            "archive",
            "artifacts",
            "memory",
            "rest",
            "aws",
            "tls",
            "io",
            "plan",
            "entities",
            "error",
            "limits",
        ],
    ),
    ("writers", &["archive", "artifacts", "memory", "rest", "aws", "io", "entities", "error"]),
    ("report", &["readers", "artifacts", "plan", "entities", "error"]),
    (
        "engine",
        &[
            "report",
            "readers",
            "writers",
            "archive",
            "artifacts",
            "memory",
            "rest",
            "aws",
            "io",
            "plan",
            "entities",
            "error",
            "limits",
        ],
    ),
    ("demo", &["error"]),
    ("config", &["error", "limits"]),
    ("cli", &[]),
    ("commands", &["cli", "config", "demo", "tui", "engine", "plan", "entities", "error", "limits"]),
    ("tui", &["config", "engine", "plan", "entities", "error"]),
];

/// Crates that only these layers may use.
const CRATES: [(&str, &[&str]); 18] = [
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
    ("clap", &["cli", "commands"]),
    ("indicatif", &["commands"]),
    // A test in `limits` names these crates to find code that creates a client.
    ("reqwest", &["rest", "aws", "artifacts", "limits"]),
    ("rustls", &["tls"]),
    ("mysql_async", &["readers"]),
    ("tokio_postgres", &["readers"]),
    ("rusqlite", &["engine", "readers", "error"]),
    ("saphyr_parser", &["readers"]),
    ("aws_config", &["aws", "limits"]),
    ("aws_credential_types", &["aws"]),
    ("aws_sdk_iam", &["aws"]),
    ("aws_sdk_s3", &["artifacts"]),
    ("aws_sdk_sagemaker", &["aws"]),
    ("aws_sdk_sts", &["aws"]),
    ("aws_sigv4", &["aws"]),
    ("object_store", &["artifacts"]),
];

fn files_below(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    fs::read_dir(path).unwrap().flat_map(|entry| files_below(&entry.unwrap().path())).collect()
}

fn layers() -> Vec<(String, Vec<PathBuf>)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    fs::read_dir(src)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), files_below(&path)))
        .filter(|(layer, _)| !["main", "lib"].contains(&layer.as_str()))
        .collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words after `prefix` in a file, without comments.
fn named(text: &str, prefix: &str) -> BTreeSet<String> {
    let code =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    code.match_indices(prefix)
        .map(|(at, _)| &code[at + prefix.len()..])
        .map(|rest| rest.chars().take_while(|c| is_word(*c)).collect())
        .collect()
}

#[test]
fn imports_go_downwards_only() {
    for (layer, files) in layers() {
        let (_, may) =
            MAY_USE.iter().find(|(name, _)| *name == layer).unwrap_or_else(|| panic!("{layer} has no rule"));
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for used in named(&text, "crate::") {
                let fine = used == layer || may.contains(&used.as_str());
                assert!(fine, "{}: {layer} may not use {used}", file.display());
            }
        }
    }
}

#[test]
fn crates_stay_in_their_layer() {
    for (layer, files) in layers() {
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for (name, allowed) in CRATES {
                let uses = text.contains(&format!("{name}::")) || text.contains(&format!("use {name};"));
                assert!(
                    !uses || allowed.contains(&layer.as_str()),
                    "{}: {layer} may not use {name}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn no_file_is_too_long_to_read_at_one_sitting() {
    for (_, files) in layers() {
        for file in files {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= 500, "{} has {lines} lines", file.display());
        }
    }
}
