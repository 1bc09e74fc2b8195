//! Shows the configured values and their origins.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Printer;
use crate::cli::config::{Config as Args, ConfigCommand};
use crate::config::{Config, DefaultPath, Origin, SETTINGS, Setting, example, masked};
use crate::error::{Error, Result};
use crate::tui::keys::Keymap;

/// Credentials, which are read only from environment variables. MLflow's own variables apply to the source.
const SECRETS: [(&str, &[&str]); 6] = [
    ("source password", &["MLFERRY_SOURCE_PASSWORD", "MLFLOW_TRACKING_PASSWORD"]),
    ("source token", &["MLFERRY_SOURCE_TOKEN", "MLFLOW_TRACKING_TOKEN"]),
    ("source headers", &["MLFERRY_SOURCE_HEADERS"]),
    ("target password", &["MLFERRY_TARGET_PASSWORD"]),
    ("target token", &["MLFERRY_TARGET_TOKEN"]),
    ("target headers", &["MLFERRY_TARGET_HEADERS"]),
];

pub fn config(args: &Args, file: Option<PathBuf>, config: &Config, printer: &Printer) -> Result<u8> {
    let place = DefaultPath::find(file, &variable);
    match args.command {
        ConfigCommand::Show => show(&place, config, printer),
        ConfigCommand::Path => {
            let path = place.path()?;
            printer.object("config_path", &json!({ "path": path, "exists": path.exists() }));
            printer.result(&path.display().to_string());
        }
        ConfigCommand::Init => init(place.path()?, printer)?,
    }
    Ok(0)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn init(path: &Path, printer: &Printer) -> Result<()> {
    let at = |e: std::io::Error| Error::from(e).at(path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(at)?;
    }
    let keys = Keymap::default().names();
    let keys: Vec<(&str, String)> =
        keys.iter().filter_map(|(name, key)| Some((name.as_str(), key.clone()?))).collect();
    let mut file = std::fs::File::create_new(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Error::usage("the file exists and is not overwritten")
            .at(path.display())
            .hint("name another file with --config"),
        _ => at(e),
    })?;
    std::io::Write::write_all(&mut file, example(&keys).as_bytes()).map_err(at)?;
    printer.object("config_path", &json!({ "path": path, "exists": true }));
    printer.result(&format!("written: {}", path.display()));
    Ok(())
}

fn show(place: &DefaultPath, config: &Config, printer: &Printer) {
    let file = config.path.as_deref().or(place.path.as_deref()).map(|path| path.display().to_string());
    let file = file.unwrap_or_default();
    let none = if config.path.is_none() { " (does not exist)" } else { "" };
    printer.object(
        "config",
        &json!({ "file": file, "is_there": config.path.is_some(), "profile": config.profile }),
    );
    printer.result(&format!("{file}{none}"));
    printer.result(&match &config.profile {
        Some(name) => format!("profile {name}"),
        None => "no profile".to_owned(),
    });
    for setting in SETTINGS {
        let (value, from) = found(setting, config);
        row(setting.key, value.as_deref(), &from, printer);
    }
    for (name, variables) in SECRETS {
        let from = variables.iter().find(|name| variable(name).is_some());
        row(name, from.map(|_| "set"), from.map_or("", |from| from), printer);
    }
    for binding in &config.bindings {
        let name = format!("keys.{}", binding.action);
        row(&name, Some(&binding.keys.join(" ")), &format!("line {}", binding.line), printer);
    }
}

/// A value, and where it comes from.
fn found(setting: &Setting, config: &Config) -> (Option<String>, String) {
    if let Some(value) = config.get(setting.key) {
        let from = match &value.origin {
            Origin::Variable(name) => name.clone(),
            Origin::Profile { name, line } => format!("profile {name}, line {line}"),
            Origin::Defaults { line } => format!("[defaults], line {line}"),
            Origin::File { line } => format!("line {line}"),
        };
        return (Some(masked(&value.text)), from);
    }
    if let Some((name, text)) = setting.last.and_then(|name| Some((name, variable(name)?))) {
        return (Some(masked(&text)), name.to_owned());
    }
    match setting.built_in {
        Some(value) => (Some(value.to_owned()), "built in".to_owned()),
        None => (None, String::new()),
    }
}

fn row(name: &str, value: Option<&str>, from: &str, printer: &Printer) {
    printer.object("setting", &json!({ "name": name, "value": value, "from": from }));
    let value = value.unwrap_or("-");
    printer.result(format!("  {name:<24} {value:<36} {from}").trim_end());
}
