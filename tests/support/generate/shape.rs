//! The contents of a store, before they are written in one of the formats.

pub type Pairs = Vec<(String, String)>;

pub struct World {
    pub experiments: Vec<Experiment>,
    pub registered: Vec<RegisteredModel>,
}

pub struct Experiment {
    pub id: i64,
    pub name: String,
    pub is_deleted: bool,
    /// Not stored before 1.29.
    pub created: Option<i64>,
    pub tags: Pairs,
    pub runs: Vec<Run>,
    pub models: Vec<LoggedModel>,
    pub traces: Vec<Trace>,
}

pub struct Run {
    pub id: String,
    /// `None` if the run has no name, as before 1.29.
    pub name: Option<String>,
    pub user: String,
    pub status: &'static str,
    pub start: i64,
    pub end: Option<i64>,
    pub is_deleted: bool,
    pub params: Pairs,
    pub tags: Pairs,
    pub metrics: Vec<(String, Vec<Point>)>,
    pub inputs: Vec<Input>,
    /// Logged models that are the run's inputs, and those that it created at a step.
    pub models_in: Vec<String>,
    pub models_out: Vec<(String, i64)>,
    pub files: Vec<(String, Vec<u8>)>,
    /// Written as releases before 1.0 wrote it, if the format allows it.
    pub is_ancient: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub timestamp: i64,
    pub value: f64,
    pub step: i64,
}

#[derive(Clone)]
pub struct Dataset {
    pub name: String,
    pub digest: String,
    pub source_type: String,
    pub source: String,
    pub schema: Option<String>,
    pub profile: Option<String>,
}

pub struct Input {
    pub dataset: Dataset,
    pub tags: Pairs,
}

pub struct LoggedModel {
    pub id: String,
    pub name: String,
    pub model_type: String,
    /// 1 pending, 2 ready, 3 failed.
    pub status: i64,
    pub created: i64,
    pub run: Option<String>,
    pub params: Pairs,
    pub tags: Pairs,
    /// Points of a run: the run's id, the key of the metric, and the point.
    pub metrics: Vec<(String, String, Point)>,
    pub files: Vec<(String, Vec<u8>)>,
}

pub struct RegisteredModel {
    pub name: String,
    pub description: Option<String>,
    pub created: i64,
    pub tags: Pairs,
    pub aliases: Vec<(String, i64)>,
    pub versions: Vec<Version>,
}

pub struct Version {
    pub number: i64,
    pub is_deleted: bool,
    pub created: i64,
    pub description: Option<String>,
    pub stage: &'static str,
    pub source: String,
    pub run: Option<String>,
    pub run_link: Option<String>,
    pub tags: Pairs,
}

pub struct Trace {
    pub id: String,
    pub time: i64,
    pub duration: i64,
    pub state: &'static str,
    pub request: Option<String>,
    pub response: Option<String>,
    pub metadata: Pairs,
    pub tags: Pairs,
    pub spans: Vec<Span>,
}

pub struct Span {
    pub id: String,
    pub parent: Option<String>,
    pub name: String,
    pub start: i64,
    pub end: i64,
    /// Each value is JSON.
    pub attributes: Pairs,
}
