//! Models with running jobs, and after the jobs end.

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::validate::{Difference, FieldDifference, Totals};
use crate::engine::{Counts, Event, Outcome, ProgressSnapshot, Step};
use crate::entities::Kind;
use crate::tui::effect::Msg;
use crate::tui::model::Model;
use crate::tui::update::update;

use super::fixtures::{press, ready_to_import};

fn counts(planned: u64, done: u64, failed: u64, skipped: u64) -> Counts {
    Counts { planned, done, failed, skipped }
}

pub fn importing() -> Model {
    let mut model = ready_to_import();
    press(&mut model, "Enter Enter");
    at_work(&mut model);
    model
}

/// A job that has been running for 83 seconds.
pub fn at_work(model: &mut Model) {
    let start = Duration::from_secs(600);
    update(model, Msg::Clock(start));
    for work in [&mut model.import, &mut model.validation.work] {
        if work.is_running() {
            work.started = start;
        }
    }
    update(model, Msg::JobStarted);
    // The speed varies, as with real servers.
    for turn in 0..26_u64 {
        update(model, Msg::Clock(start + Duration::from_secs(turn * 3)));
        let mut reading = reading(false);
        reading.counts[Kind::Run.index()] = counts(1_204, turn * 15 + turn % 5 * 9, 0, 200);
        (reading.points, reading.bytes) = (turn * 47_000, turn * 380_000_000);
        update(model, Msg::Sample(Box::new(reading)));
    }
    let items = [
        (Kind::Experiment, "2", "fraud/detector-eu"),
        (Kind::Run, "a", "trial-07"),
        (Kind::Run, "b", "店舗-東京 と 大阪"),
        (Kind::Run, "c", "a run whose name is so long that it can hardly be told from a sentence in a novel"),
    ];
    for (second, (kind, id, name)) in items.into_iter().enumerate() {
        update(model, Msg::Clock(start + Duration::from_secs(70 + second as u64)));
        let (id, name) = (id.to_owned(), name.to_owned());
        update(model, Msg::JobEvent(Event::ItemStarted { kind, id, name }));
    }
    update(model, Msg::JobEvent(Event::Note { text: "two experiments share one name".into() }));
    update(model, Msg::Clock(start + Duration::from_millis(83_040)));
    update(model, Msg::Sample(Box::new(reading(false))));
}

fn reading(failed: bool) -> ProgressSnapshot {
    let mut reading = ProgressSnapshot {
        points: 1_234_567,
        bytes: 9_876_543_210,
        requests: 24_680,
        retries: 3,
        concurrency: 24,
        ..ProgressSnapshot::default()
    };
    reading.counts[Kind::Experiment.index()] = counts(7, 3, 0, 1);
    reading.counts[Kind::Run.index()] = counts(1_204, 480, if failed { 1 } else { 0 }, 200);
    reading.counts[Kind::Artifact.index()] = counts(3_000, 2_000, if failed { 1 } else { 0 }, 0);
    reading
}

pub fn some_fail(model: &mut Model) {
    let failed = |kind, id: &str, name: &str, reason: &str, hint: Option<&str>| Event::ItemFailed {
        kind,
        id: id.into(),
        name: name.into(),
        reason: reason.into(),
        attempts: 2,
        cause: None,
        hint: hint.map(str::to_owned),
    };
    let events = [
        failed(
            Kind::Run,
            "a",
            "trial-07",
            "INVALID_PARAMETER_VALUE Invalid value for param 'lr': too long",
            None,
        ),
        failed(
            Kind::Artifact,
            "b/model.pkl",
            "店舗-東京/model/model.pkl",
            "https://mlflow.example.com/team-a/api/2.0/mlflow-artifacts/artifacts/4/b/model.pkl answered 507 Insufficient Storage",
            Some("free some space on the target's artifact store and run the import again: it continues"),
        ),
    ];
    for event in events {
        update(model, Msg::JobEvent(event));
    }
    update(model, Msg::Clock(model.now + Duration::from_secs(1)));
    update(model, Msg::Sample(Box::new(reading(true))));
}

pub fn outcome(model: &Model, step: Step) -> Outcome {
    let work = model.work(step).unwrap();
    Outcome {
        step,
        counts: Kind::ALL.into_iter().map(|kind| (kind.plural(), work.reading.of(kind))).collect(),
        points: work.reading.points,
        bytes: work.reading.bytes,
        requests: work.reading.requests,
        retries: work.reading.retries,
        seconds: 187.0,
        stopped: false,
        comparison: None,
        normalised: Default::default(),
        not_compared: Default::default(),
        notes: Vec::new(),
        files: Vec::new(),
    }
}

pub fn end(model: &mut Model, step: Step, exit_code: u8) {
    let outcome = Outcome {
        notes: vec!["2 experiments keep their old names in the tag mlferry.source.name".into()],
        files: vec![PathBuf::from("/home/ann/.local/state/mlferry/journals/import-0123.id-map.csv")],
        ..outcome(model, step)
    };
    assert_eq!(outcome.exit_code(), exit_code);
    update(model, Msg::JobFinished(Ok(outcome)));
}

pub fn stopped(model: &mut Model, step: Step) {
    let outcome = Outcome { stopped: true, ..outcome(model, step) };
    update(model, Msg::JobFinished(Ok(outcome)));
}

pub fn imported() -> Model {
    let mut model = importing();
    end(&mut model, Step::Import, 0);
    press(&mut model, "Enter");
    assert_eq!(model.step, Step::Validate);
    model
}

pub fn end_validation(model: &mut Model, differences: &[Difference]) {
    let mut totals = Totals::default();
    for kind in Kind::ALL {
        (0..20).for_each(|_| totals.add(kind, crate::engine::validate::Mark::Same));
    }
    for difference in differences {
        totals.add(difference.kind, difference.mark);
        update(model, Msg::JobEvent(Event::Difference(difference.clone())));
    }
    let outcome = Outcome {
        comparison: Some(totals),
        files: vec![model.places.report.clone()],
        ..outcome(model, Step::Validate)
    };
    update(model, Msg::JobFinished(Ok(outcome)));
}

pub fn differences() -> Vec<Difference> {
    let field = |field: &str, source: Option<&str>, target: Option<&str>| FieldDifference {
        field: field.into(),
        source: source.map(str::to_owned),
        target: target.map(str::to_owned),
    };
    let long = "a note that goes on and on about what was tried on that day ".repeat(3);
    let fields = vec![
        field("param lr", Some("0.0100"), Some("0.0200")),
        field(
            "tag mlflow.note.content",
            Some(&format!("{long}and failed.")),
            Some(&format!("{long}and went well.")),
        ),
        field("tag チーム", None, Some("別のチーム")),
        field("end_time", Some("1761900000000"), None),
    ];
    let id = "4f1c6a0a93a84a8e8a1d6c1c9e1b2d3e";
    vec![
        Difference::missing(Kind::Run, "trial-03", id).of_experiment("fraud/detector-eu"),
        Difference::pair(Kind::Run, "店舗-東京", id, "8a9137b8e11e4b0cb09c658fc1d2a3b4", fields)
            .of_experiment("需要予測 2025"),
        Difference::extra(Kind::Experiment, "not on the source", "6").of_experiment("not on the source"),
        Difference::unreadable(
            Kind::Artifact,
            "trial-08/model.pkl",
            "b/model.pkl",
            field("file", Some("the server answered 500"), None),
        )
        .of_experiment("fraud/detector-eu"),
    ]
}
