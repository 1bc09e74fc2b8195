//! The command line: what may be said, and the help that explains it. No behaviour.

pub mod app;
pub mod config;
#[cfg(test)]
mod examples;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Moves an MLflow tracking server to another one, and proves that nothing was lost
///
/// Without a command it opens the wizard, which takes you through all seven steps. Every step is a command too.
#[derive(Debug, Parser)]
#[command(name = "mlferry", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub ends: WizardEnds,

    #[command(flatten)]
    pub look: Look,

    #[command(flatten)]
    pub configuration: config::Configuration,

    #[command(flatten)]
    pub output: Output,
}

const EXAMPLES: &str = "\
Examples:
  mlferry                   # the wizard
  mlferry demo              # the wizard on sample data and a stand-in of SageMaker
  mlferry check    --source http://localhost:5000
  mlferry run      --source http://localhost:5000 --target http://new:5000 --yes
  mlferry run      --source http://localhost:5000 --target arn:aws:sagemaker:…:mlflow-app/app-… --yes
  mlferry run      --profile staging --yes      # what `mlferry config init` has you write down once
  mlferry export   --source http://localhost:5000 --output-dir mlflow-export --experiments 'fraud/*,churn'
  mlferry import   --input-dir mlflow-export --target http://new:5000
  mlferry validate --source mlflow-export --target http://new:5000 --artifacts checksum
  mlferry status   --watch  # from a second terminal

Exit codes: 0 ok, 1 failed, 2 usage, 3 some items failed, 4 differences found, 5 transient (try again),
11 another migration holds the lock, 130 stopped.

What is not given is taken from the configuration: `mlferry config --help`.
Credentials come from the environment: MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD or MLFLOW_TRACKING_TOKEN.
With a server on both ends those are the source's; the target's are MLFERRY_TARGET_USERNAME, …_PASSWORD, …_TOKEN.";

#[derive(Debug, Args)]
pub struct WizardEnds {
    /// Start the wizard with this source filled in
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,

    /// Start the wizard with this target filled in
    #[arg(long, value_name = "URI|ARN")]
    pub target: Option<String>,

    /// Start the wizard with this artifact store filled in for a new App
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    pub artifact_store_uri: Option<String>,

    /// The AWS region in which the wizard looks for Apps [default: AWS_REGION, else that of the profile]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,

    /// Start the wizard with this role filled in for a new App
    #[arg(long, value_name = "ARN")]
    pub role_arn: Option<String>,
}

/// How the wizard is to look; without these, as the terminal suggests.
#[derive(Clone, Copy, Debug, Args)]
pub struct Look {
    /// Colours of the wizard: 16 are those the terminal chooses [default: auto]
    #[arg(long, value_name = "THEME", value_enum)]
    pub theme: Option<Theme>,

    /// Draw the wizard with plain ASCII signs, or never do; without it the locale decides
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub ascii: Option<bool>,

    /// Let the wizard hear the mouse wheel; selecting text then takes Shift
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub mouse: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    Auto,
    Dark,
    Light,
    #[value(name = "16")]
    Sixteen,
    /// Not one colour
    None,
}

#[derive(Clone, Copy, Debug, Args)]
pub struct Output {
    /// Print one JSON object a line on stdout, each with a `type`; the last is the outcome
    #[arg(long, global = true)]
    pub json: bool,

    /// Print nothing but results and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Print warnings and retries as they happen
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at a server: its version, what it holds, what will and will not arrive
    Check(Check),
    /// List, create and open the SageMaker MLflow App that a migration goes to
    App(app::App),
    /// Sign in to both ends and try out whether a migration can work: rights, clock, region, artifact store
    Connect(Connect),
    /// List what would be moved, and write it down as a plan file
    Plan(Plan),
    /// Copy from a server into a directory
    Export(Export),
    /// Copy from a directory, or straight from a server, into a server
    Import(Import),
    /// Read both sides afresh and report every difference
    Validate(Validate),
    /// Do all steps, one after the other
    Run(Run),
    /// Show how far migrations are, also from a second terminal while one runs
    Status(Status),
    /// Profiles and defaults: what need not be typed each time
    Config(config::Config),
    /// A real server with sample data, a stand-in of SageMaker, and the wizard on them
    Demo(Demo),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual page, of the program or of one of its commands
    Man(Man),
}

#[derive(Debug, Args)]
pub struct Source {
    /// Where to read: http(s)://host:port of a tracking server, the ARN of an MLflow App or a SageMaker tracking server,
    /// or a directory that holds an export
    /// [default: MLFLOW_TRACKING_URI]
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,
}

#[derive(Debug, Args)]
pub struct Selection {
    /// Experiments by name, with * ? and {a,b}, separated by commas [default: all]
    #[arg(long, value_name = "GLOB,…")]
    pub experiments: Option<String>,

    /// Experiments that stay behind although they are chosen, or although everything is
    #[arg(long, value_name = "GLOB,…")]
    pub except_experiments: Option<String>,

    /// Registered models by name, with * ? and {a,b}, separated by commas; runs that their versions need go along.
    /// churn/3 is version 3 of churn, which keeps its number: lower ones cannot come to the same server later.
    /// (A model that is itself called churn/3, as MLflow before 3.11 allows, is taken, too.) As soon as one of --experiments, --models, --prompts and --datasets is given, nothing else is taken
    #[arg(long, value_name = "GLOB,…")]
    pub models: Option<String>,

    /// Prompts by name, with * ? and {a,b}, separated by commas; greeting/3 is version 3 of greeting
    #[arg(long, value_name = "GLOB,…")]
    pub prompts: Option<String>,

    /// Evaluation datasets by name, with * ? and {a,b}, separated by commas; those of a chosen experiment go along
    #[arg(long, value_name = "GLOB,…")]
    pub datasets: Option<String>,

    /// Evaluation datasets that do not go along with a chosen experiment
    #[arg(long, value_name = "GLOB,…")]
    pub except_datasets: Option<String>,

    /// Traces of the chosen experiments and runs; those that no run made are subject to the time window, too
    #[arg(long, value_enum, default_value_t = Traces::All)]
    pub traces: Traces,

    /// A plan file, as `plan --output` and the wizard write it
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,

    /// A CSV file of `old,new` experiment names; names must match exactly, quote those with a comma
    #[arg(long, value_name = "FILE")]
    pub experiment_rename_file: Option<PathBuf>,

    /// The same for registered models and prompts
    #[arg(long, value_name = "FILE")]
    pub model_rename_file: Option<PathBuf>,

    /// Take deleted experiments and runs along (they arrive deleted)
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub export_deleted_runs: bool,

    /// Only runs that started at or after this, and runs that a chosen model version needs: 2024-05-01,
    /// '2024-05-01 13:00:00' (UTC), RFC 3339, or milliseconds since 1970
    #[arg(long, value_name = "TIME")]
    pub run_start_time: Option<String>,

    /// Only runs that started before this, and runs that a chosen model version needs
    #[arg(long, value_name = "TIME")]
    pub runs_until: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Traces {
    All,
    None,
}

impl Selection {
    pub fn everything() -> Self {
        Self {
            experiments: None,
            except_experiments: None,
            models: None,
            prompts: None,
            datasets: None,
            except_datasets: None,
            traces: Traces::All,
            plan: None,
            experiment_rename_file: None,
            model_rename_file: None,
            export_deleted_runs: true,
            run_start_time: None,
            runs_until: None,
        }
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry check --source http://localhost:5000\n  mlferry check --source http://localhost:5000 --target http://new:5000\n\nNothing is changed on either side."
)]
pub struct Check {
    #[command(flatten)]
    pub source: Source,

    /// Look at this target too
    #[arg(long, value_name = "URI")]
    pub target: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mlferry connect --source http://localhost:5000 --target arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL\n\nAt an App's artifact store a small object is written and deleted again; nothing else is changed."
)]
pub struct Connect {
    /// Where to read: a tracking server, the ARN of a SageMaker tracking server, or a directory that holds an export
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,

    #[command(flatten)]
    pub target: Target,

    /// Look whether an export to this directory would have room
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry plan --source http://localhost:5000 --experiments 'fraud/*' --output plan.toml\n  mlferry import --plan plan.toml --source http://localhost:5000 --target http://new:5000"
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
    after_help = "Example:\n  mlferry export --source http://localhost:5000 --output-dir mlflow-export\n\nRun it again to continue after any interruption, or to bring the directory up to date."
)]
pub struct Export {
    #[command(flatten)]
    pub source: Source,

    /// A new or empty directory, or one that an export was begun in
    #[arg(long, value_name = "DIR")]
    pub output_dir: PathBuf,

    #[command(flatten)]
    pub selection: Selection,

    /// Keep the journal in this file [default: one for each migration, in the state directory]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry import --input-dir mlflow-export --target http://new:5000\n  mlferry import --source http://localhost:5000 --target http://new:5000\n\nImporting twice is the same as importing once."
)]
pub struct Import {
    /// A directory that holds an export
    #[arg(long, value_name = "DIR", conflicts_with = "source")]
    pub input_dir: Option<PathBuf>,

    /// A tracking server to read from directly, without the disk
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,

    #[command(flatten)]
    pub target: Target,

    #[command(flatten)]
    pub selection: Selection,

    /// Keep the journal in this file [default: one for each migration, in the state directory]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    /// Look into runs that the target has already, too, and add what they lack: for when their journal is gone
    #[arg(long)]
    pub update: bool,
}

#[derive(Debug, Args)]
pub struct Target {
    /// Where to write: http(s)://host:port of a tracking server, or the ARN of an MLflow App or a SageMaker tracking server
    /// [default: MLFLOW_TRACKING_URI, where no source is a server]
    #[arg(long, value_name = "URI")]
    pub target: Option<String>,
}

/// How closely files are compared
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Artifacts {
    /// Not at all
    None,
    /// By name and size
    #[default]
    Size,
    /// By SHA-256: every byte of both sides is read
    Checksum,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mlferry validate --source http://localhost:5000 --target http://new:5000 --artifacts checksum --report report.html\n\nSigns: = same, - missing on the target, + only on the target, * differs, ! cannot be read."
)]
pub struct Validate {
    /// The one side: a tracking server or an export directory
    #[arg(long, value_name = "URI|DIR")]
    pub source: String,

    /// The other side: a tracking server or an export directory
    #[arg(long, value_name = "URI|DIR")]
    pub target: String,

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
    after_help = "Examples:\n  mlferry run --source http://localhost:5000 --target http://new:5000 --yes\n  mlferry run --source http://localhost:5000 --target http://new:5000 --output-dir mlflow-export --yes"
)]
pub struct Run {
    #[command(flatten)]
    pub source: Source,

    /// Where to write: http(s)://host:port of a tracking server, or the ARN of an MLflow App or a SageMaker tracking server
    #[arg(long, value_name = "URI")]
    pub target: String,

    /// Go by way of this directory
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,

    /// Go straight from server to server; this is the default
    #[arg(long, conflicts_with = "output_dir")]
    pub direct: bool,

    #[command(flatten)]
    pub selection: Selection,

    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub artifacts: Artifacts,

    /// Write a report to this file: .json has every difference, .md and .html are for reading (.html with curves)
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry status\n  mlferry status --watch\n  mlferry status --watch --json\n\nA watch ends with the work, and with its exit code. Ctrl-C ends the watch alone: the work goes on."
)]
pub struct Status {
    /// Follow the work that another terminal, or the wizard, does now until it ends
    #[arg(short, long)]
    pub watch: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry completions bash > ~/.local/share/bash-completion/completions/mlferry\n  mlferry completions zsh > ~/.zfunc/_mlferry\n  mlferry completions fish > ~/.config/fish/completions/mlferry.fish"
)]
pub struct Completions {
    pub shell: Shell,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry man > mlferry.1\n  mlferry man app create > mlferry-app-create.1\n  mlferry man import | man -l -"
)]
pub struct Man {
    /// A command, and one below it [default: the program]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry demo\n  mlferry demo --headless\n  mlferry demo --headless --via-directory --json\n\nIt installs MLflow into the cache directory first, and leaves nothing running."
)]
pub struct Demo {
    /// Run the whole migration without the wizard and print the outcome
    #[arg(long)]
    pub headless: bool,

    /// Go by way of an export directory
    #[arg(long, requires = "headless")]
    pub via_directory: bool,
}
