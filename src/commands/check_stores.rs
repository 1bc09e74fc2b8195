//! The table of all stores below a directory.

use std::path::Path;

use serde::Serialize;

use super::Printer;
use super::endpoints::Endpoints;
use super::format::{bytes, tally};
use crate::engine::{Side, StoreLocation, StoreSummary, StoresBelow, stores_below, summarize};
use crate::entities::Count;
use crate::error::{Error, Result};

#[derive(Serialize)]
struct Line {
    location: String,
    kind: &'static str,
    #[serde(flatten)]
    summary: Option<StoreSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Exit code 3 when a store or a folder cannot be read.
pub async fn check_stores(directory: &Path, ends: &Endpoints<'_>, printer: &Printer) -> Result<u8> {
    if !directory.is_dir() {
        return Err(Error::usage(format!("{} does not exist", directory.display()))
            .hint("give --source to check one source, or a directory to search"));
    }
    let StoresBelow { stores, refused, is_cut } = stores_below(directory);
    let row = |cells: [&str; 5]| {
        let [experiments, runs, models, size, location] = cells;
        printer.result(&format!("{experiments:>11} {runs:>9} {models:>7} {size:>10}  {location}"));
    };
    if !stores.is_empty() {
        row(["experiments", "runs", "models", "size", "store"]);
    }
    let mut unreadable = 0;
    for store in &stores {
        let line = line_of(store, ends).await;
        printer.object("store", &line);
        match (&line.summary, &line.error) {
            (Some(found), _) => {
                let count = |count: &Count| tally(count);
                let size = bytes(found.bytes);
                row([
                    &count(&found.experiments),
                    &count(&found.runs),
                    &count(&found.models),
                    &size,
                    &line.location,
                ]);
                if let Some(reason) = &found.reason {
                    unreadable += 1;
                    let of = found.unreadable;
                    printer.problem(&format!(
                        "objects of {} that cannot be read: {of}; {reason}",
                        line.location
                    ));
                }
            }
            (None, error) => {
                unreadable += 1;
                row([
                    "?",
                    "?",
                    "?",
                    "?",
                    &format!("{} ({})", line.location, error.as_deref().unwrap_or_default()),
                ]);
            }
        }
    }
    match stores.len() {
        0 => printer.result(&format!("no folder or database of MLflow is below {}", directory.display())),
        _ => printer.result("give one of them to the other commands with --source"),
    }
    if let [first, ..] = &refused[..] {
        let more = match refused.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        printer.problem(&format!("there is no permission to look into {}{more}", first.display()));
    }
    if is_cut {
        printer.problem(
            "not all folders were searched, because there are too many: give a directory further below",
        );
    }
    let outcome = serde_json::json!({
        "step": "check",
        "stores": stores.len(),
        "unreadable": unreadable,
        "refused": refused.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
    });
    printer.object("outcome", &outcome);
    Ok(if unreadable > 0 || !refused.is_empty() { 3 } else { 0 })
}

async fn line_of(store: &StoreLocation, ends: &Endpoints<'_>) -> Line {
    let location = store.to_string();
    let summary = async {
        let endpoint = ends.open_one(&location, Side::Source).await?;
        summarize(&endpoint, store, &mut |_| {}).await
    };
    let summary = summary.await;
    Line {
        kind: store.kind(),
        error: summary.as_ref().err().map(|error: &Error| error.to_string()),
        summary: summary.ok(),
        location,
    }
}
