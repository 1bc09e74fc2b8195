//! The steps of a migration: one command for each, and one command for all of them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Selection, Source, SourceOptions, TargetHeader};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry check --source http://localhost:5000\n  mlferry check --source http://localhost:5000 --target http://new:5000\n  mlferry check --source ./mlruns\n  mlferry check --source sqlite:///mlflow.db\n  mlferry check ~/projects   # every folder and database of MLflow below this directory\n\nNothing is changed on either side."
)]
pub struct Check {
    /// Instead of one source: list all folders and databases of MLflow below this directory
    #[arg(value_name = "DIR", conflicts_with_all = ["source", "target"])]
    pub directory: Option<PathBuf>,

    #[command(flatten)]
    pub source: Source,

    /// Check this target too
    #[arg(long, value_name = "URI")]
    pub target: Option<String>,

    #[command(flatten)]
    pub target_header: TargetHeader,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mlferry connect --source http://localhost:5000 --target arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL\n\nIn an App's artifact store a small object is written and deleted again; nothing else is changed."
)]
pub struct Connect {
    /// Where to read: a tracking server, the ARN of an MLflow App or a SageMaker tracking server, a folder or database
    /// of MLflow (./mlruns, mlflow.db), or a directory that holds an export
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,

    #[command(flatten)]
    pub source_options: SourceOptions,

    #[command(flatten)]
    pub target: Target,

    /// Check whether this directory has room for an export
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry plan --source http://localhost:5000 --experiments 'fraud/*' --output plan.toml\n  mlferry plan --source ./mlruns\n  mlferry import --plan plan.toml --source http://localhost:5000 --target http://new:5000"
)]
pub struct Plan {
    #[command(flatten)]
    pub source: Source,

    #[command(flatten)]
    pub selection: Selection,

    /// Write the plan to this file (TOML)
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry export --source http://localhost:5000 --output-dir mlflow-export\n  mlferry export --source ./mlruns --output-dir mlflow-export\n\nRun it again to continue after any interruption, or to add what is new at the source. With --update, files that were added to finished runs are found, too."
)]
pub struct Export {
    #[command(flatten)]
    pub source: Source,

    /// A new or empty directory, or the directory of an earlier export
    #[arg(long, value_name = "DIR")]
    pub output_dir: PathBuf,

    #[command(flatten)]
    pub selection: Selection,

    /// Keep the journal in this file [default: one for each migration, in the state directory]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    #[command(flatten)]
    pub revisit: Revisit,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry import --input-dir mlflow-export --target http://new:5000\n  mlferry import --source http://localhost:5000 --target http://new:5000\n  mlferry import --source ./mlruns --target http://new:5000\n\nImporting twice has the same result as importing once."
)]
pub struct Import {
    /// A directory that holds an export
    #[arg(long, value_name = "DIR", conflicts_with = "source")]
    pub input_dir: Option<PathBuf>,

    /// A tracking server, or a folder or database of MLflow (./mlruns, mlflow.db), to read from directly, without an
    /// export directory
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,

    #[command(flatten)]
    pub source_options: SourceOptions,

    #[command(flatten)]
    pub target: Target,

    #[command(flatten)]
    pub selection: Selection,

    /// Keep the journal in this file [default: one for each migration, in the state directory]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    #[command(flatten)]
    pub revisit: Revisit,
}

/// What is read again of objects that were migrated before.
#[derive(Debug, Args)]
pub struct Revisit {
    /// Also check runs that are already on the target or in the directory, and add missing data (use this when the journal of the earlier import is lost)
    #[arg(long)]
    pub update: bool,

    /// With --update: how to detect that a file has changed at the source since it was migrated
    #[arg(long, value_name = "HOW", value_enum, default_value_t, requires = "update")]
    pub artifacts: Compared,
}

impl Revisit {
    pub fn rereads_files(&self) -> bool {
        matches!(self.artifacts, Compared::Checksum)
    }
}

/// How files that were migrated before are compared with the files of the source
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Compared {
    /// By size, and by modification time if this machine reads the store directly: a server does not report the time
    #[default]
    Size,
    /// By SHA-256: every byte at the source is read again
    Checksum,
}

#[derive(Debug, Args)]
pub struct Target {
    /// Where to write: http(s)://host:port of a tracking server, or the ARN of an MLflow App or a SageMaker tracking server
    /// [default: MLFLOW_TRACKING_URI, if the source is not a server]
    #[arg(long, value_name = "URI")]
    pub target: Option<String>,

    #[command(flatten)]
    pub target_header: TargetHeader,
}

/// How closely files are compared
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Artifacts {
    /// Do not compare them
    None,
    /// By name and size
    #[default]
    Size,
    /// By SHA-256: every byte of both sides is read
    Checksum,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry validate --source http://localhost:5000 --target http://new:5000 --artifacts checksum --report report.html\n  mlferry validate --source mlflow.db --target http://new:5000\n\nSigns: = same, - missing on the target, + only on the target, * differs, ! cannot be read."
)]
pub struct Validate {
    /// One side: a tracking server, a folder or database of MLflow (./mlruns, mlflow.db), or an export directory
    #[arg(long, value_name = "URI|DIR")]
    pub source: String,

    #[command(flatten)]
    pub source_options: SourceOptions,

    /// The other side: a tracking server or an export directory
    #[arg(long, value_name = "URI|DIR")]
    pub target: String,

    #[command(flatten)]
    pub target_header: TargetHeader,

    /// How to compare artifact files
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub artifacts: Artifacts,

    /// Write a report to this file: .json has every difference, .md and .html are for reading (.html with curves)
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    #[command(flatten)]
    pub selection: Selection,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry run --source http://localhost:5000 --target http://new:5000 --yes\n  mlferry run --source ./mlruns --target http://new:5000 --yes\n  mlferry run --source http://localhost:5000 --target http://new:5000 --output-dir mlflow-export --yes"
)]
pub struct Run {
    #[command(flatten)]
    pub source: Source,

    /// Where to write: http(s)://host:port of a tracking server, or the ARN of an MLflow App or a SageMaker tracking server
    #[arg(long, value_name = "URI")]
    pub target: String,

    #[command(flatten)]
    pub target_header: TargetHeader,

    /// Export to this directory, then import from it
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,

    /// Copy directly from the source to the target; this is the default
    #[arg(long, conflicts_with = "output_dir")]
    pub direct: bool,

    #[command(flatten)]
    pub selection: Selection,

    /// How to compare artifact files
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub artifacts: Artifacts,

    /// Write a report to this file: .json has every difference, .md and .html are for reading (.html with curves)
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}
