//! Servers that tests reuse are as empty as new ones.

use crate::support::{Store, TARGET, TestServer};

async fn is_empty_again(store: Store) {
    let server = TestServer::start_with(TARGET, store).await;
    let empty = std::fs::read_to_string(server.dump().await).unwrap();
    server.demo().await;
    assert_ne!(std::fs::read_to_string(server.dump().await).unwrap(), empty);
    assert!(server.lease.as_ref().unwrap().reset(), "the pool starts a new server for each test");
    assert_eq!(std::fs::read_to_string(server.dump().await).unwrap(), empty);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_over_a_database_is_empty_again() {
    is_empty_again(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_over_files_is_empty_again() {
    is_empty_again(Store::Files).await;
}
