use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use super::{failed_files, files_below, folder_of, in_folder, run_called, run_in};
use crate::support::{Mlferry, TARGET, TestServer};

/// Links, pipes and sockets in a local folder: an item that MLflow can read arrives, an item that is not a file fails
/// immediately and by name, and other items are not affected.
#[tokio::test(flavor = "multi_thread")]
async fn links_pipes_and_sockets_cost_only_themselves() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "of this machine").unwrap();
    let (source, target) = futures::join!(in_folder(TARGET), TestServer::start(TARGET));
    let (run, root) = run_in(&source, "links").await;
    std::fs::create_dir_all(root.join("deep/er")).unwrap();
    for (name, bytes) in [("plain.txt", "plain"), ("deep/er/x", "x"), ("empty", "")] {
        std::fs::write(root.join(name), bytes).unwrap();
    }
    let out = outside.path();
    for (to, name) in [
        ("plain.txt", "to a file".to_owned()),
        ("deep/er", "to a folder".to_owned()),
        ("..", "deep/circle".to_owned()),
        ("nowhere", "dangling".to_owned()),
        (out.join("secret").to_str().unwrap(), "to a secret".to_owned()),
        (out.to_str().unwrap(), "to a folder outside".to_owned()),
        ("/dev/zero", "zeros".to_owned()),
    ] {
        symlink(to, root.join(name)).unwrap();
    }
    assert!(std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();

    let mlferry = Mlferry::new();
    let begun = Instant::now();
    let ran =
        mlferry.run(&["import", "--source", source.url(), "--target", target.url(), "--json"]).await.exits(3);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let failed = failed_files(&ran.lines(), &run);
    let reasons = BTreeMap::from([
        ("dangling", "a link to nowhere, which does not exist"),
        ("deep/circle", "a link to a folder that it lies in"),
        ("pipe", "a named pipe"),
        ("socket", "a socket"),
        ("to a folder outside", "a link that leads out of the artifact root"),
        ("to a secret", "a link that leads out of the artifact root"),
        ("zeros", "a device"),
    ]);
    assert!(failed.keys().eq(reasons.keys()), "{failed:?}");
    for (name, reason) in reasons {
        let told = &failed[name];
        assert!(told.contains(reason) && told.contains(root.join(name).to_str().unwrap()), "{told}");
        assert!(!told.contains(target.url()), "the target is not to blame: {told}");
    }
    let theirs = files_below(&folder_of(&target.artifacts, &run_called(&target, "links", "links").await));
    let theirs: BTreeMap<&str, &[u8]> = theirs.iter().map(|(name, bytes)| (&**name, &**bytes)).collect();
    let expected: [(&str, &[u8]); 5] = [
        ("deep/er/x", b"x"),
        ("empty", b""),
        ("plain.txt", b"plain"),
        ("to a file", b"plain"),
        ("to a folder/x", b"x"),
    ];
    assert_eq!(theirs, BTreeMap::from(expected));
}
