//! The wizard with a folder or a database as its source.

use super::terminal::Terminal;
use crate::support::{TARGET, TestServer, differences};

#[tokio::test(flavor = "multi_thread")]
async fn the_database_of_the_working_directory_is_found_and_imported() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.demo().await;
    let folder = source.server.database().parent().unwrap().to_owned();
    let state = tempfile::tempdir().unwrap();
    let (to, path) = (target.url().to_owned(), state.path().to_owned());
    let code = tokio::task::spawn_blocking(move || {
        let mut wizard = Terminal::open_in(&folder, &["--target", &to], &path);
        wizard.wait("found here: 6 experiments, 29 runs");
        wizard.press("\r");
        wizard.wait("a database, read without its server");
        wizard.press("\r");
        wizard.wait("F2: a SageMaker MLflow App");
        wizard.press("\r");
        wizard.wait("takes files through its artifact proxy");
        wizard.press("\r");
        wizard.wait("source store: ");
        wizard.wait("Pre-flight:");
        wizard.press("\r");
        wizard.wait("Selected: 6 of 6 experiments");
        wizard.press("n");
        wizard.wait("Enter starts: everything in the source.");
        wizard.press("\r");
        wizard.wait("Write to the target?");
        wizard.press("\r");
        wizard.wait("nothing failed");
        wizard.press("\r");
        wizard.wait("by name and size");
        wizard.press("x\r");
        wizard.wait("no differences in anything compared");
        wizard.press("q");
        wizard.ends()
    });
    assert_eq!(code.await.unwrap(), 0);
    assert_eq!(differences(&source, &target).await, [""; 0]);
}

#[test]
fn a_typed_path_is_completed() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("projects/mlruns");
    std::fs::create_dir_all(folder.join("0")).unwrap();
    std::fs::write(
        folder.join("0/meta.yaml"),
        "experiment_id: '0'\nname: Default\nlifecycle_stage: active\n",
    )
    .unwrap();
    let mut wizard = Terminal::open(&[], state.path());
    wizard.wait("Type or paste the address");
    wizard.press("./pro\t");
    wizard.wait("mlferry check --source ./projects/");
    wizard.press("\t");
    wizard.wait("mlferry check --source ./projects/mlruns/");
    wizard.press("\r");
    wizard.wait("a file store, read without its server");
    wizard.press("\x03");
    assert_eq!(wizard.ends(), 0);
}
