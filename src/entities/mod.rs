//! Pure data in MLflow's terms, without input or output, clients or clocks. All other layers use these types.

mod dataset;
mod evaluation;
mod experiment;
mod file;
mod id;
mod kind;
mod logged_model;
mod metric;
mod mlmodel;
mod not_exported;
mod number;
mod owned_uri;
mod owner;
mod printable;
mod references;
mod registry;
mod run;
mod s3_object;
mod span;
mod tags;
mod trace;
mod unreadable;
mod unsupported;
mod version_numbers;

pub use dataset::DatasetInput;
pub use evaluation::{EvaluationDataset, Record, Scorer};
pub use experiment::Experiment;
pub use file::{FileEntry, is_plain_id, is_safe_path};
pub use id::{ExperimentId, ModelId, RunId};
pub use kind::{Kind, Lifecycle};
pub use logged_model::{LoggedModel, ModelMetric, ModelOutput, ModelStatus};
pub use metric::{MetricChunk, Point, PointIdentity};
pub use mlmodel::{is_mlmodel, with_new_ids};
pub use not_exported::NotExported;
pub use number::{canonical_json, float, integer, quote_bare_numbers};
pub use owned_uri::{OwnedUri, UriForm};
pub use owner::Owner;
pub use printable::{is_hidden, one_line, printable, printable_json, quoted};
pub use references::{Template, ids_in, merge_experiments, names_model, rewrite, rewrite_experiments};
pub use registry::{ModelVersion, RegisteredModel, is_same_origin, last_deleted};
pub use run::{Run, RunStatus};
pub use s3_object::S3Object;
pub use span::{Span, SpanLink};
pub use tags::tags;
pub use trace::{Assessment, SPANS_FILE, Spans, Trace, TraceLinks, trace_key};
pub use unreadable::{Readable, Unreadable};
pub use unsupported::{Count, Unsupported};
pub use version_numbers::VersionNumbers;

/// Names of the tags for values that cannot be set directly on the target, and of some tags of MLflow.
pub mod tag {
    /// The run's id on the source. It makes a second import a no-op.
    pub const SOURCE_RUN_ID: &str = "mlferry.source.run_id";
    /// On an empty run that the target created after its answer was lost, and that an import has deleted: the run's id
    /// on the source.
    pub const LATE_COPY: &str = "mlferry.source.late_copy_of";
    /// The experiment's id on the source.
    pub const SOURCE_EXPERIMENT_ID: &str = "mlferry.source.experiment_id";
    /// On an existing experiment of the target into which a source experiment was merged. The tag's name is this
    /// prefix, the source's id, a dot, and the creation time on the source.
    pub const MERGED_EXPERIMENT: &str = "mlferry.source.merged.";
    /// On a registered model or prompt of the target to which an import has appended versions: the number that is added
    /// to their numbers, and their first number on the source. The tag's name is this prefix and the creation time of
    /// the source's model or prompt.
    pub const APPENDED_VERSIONS: &str = "mlferry.source.appended.";
    /// The name that an import has set. It shows whether a user has renamed the object since.
    pub const GIVEN_NAME: &str = "mlferry.source.given_name";
    /// The experiment's name on the source when an import named it here.
    pub const SOURCE_NAME: &str = "mlferry.source.name";
    /// When the object was created on the source, in milliseconds since 1970.
    pub const SOURCE_CREATION_TIME: &str = "mlferry.source.creation_time";
    /// When the object was last changed on the source, in milliseconds since 1970.
    pub const SOURCE_UPDATE_TIME: &str = "mlferry.source.last_update_time";
    /// The logged model's id on the source.
    pub const SOURCE_MODEL_ID: &str = "mlferry.source.model_id";
    /// The evaluation dataset's id on the source.
    pub const SOURCE_DATASET_ID: &str = "mlferry.source.dataset_id";
    /// The registered model's or prompt's name on the source.
    pub const SOURCE_REGISTERED_MODEL: &str = "mlferry.source.registered_model";
    /// The version on the source, `name/number`.
    pub const SOURCE_VERSION: &str = "mlferry.source.version";
    /// On a trace, whose id the migration keeps: the state in which it was written. This tag is written last, so it
    /// shows that the trace is complete.
    pub const SOURCE_TRACE: &str = "mlferry.source.trace";
    /// On a run or a logged model that was migrated incompletely. The next import checks it again.
    pub const LACKING: &str = "mlferry.source.lacking";
    /// The user who registered the object on the source.
    pub const SOURCE_USER_ID: &str = "mlferry.source.user_id";
    /// MLflow's own: marks a registered model, or a version of one, as a prompt.
    pub const IS_PROMPT: &str = "mlflow.prompt.is_prompt";
    /// MLflow's own, on a prompt: the ids of its experiments, between commas.
    pub const PROMPT_EXPERIMENTS: &str = "_mlflow_experiment_ids";
    /// MLflow's own, on a logged model: the versions registered from it. The server maintains it.
    pub const MODEL_VERSIONS: &str = "mlflow.modelVersions";
    /// MLflow's own: the parent run of a nested run.
    pub const PARENT_RUN_ID: &str = "mlflow.parentRunId";
    /// MLflow's own: the name of the run, always equal to `run_name`.
    pub const RUN_NAME: &str = "mlflow.runName";

    /// On an experiment of a target: the migration that is writing to the target at the moment.
    pub const LEASE: &str = "mlferry.lease";

    /// True for the tags that mlferry itself adds.
    pub fn is_ours(key: &str) -> bool {
        key.starts_with("mlferry.source.") || key == LEASE
    }
}
