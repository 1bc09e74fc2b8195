//! Finds the stores of a directory and counts their contents.

use std::path::PathBuf;

use futures::{StreamExt, stream};
use tokio::sync::mpsc::Sender;

use crate::engine::{Access, Side, StoreLocation, StoreSummary, open, stores_in, summarize};
use crate::error::Result;
use crate::tui::effect::Msg;
use crate::tui::model::stores::{FoundStore, StoreContents};

/// A large store must not delay the numbers of the others for long.
const MAX_CONCURRENT_SUMMARIES: usize = 4;

/// Sends the list of the stores first, and then the numbers as soon as they are known.
pub async fn find(folder: PathBuf, access: Access, messages: &Sender<Msg>) {
    let found = tokio::task::spawn_blocking(move || named(stores_in(&folder))).await.unwrap_or_default();
    let row = |(path, location): &(String, StoreLocation)| FoundStore {
        path: path.clone(),
        kind: location.kind(),
        contents: StoreContents::Counting(None),
    };
    // The receiver is gone if the user has left the wizard.
    let _ = messages.send(Msg::StoresFound(found.iter().map(row).collect())).await;
    let summaries = stream::iter(found).map(|(path, location)| {
        let access = access.clone();
        async move {
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

/// Each store with its absolute path, for which the file system is asked.
fn named(stores: Vec<StoreLocation>) -> Vec<(String, StoreLocation)> {
    stores.into_iter().map(|store| (store.to_string(), store)).collect()
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
