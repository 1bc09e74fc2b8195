//! Step 1 with folders and databases: those that the wizard finds, and typed paths.

use crate::engine::{CheckReport, SourceInfo, Step, StoreSummary};
use crate::entities::Count;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::tui::effect::{Effect, Msg};
use crate::tui::model::layer::Layer;
use crate::tui::model::stores::{FoundStore, StoreContents};
use crate::tui::model::{CheckState, Model};
use crate::tui::update::{actions, steps, update};

use super::fixtures::*;
use super::frames::{picture, pictured};
use super::keys::pressed;

const DATABASE: &str = "/data/mlflow.db";
const FOLDER: &str = "/data/mlruns";
const OLD: &str = "/data/a-name-that-goes-on-and-on-until-it-hardly-fits-the-line.sqlite";

/// The wizard starts without a source, and these stores are found.
fn with_stores(paths: &[&str]) -> Model {
    let mut model = empty();
    let effects = actions::start_job(&mut model);
    assert!(matches!(&effects[..], [Effect::FindStores { folder, .. }] if folder.as_os_str() == "/data"));
    found(&mut model, paths);
    model
}

fn found(model: &mut Model, paths: &[&str]) {
    let store = |path: &&str| FoundStore {
        name: path.rsplit('/').next().unwrap_or(path).to_owned(),
        path: (*path).to_owned(),
        kind: if path.ends_with("mlruns") { "file store" } else { "database" },
        contents: StoreContents::Counting(None),
    };
    update(model, Msg::StoresFound(paths.iter().map(store).collect()));
}

fn counted(model: &mut Model, path: &str, result: Result<StoreSummary>) {
    let contents = match result {
        Ok(summary) => StoreContents::Known(summary),
        Err(error) => StoreContents::Failed(error.into()),
    };
    update(model, Msg::StoreCounted { path: path.to_owned(), contents });
}

fn summary(experiments: u64, runs: u64, bytes: u64) -> StoreSummary {
    let (experiments, models) = (Count::exactly(experiments), Count::exactly(3));
    StoreSummary {
        experiments,
        runs: Count::counted(runs, runs > 100_000),
        models,
        bytes,
        unreadable: 0,
        reason: None,
    }
}

fn store_report() -> CheckReport {
    let about = SourceInfo { kind: "database", location: DATABASE.into(), version: None, capabilities: None };
    let mut report = source_report();
    report.findings.remove(0);
    CheckReport { about, latency_ms: None, ..report }
}

#[test]
fn the_only_store_fills_the_field() {
    let mut model = with_stores(&[DATABASE]);
    assert_eq!((model.source.form.uri(), model.layer()), (DATABASE, Layer::Field));
    assert!(model.is_busy(), "the spinner turns");
    assert!(picture(&mut model, 80, 24).contains("found here: counting"));
    let so_far = StoreSummary { runs: Count::counted(200, true), ..summary(12, 0, 0) };
    let contents = StoreContents::Counting(Some(so_far));
    update(&mut model, Msg::StoreCounted { path: DATABASE.to_owned(), contents });
    assert!(picture(&mut model, 80, 24).contains("found here: 12 experiments, 200+ runs\n"));
    counted(&mut model, DATABASE, Ok(summary(12, 340, 2_100_000)));
    assert!(!model.is_busy());
    pictured("store_found", &mut model);
    // Nobody has confirmed it yet: leaving the wizard saves no session.
    assert_eq!(model.session().source, "");
    assert_eq!(pressed(&mut model, "Enter"), ["check source"]);
    assert_eq!(model.session().source, DATABASE);
    answer(&mut model, Step::Check, Ok(store_report()));
    pictured("store_checked", &mut model);
}

#[test]
fn a_pasted_address_replaces_the_proposal() {
    let mut model = with_stores(&[DATABASE]);
    update(&mut model, Msg::Paste("postgresql://ann:secret@host/db".to_owned()));
    assert_eq!(model.source.form.uri(), "postgresql://ann:secret@host/db");
    let mut model = with_stores(&[DATABASE]);
    press(&mut model, "Left");
    update(&mut model, Msg::Paste("x".to_owned()));
    assert_eq!(model.source.form.uri().len(), DATABASE.len() + 1, "a key other than a letter keeps it");
}

#[test]
fn one_of_several_stores_is_chosen_from_a_list() {
    let mut model = with_stores(&[OLD, DATABASE, FOLDER]);
    assert_eq!((model.source.form.uri(), model.layer()), ("", Layer::Stores));
    counted(&mut model, OLD, Ok(summary(1, 250_000, 3 << 30)));
    counted(&mut model, FOLDER, Err(Error::permanent("permission denied (os error 13)")));
    press(&mut model, "j j j k");
    pictured("store_list", &mut model);
    press(&mut model, "j");
    assert_eq!(picture(&mut model, 80, 24).matches("permission denied (os error 13)").count(), 2);
    press(&mut model, "k");
    pressed(&mut model, "Esc");
    assert_eq!(model.layer(), Layer::Field);
    type_in(&mut model, "./x");
    pressed(&mut model, "F2");
    assert_eq!(model.layer(), Layer::Stores);
    assert_eq!(pressed(&mut model, "Enter"), ["check source"]);
    assert_eq!((model.source.form.uri(), model.layer()), (DATABASE, Layer::Field));
}

#[test]
fn a_typed_text_is_not_replaced_by_what_is_found() {
    for paths in [&[DATABASE][..], &[DATABASE, FOLDER]] {
        let mut model = empty();
        actions::start_job(&mut model);
        type_in(&mut model, "h");
        found(&mut model, paths);
        assert_eq!((model.source.form.uri(), model.layer()), ("h", Layer::Field));
        pressed(&mut model, "F2");
        assert_eq!(model.layer(), Layer::Stores);
    }
    let mut model = with_stores(&[]);
    assert_eq!((model.source.form.uri(), model.layer()), ("", Layer::Field));
    assert!(pressed(&mut model, "F2").is_empty());
    assert_eq!(model.layer(), Layer::Field);
}

#[test]
fn starting_over_looks_for_stores() {
    let mut model = empty();
    actions::offer(&mut model, session(Step::Import));
    assert_eq!(pressed(&mut model, "j Enter"), ["find stores"]);
    let mut model = empty();
    type_in(&mut model, SOURCE);
    assert_eq!(words_of(actions::start_job(&mut model)), ["check"]);
}

fn words_of(effects: Vec<Effect>) -> Vec<&'static str> {
    let word = |effect: &Effect| if matches!(effect, Effect::Check { .. }) { "check" } else { "other" };
    effects.iter().map(word).collect()
}

fn listed(model: &mut Model, text: &str, names: &[&str]) {
    let result = Ok(names.iter().map(|name| (*name).to_owned()).collect());
    update(model, Msg::Completed { text: text.to_owned(), result });
}

#[test]
fn tab_completes_a_path() {
    let mut model = empty();
    type_in(&mut model, "./ml");
    let effects = press(&mut model, "Tab");
    let [Effect::CompletePath(request)] = &effects[..] else { panic!("no request") };
    assert_eq!((request.folder.to_str(), request.start.as_str()), (Some("/data/./"), "ml"));
    assert!(pressed(&mut model, "Tab").is_empty(), "it is on its way");
    listed(&mut model, "./ml", &["mlflow.db", "mlflow-old.db", "mlruns/"]);
    assert_eq!(model.source.form.uri(), "./ml");
    pictured("store_completion", &mut model);
    type_in(&mut model, "f");
    pressed(&mut model, "Tab");
    listed(&mut model, "./mlf", &["mlflow.db", "mlflow-old.db"]);
    assert_eq!(model.source.form.uri(), "./mlflow");
    assert!(model.completion().is_some());
    type_in(&mut model, ".");
    assert!(model.completion().is_none(), "the names belong to a former text");
    pressed(&mut model, "Tab");
    listed(&mut model, "./mlflow.", &["mlflow.db"]);
    assert_eq!(model.source.form.uri(), "./mlflow.db");
    pressed(&mut model, "Tab");
    listed(&mut model, "./mlflow.db", &["mlflow.db"]);
    // The answer to an older text is dropped.
    listed(&mut model, "./ml", &["mlruns/"]);
    assert_eq!(model.source.form.uri(), "./mlflow.db");
    let Some(Effect::Check { at, .. }) = press(&mut model, "Enter").pop() else { panic!("no check") };
    assert_eq!(at.uri, "/data/mlflow.db");
}

#[test]
fn paths_below_the_home_directory_and_in_uris_are_completed() {
    for (typed, names, completed, opened) in [
        ("~", &[][..], "~/", "/home/ann"),
        ("..", &[], "../", "/data/.."),
        ("~/ml", &["mlruns/"], "~/mlruns/", "/home/ann/mlruns"),
        ("sqlite:///ml", &["mlflow.db"], "sqlite:///mlflow.db", "sqlite:////data/mlflow.db"),
        ("sqlite:////srv/ml", &["mlflow.db"], "sqlite:////srv/mlflow.db", "sqlite:////srv/mlflow.db"),
        ("mlr", &["mlruns/"], "mlruns/", "/data/mlruns"),
        ("x", &[], "x", "/data/x"),
    ] {
        let mut model = empty();
        type_in(&mut model, typed);
        pressed(&mut model, "Tab");
        listed(&mut model, typed, names);
        assert_eq!(model.source.form.uri(), completed);
        assert_eq!(model.at(crate::engine::Side::Source).uri, opened);
        assert_eq!(model.session().source, opened);
    }
}

#[test]
fn tab_moves_between_the_fields_of_a_server() {
    let mut model = empty();
    type_in(&mut model, "http://h");
    assert!(pressed(&mut model, "Tab").is_empty());
    type_in(&mut model, "ann");
    assert_eq!(model.source.form.access().username.as_deref(), Some("ann"));
    // An outdated check result does not stay when the completion changes the text.
    let mut model = empty();
    type_in(&mut model, "./ml");
    pressed(&mut model, "Enter");
    answer(&mut model, Step::Check, Err(Error::usage("./ml does not exist")));
    pressed(&mut model, "Tab");
    listed(&mut model, "./ml", &["mlruns/"]);
    assert!(matches!(model.source.seen, CheckState::Unchecked));
}

#[test]
fn a_folder_that_cannot_be_read_is_named() {
    let mut model = empty();
    type_in(&mut model, "/gone/x");
    pressed(&mut model, "Tab");
    let why = "/gone/: No such file or directory (os error 2)".to_owned();
    update(&mut model, Msg::Completed { text: "/gone/x".into(), result: Err(why.clone()) });
    assert!(picture(&mut model, 80, 24).contains(&why));
    type_in(&mut model, "y");
    pressed(&mut model, "Tab");
    listed(&mut model, "/gone/xy", &[]);
    assert!(picture(&mut model, 80, 24).contains("no folder or database begins like this"));
}

#[test]
fn another_source_starts_with_another_plan() {
    let mut model = with_tree();
    model.plan = Plan { merge: true, globs: vec!["churn".to_owned()], ..Plan::default() };
    model.selection.of = "http://the-one-before:5000".to_owned();
    assert!(matches!(steps::fetch_holdings(&mut model)[..], [Effect::LoadSource(_)]));
    assert_eq!(model.plan, Plan::default());
    assert!(model.notice.is_some_and(|notice| notice.contains("the source has changed")));
}
