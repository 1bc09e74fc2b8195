//! Details next to the tree, sizes, and the estimate for the whole migration.

use std::collections::BTreeMap;

use crate::engine::browse::{ArtifactSize, DetailKey, Details, Drawn, RunDetails, Sampled};
use crate::entities::{FileEntry, ModelVersion, Point, Run};
use crate::error::Error;
use crate::tui::effect::{Effect, Msg};
use crate::tui::model::Model;
use crate::tui::update::update;

use super::fixtures::{SOURCE, fetched, on_versions, press, with_registry, with_tree};
use super::frames::{kept, picture, pictured};

/// Sends the response to the last request.
fn come(model: &mut Model, asked: &[Effect], result: impl FnOnce(&DetailKey) -> Details) -> Vec<Effect> {
    let subject = asked.iter().find_map(|effect| match effect {
        Effect::LoadDetails { subject, .. } => Some(subject.clone()),
        _ => None,
    });
    let subject = subject.unwrap();
    let result = Ok(result(&subject));
    update(model, Msg::DetailsLoaded { of: SOURCE.into(), subject, result })
}

fn details(id: &DetailKey) -> Details {
    let DetailKey::Run(id) = id else { panic!("no run") };
    let point = |value| Point { value, timestamp: 0, step: 9 };
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let falling = (0..40).map(|step| 1.0 / (1.0 + f64::from(step) / 8.0)).collect();
    let file = |path: &str, size| FileEntry::new(path, size);
    Details::Run(Box::new(RunDetails {
        run: Run {
            id: id.clone(),
            name: "店舗-東京 と 大阪".into(),
            user_id: "ann".into(),
            start_time: Some(1_761_900_000_000),
            end_time: Some(1_761_900_061_000),
            params: map(&[
                ("lr", "0.01"),
                ("optimizer", "adamw with a very long list of settings, β=0.9"),
                ("empty", ""),
            ]),
            tags: map(&[
                ("mlflow.source.git.commit", "4f1c6a0a93a84a8e8a1d6c1c9e1b2d3e"),
                ("チーム", "需要予測"),
            ]),
            latest: [("val/loss".to_owned(), point(0.17)), ("huge".to_owned(), point(f64::MAX))].into(),
            ..Run::default()
        },
        drawn: [
            ("val/loss".to_owned(), Drawn { heights: falling, points: 20_000, more: true }),
            ("huge".to_owned(), Drawn { heights: vec![0.5], points: 1, more: false }),
        ]
        .into(),
        files: Ok((
            vec![
                file("model/model.pkl", Some(1_234_567_890)),
                file("plots/混同行列.png", Some(48_100)),
                file("log.txt", None),
            ],
            ArtifactSize { files: 203, bytes: 1_300_000_000, at_least: true },
        )),
    }))
}

#[test]
fn details_come_one_at_a_time_and_follow_the_cursor() {
    let mut model = with_tree();
    press(&mut model, "j j j l");
    fetched(&mut model, "2", 9, true);
    assert!(press(&mut model, "p").is_empty(), "an experiment is known");
    pictured("select_details_experiment", &mut model);
    // The details of the traces row are also known. The details of the run below are requested, but not those of the
    // rows that the cursor passes.
    assert!(press(&mut model, "j").is_empty());
    let asked = press(&mut model, "j j j");
    assert_eq!(asked.len(), 1);
    pictured("select_details_loading", &mut model);
    let next = come(&mut model, &asked, details);
    let Some(Effect::LoadDetails { subject, .. }) = next.first() else { panic!("the cursor has moved on") };
    assert_eq!(Some(subject), model.selection.tree().unwrap().subject().as_ref());
    let error = Error::transient("the server does not answer (500)");
    let failed = Msg::DetailsLoaded { of: SOURCE.into(), subject: subject.clone(), result: Err(error) };
    assert!(update(&mut model, failed).is_empty());
    pictured("select_details_failed", &mut model);
    // The wheel also moves the cursor.
    let asked = update(&mut model, Msg::Wheel(2));
    come(&mut model, &asked, details);
    assert!(update(&mut model, Msg::Wheel(-2)).is_empty());
    // Back on a row whose details are known.
    let asked = press(&mut model, "k");
    come(&mut model, &asked, details);
    assert!(press(&mut model, "k").is_empty());
    pictured("select_details_run", &mut model);
    press(&mut model, "J J J J J J J J J J J J J J");
    kept("select_details_scrolled_60x18", &picture(&mut model, 60, 18));
    press(&mut model, "p");
    assert!(!picture(&mut model, 80, 24).contains("details "));
}

#[test]
fn a_version_is_looked_at_closely() {
    let mut model = with_registry();
    press(&mut model, "/");
    super::fixtures::type_in(&mut model, "fraud.det");
    press(&mut model, "Enter j l");
    on_versions(&mut model, "fraud.detector");
    assert!(press(&mut model, "p").is_empty(), "a model is known");
    let asked = press(&mut model, "j");
    come(&mut model, &asked, |subject| {
        let DetailKey::Version(model, number) = subject else { panic!("no version") };
        Details::Version(Box::new(ModelVersion {
            name: model.name.clone(),
            version: *number,
            source: "models:/m-8a9137b8e11e4b0cb09c658fc1d2a3b4".into(),
            description: "the one that went live in spring".into(),
            stage: "None".into(),
            ..ModelVersion::default()
        }))
    });
    pictured("select_details_version", &mut model);
}

#[test]
fn measured_runs_are_sorted_by_size() {
    let mut model = with_tree();
    press(&mut model, "j j j");
    assert!(press(&mut model, "b").is_empty(), "nothing of it has come");
    press(&mut model, "l");
    fetched(&mut model, "2", 9, false);
    let asked = press(&mut model, "b");
    let [Effect::MeasureSizes { experiment, runs, .. }] = &asked[..] else { panic!("nothing was asked for") };
    assert_eq!(runs.len(), 9);
    pictured("select_weighing", &mut model);
    let measure = |at: usize| ArtifactSize { files: 1, bytes: (at as u64 + 1) * 1_500_000, at_least: false };
    let weights = |from: usize, to: usize| Msg::SizesMeasured {
        of: SOURCE.into(),
        experiment: experiment.clone(),
        weights: (from..to)
            .map(|at| {
                (runs[at].clone(), if at == 4 { Err("it is gone".to_owned()) } else { Ok(measure(at)) })
            })
            .collect(),
    };
    update(&mut model, weights(0, 5));
    assert!(model.selection.size_scan.is_some());
    update(&mut model, weights(5, 9));
    assert_eq!(model.notice.as_deref(), Some("9 runs were measured, some could not be measured: it is gone"));
    press(&mut model, "o o o o");
    pictured("select_weighed", &mut model);
    // Runs whose size could not be measured are measured again; then the user stops it.
    assert!(matches!(&press(&mut model, "b")[..], [Effect::MeasureSizes { runs, .. }] if runs.len() == 1));
    assert!(matches!(&press(&mut model, "b")[..], [Effect::StopMeasuring]));
    assert!(model.selection.size_scan.is_none());
}

#[test]
fn sampled_runs_estimate_the_total() {
    let mut model = with_tree();
    let sampled = Sampled { runs: 20, files: 90, bytes: 64_000_000, points: 31_000 };
    update(&mut model, Msg::Sampled { of: "http://another".into(), sampled });
    assert!(model.selection.sampled.is_none(), "of another source");
    update(&mut model, Msg::Sampled { of: SOURCE.into(), sampled });
    pictured("select_estimate", &mut model);
    model.route.by_directory = true;
    assert!(picture(&mut model, 120, 40).contains("of disk"));
    // There is no estimate for a partial selection, whose number of runs is unknown, or for an empty selection.
    press(&mut model, "j Space");
    assert!(!picture(&mut model, 120, 40).contains("Roughly"));
    press(&mut model, "a a");
    assert!(!picture(&mut model, 120, 40).contains("Roughly"));
}
