//! Finds the stores of a directory and counts their contents.

use std::path::{Path, PathBuf};

use futures::{StreamExt, stream};
use tokio::sync::mpsc::Sender;

use crate::engine::{Access, Side, StoreLocation, StoreSummary, open, stores_below, stores_in, summarize};
use crate::error::Result;
use crate::tui::effect::Msg;
use crate::tui::model::stores::{FoundStore, StoreContents};

/// A large store must not delay the numbers of the others for long.
const MAX_CONCURRENT_SUMMARIES: usize = 4;

/// Sends the list of the stores in the folder, or else of those anywhere below it. The numbers follow as soon as they are
/// known.
pub async fn find(folder: PathBuf, access: Access, messages: &Sender<Msg>) {
    let search = move || {
        let stores = stores_in(&folder);
        let stores = if stores.is_empty() { stores_below(&folder).stores } else { stores };
        stores.into_iter().map(|store| row(&folder, store)).collect::<Vec<_>>()
    };
    let found = tokio::task::spawn_blocking(search).await.unwrap_or_default();
    let (rows, found): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    // The receiver is gone if the user has left the wizard.
    let _ = messages.send(Msg::StoresFound(rows)).await;
    let summaries = stream::iter(found).map(|location| {
        let access = access.clone();
        async move {
            let path = location.to_string();
            let contents = match summary(&path, &location, access, messages).await {
                Ok(summary) => StoreContents::Known(summary),
                Err(error) => StoreContents::Failed(error.into()),
            };
            Msg::StoreCounted { path, contents }
        }
    });
    let mut summaries = summaries.buffer_unordered(MAX_CONCURRENT_SUMMARIES);
    while let Some(msg) = summaries.next().await
        && messages.send(msg).await.is_ok()
    {}
}

fn row(folder: &Path, store: StoreLocation) -> (FoundStore, StoreLocation) {
    let path = store.to_string();
    let below = store.path().and_then(|path| path.strip_prefix(folder).ok());
    let name = below.map_or_else(|| path.clone(), |below| below.display().to_string());
    (FoundStore { name, path, kind: store.kind(), contents: StoreContents::Counting(None) }, store)
}

async fn summary(
    path: &str,
    location: &StoreLocation,
    access: Access,
    messages: &Sender<Msg>,
) -> Result<StoreSummary> {
    let endpoint = open(path, Side::Source, access).await?;
    let mut on_part = |part| {
        let contents = StoreContents::Counting(Some(part));
        // This message can be dropped if the channel is full: the next one has newer numbers.
        let _ = messages.try_send(Msg::StoreCounted { path: path.to_owned(), contents });
    };
    summarize(&endpoint, location, &mut on_part).await
}
