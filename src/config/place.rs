use std::path::PathBuf;

use directories::ProjectDirs;

use crate::error::{Error, Result};

/// The path of the file, whether it exists or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultPath {
    /// `None` on a machine without a home directory.
    pub path: Option<PathBuf>,
    /// The user named the file, so it must exist.
    pub is_named: bool,
}

impl DefaultPath {
    /// `given`, or else `MLFERRY_CONFIG`, or else `config.toml` in the user's config directory.
    pub fn find(given: Option<PathBuf>, get: &impl Fn(&str) -> Option<String>) -> Self {
        let named =
            given.or_else(|| get("MLFERRY_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
        let is_named = named.is_some();
        let usual = || Some(ProjectDirs::from("", "", "mlferry")?.config_dir().join("config.toml"));
        Self { path: named.or_else(usual), is_named }
    }

    /// The text of the file. Returns `None` if the user named no file and the default file does not exist.
    pub fn read(&self) -> Result<Option<String>> {
        let Some(path) = &self.path else {
            return Ok(None);
        };
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && !self.is_named => Ok(None),
            Err(e) => Err(Error::usage(format!("{}: {e}", path.display()))
                .hint(format!("`mlferry config init --config {}` writes one to start from", path.display()))),
        }
    }

    /// Returns an error on a machine without a home directory.
    pub fn path(&self) -> Result<&std::path::Path> {
        self.path.as_deref().ok_or_else(|| {
            Error::usage("there is no home directory to keep a configuration in")
                .hint("name a file with --config or MLFERRY_CONFIG")
        })
    }
}
