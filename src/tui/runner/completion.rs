//! Lists the names that complete a path.

use std::fs;
use std::path::Path;

use crate::engine::has_database_name;
use crate::error::{Error, Result};
use crate::tui::model::completion::CompletionRequest;

/// A folder may have millions of entries: the rest is not read.
const MAX_ENTRIES: usize = 50_000;

/// The folders and databases whose names begin with the typed text, sorted. A folder ends with a slash. This function
/// blocks.
pub fn complete(request: &CompletionRequest) -> Result<Vec<String>> {
    let CompletionRequest { folder, start, .. } = request;
    let entries = fs::read_dir(folder).map_err(|e| Error::from(e).at(folder.display()))?;
    let mut names: Vec<String> = entries
        .take(MAX_ENTRIES)
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok().map(|name| (name, entry.path())))
        .filter(|(name, _)| name.starts_with(start.as_str()) && !is_hidden(name, start))
        .filter_map(|(name, path)| as_candidate(name, &path))
        .collect();
    names.sort();
    Ok(names)
}

/// As in a shell, hidden entries are only offered if the text begins with their dot.
fn is_hidden(name: &str, start: &str) -> bool {
    name.starts_with('.') && start.is_empty()
}

/// A link may lead to a folder.
fn as_candidate(name: String, path: &Path) -> Option<String> {
    match path.is_dir() {
        true => Some(format!("{name}/")),
        false => has_database_name(path).then_some(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_databases_complete_a_path() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["mlruns", "models", ".hidden"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        for file in ["mlflow.db", "ml.txt", "other.sqlite"] {
            fs::write(root.path().join(file), "").unwrap();
        }
        let complete = |start: &str| {
            let (text, folder) = (String::new(), root.path().to_owned());
            complete(&CompletionRequest { text, folder, start: start.to_owned() })
        };
        assert_eq!(complete("").unwrap(), ["mlflow.db", "mlruns/", "models/", "other.sqlite"]);
        assert_eq!(complete("ml").unwrap(), ["mlflow.db", "mlruns/"]);
        assert_eq!(complete(".h").unwrap(), [".hidden/"]);
        assert_eq!(complete("x").unwrap(), [""; 0]);
    }
}
