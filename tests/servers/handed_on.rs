//! Servers that tests reuse are as empty as new ones.

use crate::support::{Store, TARGET, TestServer};

async fn is_empty_again(store: Store) {
    let first = TestServer::start_with(TARGET, store).await;
    let empty = std::fs::read_to_string(first.dump().await).unwrap();
    first.demo().await;
    let (url, full) = (first.url().to_owned(), std::fs::read_to_string(first.dump().await).unwrap());
    assert_ne!(full, empty);
    drop(first);
    let next = TestServer::start_with(TARGET, store).await;
    assert_eq!(std::fs::read_to_string(next.dump().await).unwrap(), empty);
    // Another test that runs at the same time may have taken the server first.
    eprintln!("{} after {url}", next.url());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_over_a_database_is_empty_again() {
    is_empty_again(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_over_files_is_empty_again() {
    is_empty_again(Store::Files).await;
}
