use serde::Serialize;

use crate::entities::Kind;

/// The parts of a kind that arrive on the target, and their form. A text is empty if there is nothing to report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fidelity {
    /// The fields that arrive unchanged.
    pub exactly: &'static str,
    /// The fields in which new ids replace the old ones.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub rewritten: &'static str,
    /// The fields that no request can set, and that are stored in tags instead.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub kept_as_tags: &'static str,
    /// The fields that do not arrive.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub cannot: &'static str,
}

impl Fidelity {
    /// The fidelity of a kind. There is one arm for each kind, so that a new kind must define its fidelity here.
    pub fn of(kind: Kind) -> Self {
        let nothing = Self::default();
        match kind {
            Kind::Experiment => {
                Self { exactly: "names, tags, notes, deleted state", kept_as_tags: "ids, times", ..nothing }
            }
            Kind::Run => Self {
                exactly: "names, status, times, users, params, tags, metric points, datasets, deleted state",
                rewritten: "ids of runs and models in tags and params",
                kept_as_tags: "ids",
                cannot: "times of deletion",
            },
            Kind::Artifact => Self {
                exactly: "bytes and folders",
                rewritten: "ids in MLmodel files of logged models",
                cannot: "names that hold a %-sequence such as a%20b",
                ..nothing
            },
            Kind::LoggedModel => Self {
                exactly: "names, types, status, params, tags, metrics, files",
                rewritten: "ids of runs",
                kept_as_tags: "ids, times",
                cannot: "status messages",
            },
            Kind::RegisteredModel | Kind::Prompt => Self {
                exactly: "names, descriptions, tags, aliases",
                kept_as_tags: "times, users",
                ..nothing
            },
            Kind::ModelVersion => Self {
                exactly: "numbers with their gaps, descriptions, tags, stages, run links",
                rewritten: "sources below a run or a logged model",
                kept_as_tags: "times, users",
                cannot: "status messages; gaps after the last number",
            },
            Kind::PromptVersion => Self {
                exactly: "numbers with their gaps, texts, messages, tags",
                rewritten: "ids of runs and experiments in tags",
                kept_as_tags: "times, users",
                ..nothing
            },
            Kind::EvaluationDataset => Self {
                exactly: "names, tags, experiments, records",
                kept_as_tags: "ids, times, users",
                cannot: "ids, times and users of records",
                ..nothing
            },
            Kind::Trace => Self {
                exactly: "ids, times, states, previews, metadata, tags, spans, assessments, links to runs, attachments",
                rewritten: "ids of runs and models in metadata, tags and assessments; the experiment in spans",
                cannot: "an invalid assessment that no other assessment overrides: it becomes valid",
                ..nothing
            },
            Kind::Scorer => {
                Self { exactly: "numbers with their gaps, contents", cannot: "ids, times", ..nothing }
            }
        }
    }
}
