//! The error for a folder that holds no export, with what it may be instead.

use std::path::Path;

use crate::error::Error;
use crate::readers::file_store::{holds_artifacts_only, is_file_store};
use crate::readers::store_search::{StoresBelow, stores_below, stores_in};

pub fn error(root: &Path) -> Error {
    let place = root.display();
    if let Err(error) = std::fs::read_dir(root) {
        return Error::usage(format!("{place} cannot be read: {error}"))
            .hint("run mlferry as a user who may read it");
    }
    let StoresBelow { stores: below, refused, .. } = stores_below(root);
    if let (true, Some(first)) = (below.is_empty(), refused.first()) {
        let more = refused.len() - 1;
        let more = if more == 0 { String::new() } else { format!(", and {more} more folders below {place}") };
        return Error::usage(format!("{} cannot be read: permission denied{more}", first.display()))
            .hint("run mlferry as a user who may read it");
    }
    if let Some(first) = below.first() {
        let number = below.len();
        return Error::usage(format!("{place} is not a store, but folders below it are: {number}"))
            .hint(format!("give one of them, such as {first}; `mlferry check {place}` lists them"));
    }
    if holds_artifacts_only(root) {
        return Error::usage(format!("{place} holds only the files of runs: their data are in a database"))
            .hint(format!(
                "give the database, and the folder as --artifacts-destination {place} if it is not beside it"
            ));
    }
    let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    if let Some(store) = real.ancestors().skip(1).find(|above| is_file_store(above)) {
        return Error::usage(format!("{place} is a part of a store"))
            .hint(format!("give the whole store: {}", store.display()));
    }
    let beside = real.parent().map(stores_in).unwrap_or_default();
    let is_empty = std::fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_none());
    // An empty folder may be anywhere.
    if let ([store], false) = (beside.as_slice(), is_empty) {
        return Error::usage(format!("{place} holds neither a store nor an export"))
            .hint(format!("if you mean the store beside it, give {store}"));
    }
    let part = |what: &str, tool: &str| {
        Error::usage(format!("{place} holds only {what}, not the whole export that it belongs to"))
            .hint(format!("export it again with {tool}, or with `mlferry export`"))
    };
    match ["version.json", "model.json", "run.json"].map(|name| root.join(name).is_file()) {
        [true, ..] => part("a model version", "`export-models`"),
        [_, true, _] => part("a registered model", "`export-models`"),
        [.., true] => part("a run", "`export-experiment`"),
        _ => Error::usage(format!("{place} holds no export: it has no experiments/ folder")).hint(
            "give the directory that `mlferry export --output-dir` wrote, or one of mlflow-export-import; or the mlruns \
             folder or mlflow.db of a tracking server",
        ),
    }
}
