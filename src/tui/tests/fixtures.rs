//! Builds models in typical states from literals and keys.

use std::path::PathBuf;

use crate::engine::browse::{Contents, Holdings};
use crate::engine::{
    Access, AppSummary, Capabilities, CheckReport, Finding, KindReport, Level, Line, Resource, Route,
    Session, Side, SourceInfo, Step, Version,
};
use crate::entities::{
    Count, EvaluationDataset, Experiment, Kind, Lifecycle, ModelVersion, RegisteredModel, Run, RunStatus,
    Unsupported,
};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::tui::effect::{Effect, Msg};
use crate::tui::model::{EndpointState, Model, Paths};
use crate::tui::theme::{ASCII, Look, Theme, UNICODE};
use crate::tui::update::update;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub const SOURCE: &str = "http://127.0.0.1:5000";
pub const TARGET: &str = "https://mlflow.example.com/team-a";

pub fn empty() -> Model {
    let look = Look { theme: Theme::sixteen(), glyphs: &UNICODE };
    let places = Paths {
        report: PathBuf::from("/home/ann/.local/state/mlferry/report.json"),
        plan: PathBuf::from("/home/ann/.local/state/mlferry/plan.toml"),
        home: Some(PathBuf::from("/home/ann")),
        current: PathBuf::from("/data"),
        stores: PathBuf::from("/data"),
    };
    let side = |end| EndpointState::new(end, "", Access::default());
    Model::new(look, places, side(Side::Source), side(Side::Target), Plan::default())
}

pub fn monochrome() -> Look {
    Look { theme: Theme::plain(), glyphs: &ASCII }
}

/// Presses keys by name, separated by spaces.
pub fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    keys.split(' ').flat_map(|key| update(model, Msg::Key(key_of(key)))).collect()
}

fn key_of(name: &str) -> KeyEvent {
    let code = match name {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Space" => KeyCode::Char(' '),
        "F2" => KeyCode::F(2),
        "PageDown" => KeyCode::PageDown,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "^C" => return KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL),
        name => KeyCode::Char(name.chars().next().unwrap()),
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}

pub fn type_in(model: &mut Model, text: &str) {
    for c in text.chars() {
        update(model, Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
    }
}

/// The response to the latest attempt.
pub fn answer(model: &mut Model, step: Step, result: Result<CheckReport>) -> Vec<Effect> {
    let end = if step == Step::Check { Side::Source } else { Side::Target };
    let attempt = model.side(end).attempt;
    update(model, Msg::Checked { end, attempt, result: result.map(Box::new) })
}

pub fn refused() -> Error {
    Error::transient("http://127.0.0.1:5999 cannot be reached: Connection refused (os error 111)")
        .hint("check the address, that the server runs, and the network (VPN, tunnel, proxy)")
}

fn report(location: &str, experiments: u64, findings: Vec<Finding>) -> CheckReport {
    CheckReport {
        about: SourceInfo {
            kind: "server",
            location: location.into(),
            version: Some(Version::new(3, 10, 1)),
            capabilities: Some(Capabilities::default()),
        },
        latency_ms: Some(12.4),
        experiments,
        deleted_experiments: 2,
        runs: 1_204,
        more_runs: false,
        kinds: Vec::new(),
        unreadable: 0,
        others: Vec::new(),
        findings,
    }
}

pub fn finding(level: Level, text: &str) -> Finding {
    Finding { level, text: text.into(), hint: None }
}

pub fn source_report() -> CheckReport {
    let findings = vec![
        finding(Level::Ok, "MLflow 3.10.1"),
        finding(
            Level::Warning,
            "3 params of runs are longer than 6000 characters: a target cuts the rest of them",
        ),
    ];
    let counts =
        [Some(14), Some(1_204), None, Some(25), Some(3), Some(17), Some(0), Some(0), Some(2), Some(1)];
    let tally = |count: Option<u64>| count.map_or(Count::unknown("not counted"), Count::exactly);
    let kinds = Kind::ALL.into_iter().zip(counts);
    let other = |title, tally, reason: &'static str| Unsupported { title, tally, reason: reason.into() };
    CheckReport {
        kinds: kinds.map(|(kind, count)| KindReport::new(kind, tally(count))).collect(),
        others: vec![
            other("webhooks", Count::exactly(2), "their secret is never shown"),
            other("label schemas", Count::unknown("not asked"), "their ids cannot be set"),
            other("users", Count::exactly(0), "their passwords are never shown"),
        ],
        ..report(SOURCE, 12, findings)
    }
}

pub fn target_report(location: &str) -> CheckReport {
    let findings = vec![
        finding(Level::Ok, "MLflow 3.10.1"),
        finding(Level::Ok, "takes files through its artifact proxy"),
    ];
    CheckReport { deleted_experiments: 0, runs: 0, latency_ms: Some(87.0), ..report(location, 1, findings) }
}

pub fn checked() -> Model {
    let mut model = empty();
    type_in(&mut model, SOURCE);
    press(&mut model, "Enter");
    answer(&mut model, Step::Check, Ok(source_report()));
    model
}

pub fn connected() -> Model {
    let mut model = checked();
    press(&mut model, "Enter");
    type_in(&mut model, TARGET);
    press(&mut model, "Enter");
    answer(&mut model, Step::App, Ok(target_report(TARGET)));
    press(&mut model, "Enter");
    answer(&mut model, Step::Check, Ok(source_report()));
    answer(&mut model, Step::App, Ok(target_report(TARGET)));
    assert_eq!(model.step, Step::Connect);
    preflight(&mut model, plain_lines());
    model
}

/// The results of the pre-flight for two plain servers.
pub fn plain_lines() -> Vec<Line> {
    let ok = |end, check, text| Line::new(end, check, finding(Level::Ok, text));
    vec![
        ok(Side::Source, "data plane", "answers in 12 ms as MLflow 3.10.1"),
        ok(Side::Target, "data plane", "answers in 87 ms as MLflow 3.10.1"),
    ]
}

/// The latest pre-flight reports these lines and ends.
pub fn preflight(model: &mut Model, lines: Vec<Line>) {
    let attempt = model.preflight.attempt();
    for line in lines {
        update(model, Msg::Preflight { attempt, line: Box::new(line) });
    }
    update(model, Msg::PreflightFinished { attempt, result: Ok(()) });
}

pub const APP: &str = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL";

pub fn app(name: &str, status: &str) -> AppSummary {
    AppSummary {
        resource: Resource::App,
        arn: APP.into(),
        name: name.into(),
        status: status.into(),
        mlflow_version: Some("3.10".into()),
        creation_time: None,
    }
}

/// Fills in the form of a new App after its name.
pub fn new_app(model: &mut Model) {
    for text in ["s3://ml-artifacts/mlflow", "arn:aws:iam::123456789012:role/mlflow-app"] {
        press(model, "Tab");
        type_in(model, text);
    }
}

pub fn experiment(id: &str, name: &str) -> Experiment {
    Experiment { id: id.into(), name: name.into(), ..Experiment::default() }
}

pub fn with_tree() -> Model {
    let mut model = connected();
    press(&mut model, "Enter");
    tree_comes(&mut model);
    model
}

pub fn tree_comes(model: &mut Model) {
    let long = format!("{} the end", "a name that somebody wrote a whole story into, ".repeat(4));
    let deleted = Experiment { lifecycle: Lifecycle::Deleted, ..experiment("6", "old prototype") };
    let experiments = vec![
        experiment("0", "Default"),
        experiment("1", "churn prediction"),
        experiment("2", "fraud/detector-eu"),
        experiment("3", &long),
        experiment("4", "需要予測 2025"),
        experiment("5", "tabs\tand\nlines \u{1b}[31m"),
        deleted,
    ];
    came(model, Holdings { experiments, ..Holdings::default() });
}

pub fn came(model: &mut Model, holdings: Holdings) {
    update(model, Msg::SourcePage { of: SOURCE.into(), result: Ok(holdings) });
}

pub fn registered(name: &str, is_prompt: bool) -> RegisteredModel {
    let tags = is_prompt.then(|| (crate::entities::tag::IS_PROMPT.to_owned(), "true".to_owned()));
    let aliases = [("champion".to_owned(), 3)].into();
    RegisteredModel {
        name: name.into(),
        tags: tags.into_iter().collect(),
        aliases,
        ..RegisteredModel::default()
    }
}

/// A source that has items of all kinds.
pub fn with_registry() -> Model {
    let mut model = connected();
    press(&mut model, "Enter");
    let dataset = |name: &str, of: &[&str]| EvaluationDataset {
        name: name.into(),
        experiment_ids: of.iter().map(|id| (*id).into()).collect(),
        ..EvaluationDataset::default()
    };
    let holdings = Holdings {
        experiments: vec![
            experiment("0", "Default"),
            experiment("1", "churn prediction"),
            experiment("2", "fraud/detector-eu"),
        ],
        models: vec![
            registered("churn", false),
            registered("fraud.detector", false),
            registered("需要予測", false),
            registered("greeting", true),
        ],
        datasets: vec![dataset("golden questions", &["1"]), dataset("red team", &[])],
        more: false,
        unreadable: Vec::new(),
    };
    came(&mut model, holdings);
    model
}

pub fn on_versions(model: &mut Model, name: &str) {
    let stages = ["None", "Staging", "Production"];
    let version = |(at, stage): (usize, &str)| ModelVersion {
        version: at as u64 + 1,
        stage: stage.into(),
        ..ModelVersion::default()
    };
    let result = Ok(stages.into_iter().enumerate().map(version).collect());
    update(model, Msg::Versions { of: SOURCE.into(), model: name.into(), result });
}

pub fn fetched(model: &mut Model, experiment: &str, count: usize, more: bool) {
    let run = |n: usize| Run {
        id: format!("{n:032x}").as_str().into(),
        name: if n == 2 { "店舗-東京 と 大阪".into() } else { format!("trial-{n:02}") },
        status: if n == 4 { RunStatus::Failed } else { RunStatus::Finished },
        lifecycle: if n == 3 { Lifecycle::Deleted } else { Lifecycle::Active },
        ..Run::default()
    };
    let traces = if experiment == "2" { Count::counted(1_000, true) } else { Count::exactly(0) };
    let result =
        Ok(Contents { runs: (0..count).map(run).collect(), more, unreadable: 0, traces: Some(traces) });
    update(model, Msg::ExperimentPage { of: SOURCE.into(), experiment: experiment.into(), result });
}

pub fn ready_to_import() -> Model {
    let mut model = with_tree();
    press(&mut model, "n");
    assert_eq!(model.step, Step::Import);
    model
}

pub fn session(step: Step) -> Session {
    Session {
        step,
        source: SOURCE.into(),
        target: TARGET.into(),
        route: Route::Direct,
        plan: Plan::default(),
    }
}
