use std::path::Path;

use super::{Files, files_below, folder_of, in_folder, run_called, run_in};
use crate::support::{Mlferry, Ran, TARGET, TestServer};

async fn update(mlferry: &Mlferry, source: &TestServer, target: &TestServer, more: &[&str]) -> Ran {
    let ends = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    mlferry.run(&[&ends[..], more].concat()).await.exits(0)
}

async fn arrived(target: &TestServer, name: &str) -> Files {
    files_below(&folder_of(&target.artifacts, &run_called(target, name, name).await))
}

fn fill(root: &Path) {
    std::fs::create_dir_all(root).unwrap();
    std::fs::write(root.join("weights"), "old bytes").unwrap();
    std::fs::write(root.join("other"), "untouched").unwrap();
}

/// A file that is overwritten with the same size is noticed if the store reports its modification time. If only a
/// server lists the file, the program must read it to notice the change, and it offers to do so.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_overwritten_with_the_same_size_is_written_again() {
    let (folder, proxied, target) =
        futures::join!(in_folder(TARGET), TestServer::start(TARGET), TestServer::start(TARGET));
    for (source, name, is_seen) in [(&folder, "folder", true), (&proxied, "proxied", false)] {
        let (_, root) = run_in(source, name).await;
        fill(&root);
        let mlferry = Mlferry::new();
        update(&mlferry, source, &target, &[]).await;
        std::fs::write(root.join("weights"), "new bytes").unwrap();
        let seen = update(&mlferry, source, &target, &["--update"]).await.outcome();
        let files = arrived(&target, name).await;
        assert_eq!(files["weights"] == b"new bytes", is_seen, "{seen}");
        let counts = &seen["counts"]["artifacts"];
        assert_eq!(
            counts["skipped"],
            if is_seen { 1 } else { 2 },
            "what has not changed is not written: {seen}"
        );

        let mended =
            update(&mlferry, source, &target, &["--update", "--artifacts", "checksum"]).await.outcome();
        assert_eq!(arrived(&target, name).await["weights"], b"new bytes", "{mended}");
        assert_eq!(mended["counts"]["artifacts"]["skipped"], if is_seen { 2 } else { 1 }, "{mended}");
    }
}
