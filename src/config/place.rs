use std::path::PathBuf;

use directories::ProjectDirs;

use crate::error::{Error, Result};

/// Where the file is, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultPath {
    /// None on a machine without a home directory.
    pub path: Option<PathBuf>,
    /// Somebody has named it: then it must be there.
    pub is_named: bool,
}

impl DefaultPath {
    /// `given`, else `MLFERRY_CONFIG`, else `config.toml` in the user's config directory.
    pub fn find(given: Option<PathBuf>, get: &impl Fn(&str) -> Option<String>) -> Self {
        let named =
            given.or_else(|| get("MLFERRY_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
        let is_named = named.is_some();
        let usual = || Some(ProjectDirs::from("", "", "mlferry")?.config_dir().join("config.toml"));
        Self { path: named.or_else(usual), is_named }
    }

    /// The text of the file; none where nobody has named one and there is none.
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

    /// An error on a machine without a home directory.
    pub fn path(&self) -> Result<&std::path::Path> {
        self.path.as_deref().ok_or_else(|| {
            Error::usage("there is no home directory to keep a configuration in")
                .hint("name a file with --config or MLFERRY_CONFIG")
        })
    }
}
