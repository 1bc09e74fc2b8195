//! The error for a folder that holds no export, with what it may be instead.

use std::path::Path;

use crate::error::Error;
use crate::readers::StoreLocation;
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
    // An empty folder may be anywhere.
    let is_empty = std::fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_none());
    let above =
        root.canonicalize().ok().filter(|_| !is_empty).and_then(|root| Some(stores_in(root.parent()?)));
    if let [store] = above.unwrap_or_default().as_slice() {
        let what = match store {
            StoreLocation::Files(_) => "a part of a store",
            _ => "not a store, but one is beside it",
        };
        return Error::usage(format!("{place} is {what}")).hint(format!("give the whole store: {store}"));
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
