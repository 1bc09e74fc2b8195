//! Large sources, page by page as a server returns them.

use std::path::PathBuf;

use crate::engine::browse::{Contents, Holdings};
use crate::engine::{Access, Side, Step};
use crate::entities::{Count, Experiment, Lifecycle, Run, RunStatus, tag};
use crate::plan::Plan;
use crate::tui::effect::Msg;
use crate::tui::model::{EndpointState, Loaded, Model, Paths};
use crate::tui::theme::{Look, Theme, UNICODE};

const SOURCE: &str = "http://127.0.0.1:5000";

/// The wizard at step 4, before a page has arrived.
pub fn empty() -> Model {
    let look = Look { theme: Theme::dark(), glyphs: &UNICODE };
    let side = |end, uri| EndpointState::new(end, uri, Access::default());
    let paths = Paths { plan: PathBuf::from("plan.toml"), ..Paths::default() };
    let mut model =
        Model::new(look, paths, side(Side::Source, SOURCE), side(Side::Target, ""), Plan::default());
    model.step = Step::Plan;
    model.selection.of = SOURCE.into();
    model.selection.tree = Loaded::Loading;
    model
}

/// Ordered by number, not by name. One in a hundred is deleted.
pub fn experiments(count: usize) -> impl Iterator<Item = Msg> {
    let experiment = |at: usize| Experiment {
        id: at.to_string().into(),
        name: format!("team-{}/project-{at}/{}", at % 37, ["train", "Tuning", "eval"][at % 3]),
        artifact_location: format!("mlflow-artifacts:/{at}"),
        lifecycle: if at % 100 == 99 { Lifecycle::Deleted } else { Lifecycle::Active },
        creation_time: Some(1_700_000_000_000 + at as i64),
        last_update_time: Some(1_700_000_000_000 + (at as i64 * 7_919) % 1_000_003),
        tags: [("mlflow.note.content".to_owned(), "what it is about".to_owned())].into(),
    };
    let pages = (0..count).step_by(1_000).map(move |from| {
        let to = (from + 1_000).min(count);
        let experiments = (from..to).map(experiment).collect();
        Msg::SourcePage {
            of: SOURCE.into(),
            result: Ok(Holdings { experiments, more: to < count, ..Holdings::default() }),
        }
    });
    pages.collect::<Vec<_>>().into_iter()
}

pub fn runs(count: usize) -> impl Iterator<Item = Msg> {
    let id = |at: usize| {
        format!("{:032x}", (at as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    };
    let run = move |at: usize| Run {
        id: id(at).as_str().into(),
        name: format!("{}-{}-{at}", ["amused", "Bold", "crawling", "daring"][at % 4], ["ant", "bee"][at % 2]),
        status: if at.is_multiple_of(50) { RunStatus::Failed } else { RunStatus::Finished },
        lifecycle: if at % 100 == 99 { Lifecycle::Deleted } else { Lifecycle::Active },
        start_time: Some(1_700_000_000_000 + at as i64),
        end_time: Some(1_700_000_000_000 + (at as i64 * 7_919) % 1_000_003),
        tags: match at % 10 {
            9 => [(tag::PARENT_RUN_ID.to_owned(), id(at - 9))].into(),
            _ => Default::default(),
        },
        ..Run::default()
    };
    (0..count).step_by(500).map(move |from| {
        let to = (from + 500).min(count);
        let contents = Contents {
            runs: (from..to).map(run).collect(),
            more: to < count,
            unreadable: 0,
            traces: (from == 0).then(|| Count::exactly(12)),
        };
        Msg::ExperimentPage { of: SOURCE.into(), experiment: "0".into(), result: Ok(contents) }
    })
}
