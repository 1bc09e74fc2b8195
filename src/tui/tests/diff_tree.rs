//! The differences as a tree: groups, items, files, and the messages for an empty tree.

use std::time::{Duration, Instant};

use crate::engine::Step;
use crate::engine::validate::{Difference, FieldDifference, FileFacts, Mark};
use crate::entities::Kind;
use crate::tui::effect::{Effect, Msg};
use crate::tui::model::Model;
use crate::tui::update::update;

use super::fixtures::{monochrome, press};
use super::frames::{kept, picture, pictured, styles};
use super::job_fixtures::{at_work, differences, end_validation, imported, stopped};

const RUN: &str = "4f1c6a0a93a84a8e8a1d6c1c9e1b2d3e";
const THERE: &str = "8a9137b8e11e4b0cb09c658fc1d2a3b4";

fn compared(differences: &[Difference]) -> Model {
    let mut model = imported();
    press(&mut model, "Enter");
    at_work(&mut model);
    end_validation(&mut model, differences);
    model
}

fn field(name: &str, source: &str, target: &str) -> FieldDifference {
    FieldDifference { field: name.into(), source: Some(source.into()), target: Some(target.into()) }
}

fn facts(size: u64, sha256: &str) -> Option<FileFacts> {
    let sha256 = Some(sha256.repeat(16)).filter(|sum| !sum.is_empty());
    Some(FileFacts { size: Some(size), sha256 })
}

/// Files of a run that differ: a folder within a folder, and each mark once.
fn files(run: &str) -> Vec<Difference> {
    let file = |path: &str| (format!("{run}/{path}"), format!("{RUN}/{path}"), format!("{THERE}/{path}"));
    let pair = |path: &str, fields| {
        let (name, ours, theirs) = file(path);
        Difference::pair(Kind::Artifact, &name, &ours, &theirs, fields)
    };
    let missing = |path: &str, size| {
        let (name, ours, _) = file(path);
        Difference::missing(Kind::Artifact, &name, &ours).of_file(facts(size, ""), None)
    };
    let extra = |path: &str, size| {
        let (name, ours, _) = file(path);
        Difference::extra(Kind::Artifact, &name, &ours).of_file(None, facts(size, ""))
    };
    let (name, ours, _) = file("plots/図表 2025.png");
    let reason = FieldDifference {
        field: "reading it".into(),
        source: None,
        target: Some("the server answered 500".into()),
    };
    let sums = vec![field("sha256", &"4f1c".repeat(16), &"8a91".repeat(16))];
    let files = vec![
        missing("model/data/weights.bin", 1_234_567_890),
        pair("model/MLmodel", vec![field("line 7", "run_id: 4f1c", "run_id: 9999")])
            .of_file(facts(612, ""), facts(612, "")),
        pair("model/model.pkl", sums).of_file(facts(48_213, "4f1c"), facts(48_213, "8a91")),
        pair("model/requirements.txt", vec![field("size", "1200345", "1200346")])
            .of_file(facts(1_200_345, ""), facts(1_200_346, "")),
        extra("notes.txt", 17),
        Difference::unreadable(Kind::Artifact, &name, &ours, reason),
    ];
    files.into_iter().map(|file| file.of_experiment("需要予測 2025")).collect()
}

/// Five groups, which do not fit on the screen.
fn many() -> Vec<Difference> {
    let mut all = files("店舗-東京");
    let fields = vec![field("param lr", "0.01", "0.02"), field("tag note", "a", "b")];
    all.push(Difference::pair(Kind::Run, "店舗-東京", RUN, THERE, fields).of_experiment("需要予測 2025"));
    for n in 0..30 {
        let (name, id) = (format!("trial-{n:02}"), format!("{n:032x}"));
        let run = match n % 3 {
            0 => Difference::pair(Kind::Run, &name, &id, &id, vec![field("param depth", "3", "4")]),
            1 => Difference::missing(Kind::Run, &name, &id),
            _ => Difference::extra(Kind::LoggedModel, &name, &format!("m-{id}")),
        };
        all.push(run.of_experiment("fraud/detector-eu"));
    }
    let long = "a name that somebody wrote a whole story into, ".repeat(3);
    all.push(Difference::missing(Kind::Experiment, &long, "7").of_experiment(&long));
    all.push(Difference::missing(Kind::ModelVersion, "churn/3", "churn/3"));
    all.push(Difference::missing(Kind::ModelVersion, "churn/4", "churn/4"));
    all.push(Difference::extra(Kind::EvaluationDataset, "golden questions", "d-1"));
    all
}

#[test]
fn groups_are_closed_where_there_are_many() {
    let mut model = compared(&many());
    pictured("proof_closed", &mut model);
    // With a filter, only the groups that contain a match remain.
    press(&mut model, "m m");
    assert_eq!(model.validation.outline.only(), Some(Mark::Extra));
    kept("proof_only_extra_80x24", &picture(&mut model, 80, 24));
}

#[test]
fn a_group_opens_to_its_runs_and_they_to_their_files() {
    let mut model = compared(&many());
    press(&mut model, "Enter j Right j");
    pictured("proof_open", &mut model);
    model.look = monochrome();
    press(&mut model, "h h h j l j j");
    let letters = picture(&mut model, 80, 24);
    let list = letters.lines().skip_while(|line| !line.contains("fraud")).take(6).collect::<String>();
    assert!(list.is_ascii(), "{list}");
    kept("proof_open_ascii", &letters);
    kept("proof_open_styles", &styles(&mut model, 80, 24));
}

#[test]
fn files_of_a_run_are_a_tree_with_sizes_and_checksums() {
    let mut model = compared(&many());
    press(&mut model, "Enter j Enter");
    pictured("proof_files", &mut model);
    press(&mut model, "j j j j j j");
    pictured("proof_file_chosen", &mut model);
    // Opens the file directly from the list.
    press(&mut model, "Esc l j j j j Enter");
    assert_eq!(model.validation.current().unwrap().path(), "model/MLmodel");
    press(&mut model, "Esc j Enter");
    pictured("proof_file_open", &mut model);
    // A run that is the same, except for its files.
    let mut model = compared(&files("trial-08"));
    model.look = monochrome();
    press(&mut model, "Enter j j j j");
    kept("proof_files_ascii", &picture(&mut model, 80, 24));
}

#[test]
fn the_keys_of_the_tree() {
    let mut model = compared(&many());
    let row = |model: &Model| (model.validation.outline.cursor(), model.validation.outline.rows().len());
    assert_eq!(row(&model), (0, 5));
    press(&mut model, "G");
    assert_eq!(row(&model), (4, 5));
    press(&mut model, "g Right");
    assert_eq!(row(&model), (0, 6));
    press(&mut model, "j");
    assert_eq!(model.validation.current().unwrap().name, "店舗-東京");
    press(&mut model, "l");
    assert_eq!(row(&model), (1, 15), "its folders come open");
    press(&mut model, "j Left");
    assert_eq!(row(&model), (2, 10));
    press(&mut model, "h");
    assert_eq!(row(&model), (1, 6), "what holds it closes");
    // Right opens the details of a row without children; Left returns.
    press(&mut model, "l j l j j j j l");
    assert_eq!(model.validation.current().unwrap().path(), "model/model.pkl");
    assert_eq!(model.validation.detail, Some(0));
    press(&mut model, "h");
    assert_eq!((model.validation.detail, row(&model).0), (None, 6));
    let copied = press(&mut model, "y");
    assert!(matches!(&copied[..], [Effect::Clip(id)] if *id == format!("{RUN}/model/model.pkl")));
    // The footer shows only keys that work.
    press(&mut model, "g");
    assert!(picture(&mut model, 120, 40).contains(" ← close  m filter"));
    assert!(press(&mut model, "y").is_empty(), "a heading has no id");
}

#[test]
fn a_run_is_compared_again_with_its_files() {
    let mut model = compared(&many());
    press(&mut model, "Enter j Enter");
    let asked = press(&mut model, "r");
    let [Effect::Recheck(again)] = &asked[..] else { panic!("nothing was asked for") };
    let item = again.difference.clone();
    // The run is fixed, but one of its files is not.
    let left = files("店舗-東京").remove(2);
    let result = Ok(vec![left.clone()]);
    update(&mut model, Msg::Rechecked { difference: Box::new(item), result });
    assert_eq!(model.notice.as_deref(), Some("run 店舗-東京: 1 of its files still differ"));
    assert!(model.validation.detail.is_some(), "the run stands for its file");
    press(&mut model, "Esc");
    kept("proof_compared_again_80x24", &picture(&mut model, 80, 24));
    // Starts from the run, which is shown only because of its file.
    press(&mut model, "Enter");
    let asked = press(&mut model, "i Tab Enter");
    let [Effect::Recheck(again)] = &asked[..] else { panic!("nothing was asked for") };
    assert_eq!((again.difference.kind, again.difference.id()), (Kind::Run, RUN));
    assert!(again.import_from.is_some() && again.difference.covers(&left));
    let item = again.difference.clone();
    update(&mut model, Msg::Rechecked { difference: Box::new(item), result: Ok(Vec::new()) });
    assert_eq!(model.validation.detail, None);
    assert_eq!(model.validation.found, many().len() as u64 - 7);
    assert_eq!(model.validation.outline.rows().len(), 4, "nothing of the experiment is left");
}

#[test]
fn an_unchanged_item_keeps_its_difference() {
    let mut model = compared(&many());
    press(&mut model, "Enter j Enter");
    let asked = press(&mut model, "r");
    let [Effect::Recheck(again)] = &asked[..] else { panic!("nothing was asked for") };
    let item = again.difference.clone();
    let mut found = files("店舗-東京");
    found.reverse();
    found.push(item.clone());
    update(&mut model, Msg::Rechecked { difference: Box::new(item), result: Ok(found) });
    assert!(!model.validation.is_report_old);
    assert_eq!(model.validation.found, many().len() as u64);
}

#[test]
fn an_empty_list_shows_the_reason() {
    let mut model = compared(&[]);
    assert!(picture(&mut model, 80, 24).contains("no differences: both sides are the same"));
    // The last difference that matches the filter is fixed.
    let missing = Difference::missing(Kind::Run, "trial-04", RUN).of_experiment("a");
    let extra = Difference::extra(Kind::Run, "trial-05", THERE).of_experiment("a");
    let mut model = compared(&[missing.clone(), extra.clone()]);
    press(&mut model, "m");
    update(&mut model, Msg::Rechecked { difference: Box::new(missing), result: Ok(Vec::new()) });
    assert_eq!(model.validation.found, 2, "nobody waits for that answer");
    press(&mut model, "Enter r");
    let current = model.validation.current().unwrap().clone();
    update(&mut model, Msg::Rechecked { difference: Box::new(current), result: Ok(Vec::new()) });
    assert!(picture(&mut model, 80, 24).contains("none of these; m shows all"));
    press(&mut model, "m");
    assert_eq!(model.validation.outline.only(), None);
    press(&mut model, "Enter r");
    update(&mut model, Msg::Rechecked { difference: Box::new(extra), result: Ok(Vec::new()) });
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("all differences that were found are gone"), "{shown}");
    assert!(shown.contains("compares everything again and writes a new report"), "{shown}");
    // Stopped before any difference was found.
    let mut model = imported();
    press(&mut model, "Enter");
    at_work(&mut model);
    assert!(picture(&mut model, 80, 24).contains("none so far"));
    stopped(&mut model, Step::Validate);
    assert!(picture(&mut model, 80, 24).contains("none before the job was stopped"));
}

/// The time for a frame must not depend on the number of differences.
#[test]
fn a_hundred_thousand_differences_are_drawn_in_a_frame() {
    let run = |n: usize| {
        let id = format!("{n:032x}");
        let fields = vec![field("param depth", "3", "4")];
        Difference::pair(Kind::Run, &format!("trial-{n}"), &id, &id, fields)
            .of_experiment(&format!("team/project-{}", n % 100))
    };
    let mut model = compared(&(0..100_001).map(run).collect::<Vec<_>>());
    press(&mut model, "G Enter G");
    let started = Instant::now();
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("trial-99999"), "{shown}");
    assert!(shown.contains("these are the first 100,000; the report has all of them"), "{shown}");
    press(&mut model, "m");
    assert!(picture(&mut model, 80, 24).contains("trial-99999"));
    // The limit is for an unoptimised build on a busy machine.
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
}

#[test]
fn the_result_counts_what_an_update_corrects() {
    let mut model = compared(&differences());
    for (columns, rows) in [(80, 24), (60, 18)] {
        let shown = picture(&mut model, columns, rows);
        let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let verdict = "Enter opens one, i imports it again. An import corrects 1, but not 1 only on the target, \
                       1 unreadable, 1 with fixed values.";
        assert!(words.contains(verdict), "{shown}");
        assert!(words.contains("fraud/detector-eu"), "the list is still there: {shown}");
    }
    let mut model = compared(&[Difference::missing(Kind::Run, "a", RUN)]);
    assert!(picture(&mut model, 80, 24).contains("An import corrects all of them."));
    let mut model = compared(&[Difference::extra(Kind::Run, "a", RUN).of_experiment("x")]);
    assert!(picture(&mut model, 80, 24).contains("An import can correct none of them: 1 only on the target"));
    press(&mut model, "j Enter");
    assert!(picture(&mut model, 80, 24).contains("Only on the target: an import deletes nothing."));
}
