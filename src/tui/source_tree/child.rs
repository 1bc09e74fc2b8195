//! The single objects that a node holds.

use std::cmp::Ordering;

use super::ChildId;
use crate::entities::{Count, ModelVersion, RegisteredModel, Run, RunId, RunStatus};

#[derive(Clone, Debug)]
pub struct Leaf {
    pub name: String,
    pub what: What,
    /// True if this run or version is selected.
    pub taken: bool,
    /// Milliseconds since 1970: the time when a run ended or started, or when a version was last changed.
    pub time: Option<i64>,
    /// Size of its files, if it has been measured.
    pub bytes: Option<u64>,
    /// Number of params and of metrics of a run. Each metric has one point or more.
    pub(super) params: u32,
    pub(super) metrics: u32,
    /// Number of parent runs above it.
    pub depth: u8,
    /// The text that the filter searches, if it differs from the name itself.
    folded: Option<Box<str>>,
}

#[derive(Clone, Debug)]
pub enum What {
    /// All traces of the experiment, and their number.
    Traces(Count),
    Run {
        id: RunId,
        status: RunStatus,
        deleted: bool,
    },
    Version {
        number: u64,
        /// Its aliases and its stage.
        about: String,
    },
}

impl Leaf {
    fn new(name: String, folded: String, what: What) -> Self {
        let folded = (folded != name).then(|| folded.into_boxed_str());
        Self { name, what, taken: false, time: None, bytes: None, params: 0, metrics: 0, depth: 0, folded }
    }

    /// The lower-case text for the filter.
    pub(super) fn folded(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.name)
    }

    pub(super) fn by_name(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }

    pub fn run(&self) -> Option<&RunId> {
        match &self.what {
            What::Run { id, .. } => Some(id),
            What::Traces(_) | What::Version { .. } => None,
        }
    }

    pub fn number(&self) -> Option<u64> {
        match &self.what {
            What::Version { number, .. } => Some(*number),
            What::Traces(_) | What::Run { .. } => None,
        }
    }

    /// `None` for objects that can only be selected as a whole.
    pub fn part(&self) -> Option<ChildId> {
        match &self.what {
            What::Traces(_) => None,
            What::Run { id, .. } => Some(ChildId::Run(id.clone())),
            What::Version { number, .. } => Some(ChildId::Version(*number)),
        }
    }

    pub fn is_deleted(&self) -> bool {
        matches!(self.what, What::Run { deleted: true, .. })
    }

    pub fn is_traces(&self) -> bool {
        matches!(self.what, What::Traces(_))
    }

    pub(super) fn traces(tally: Count) -> Self {
        let name = "traces".to_owned();
        Self::new(name.clone(), name, What::Traces(tally))
    }

    pub(super) fn version(of: &RegisteredModel, version: &ModelVersion) -> Self {
        let aliases = of.aliases.iter().filter(|(_, number)| **number == version.version);
        let mut words: Vec<String> = aliases.map(|(alias, _)| format!("@{alias}")).collect();
        words.extend(Some(version.stage.clone()).filter(|stage| !matches!(stage.as_str(), "" | "None")));
        let (name, about) = (format!("v{}", version.version), words.join(" "));
        let folded = format!("{name} {about}").to_lowercase();
        let what = What::Version { number: version.version, about };
        Self { time: version.last_update_time, ..Self::new(name, folded, what) }
    }
}

impl From<Run> for Leaf {
    fn from(run: Run) -> Self {
        let name = run.label().to_owned();
        let deleted = run.lifecycle.is_deleted();
        let time = run.end_time.or(run.start_time);
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let (params, metrics) = (count(run.params.len()), count(run.latest.len()));
        let what = What::Run { id: run.id, status: run.status, deleted };
        Self { time, params, metrics, ..Self::new(name.clone(), name.to_lowercase(), what) }
    }
}
