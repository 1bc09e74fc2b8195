//! The command line: its commands, its options, and their help. It contains no behaviour.

pub mod app;
pub mod config;
#[cfg(test)]
mod examples;
mod steps;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use steps::{Artifacts, Check, Connect, Export, Import, Plan, Run, Validate};

/// Migrates an MLflow tracking server to another one, and proves that nothing was lost
///
/// Without a command it opens the wizard, which leads you through all seven steps. Every step is also a command.
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

    /// How long a job waits for a server that cannot be reached before it gives up: 90s, '10 min', 1h; 0 to give up at
    /// once
    /// [default: 1h]
    #[arg(long, global = true, value_name = "DURATION")]
    pub wait: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  mlferry                   # the wizard
  mlferry demo              # the wizard on sample data and a simulated SageMaker
  mlferry check    --source http://localhost:5000
  mlferry check    ~/projects  # every folder and database of MLflow below this directory
  mlferry run      --source http://localhost:5000 --target http://new:5000 --yes
  mlferry run      --source ./mlruns --target http://new:5000 --yes  # or mlflow.db: without a server
  mlferry run      --source http://localhost:5000 --target arn:aws:sagemaker:…:mlflow-app/app-… --yes
  mlferry run      --profile staging --yes      # options from a profile: see `mlferry config init`
  mlferry export   --source http://localhost:5000 --output-dir mlflow-export --experiments 'fraud/*,churn'
  mlferry import   --input-dir mlflow-export --target http://new:5000
  mlferry validate --source mlflow-export --target http://new:5000 --artifacts checksum
  mlferry status   --watch  # from a second terminal

Exit codes: 0 ok, 1 failed, 2 usage, 3 some items failed, 4 differences found, 5 transient (try again),
11 another migration holds the lock, 130 stopped.

Options that are not given come from the configuration: `mlferry config --help`.
Credentials come from the environment: MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD or MLFLOW_TRACKING_TOKEN.
If both ends are servers, these are for the source; for the target: MLFERRY_TARGET_USERNAME, …_PASSWORD, …_TOKEN.

Servers behind a sign-in (MLFERRY_TARGET_… for the target):
  MLFERRY_SOURCE_HEADERS        headers for every request, one per line: 'Name: value'; {token} is replaced by the token
  MLFERRY_SOURCE_TOKEN_COMMAND  a command that prints a token; run again when the token expires or the server answers 401
  MLFERRY_SOURCE_AWS_SIGV4      true: sign requests for API Gateway, as MLFLOW_TRACKING_AWS_SIGV4 does
Certificates: …_SERVER_CERT_PATH (a PEM file or a folder), else REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE,
SSL_CERT_DIR; for AWS, AWS_CA_BUNDLE comes first.";

#[derive(Debug, Args)]
pub struct WizardEnds {
    /// Start the wizard with this source filled in: a server, ./mlruns, mlflow.db or an export
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,

    /// Start the wizard with this target filled in
    #[arg(long, value_name = "URI|ARN")]
    pub target: Option<String>,

    /// Start the wizard with this artifact store filled in for a new App
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    pub artifact_store_uri: Option<String>,

    /// The AWS region in which the wizard looks for Apps [default: AWS_REGION, else the region of the profile]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,

    /// Start the wizard with this role filled in for a new App
    #[arg(long, value_name = "ARN")]
    pub role_arn: Option<String>,

    #[command(flatten)]
    pub source_options: SourceOptions,

    #[command(flatten)]
    pub target_header: TargetHeader,
}

/// The look of the wizard. Without these options, the terminal decides.
#[derive(Clone, Copy, Debug, Args)]
pub struct Look {
    /// Colours of the wizard; 16 uses the 16 colours of the terminal [default: auto]
    #[arg(long, value_name = "THEME", value_enum)]
    pub theme: Option<Theme>,

    /// Draw the wizard with ASCII characters only; =false: never [default: the locale decides]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub ascii: Option<bool>,

    /// Enable mouse-wheel scrolling in the wizard; hold Shift to select text
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
    /// No colour
    None,
}

#[derive(Clone, Copy, Debug, Args)]
pub struct Output {
    /// Print one JSON object per line on stdout, each with a `type`; the last one is the outcome
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
    /// Inspect a source: its version, its contents, and which of them can be migrated
    Check(Check),
    /// List, create and open the SageMaker MLflow App that a migration goes to
    App(app::App),
    /// Sign in to both ends and test whether a migration can work: permissions, clock, region, artifact store
    Connect(Connect),
    /// List what a migration includes, and write it to a plan file
    Plan(Plan),
    /// Copy from a server, a folder or a database into a directory
    Export(Export),
    /// Copy from an export, or directly from a server, a folder or a database, into a server
    Import(Import),
    /// Read both sides again and report every difference
    Validate(Validate),
    /// Do all steps, one after another
    Run(Run),
    /// Show the progress of migrations, also from a second terminal while one runs
    Status(Status),
    /// Show and write the configuration: profiles, and defaults of options
    Config(config::Config),
    /// Start a real server with sample data and a simulated SageMaker, and open the wizard on both
    Demo(Demo),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual page, of the program or of one of its commands
    Man(Man),
}

#[derive(Debug, Args)]
pub struct SourceOptions {
    /// A header for a gateway in front of the source: 'Name: value', 'Name: @FILE', or 'Name: $VARIABLE' (within single
    /// quotes, so that other users of this machine do not see the value). MLFERRY_SOURCE_HEADERS holds several
    #[arg(long, value_name = "HEADER")]
    pub source_header: Vec<String>,

    /// Where the artifacts of a folder or database are now: replaces the beginning FROM of their locations, such as
    /// /home/ada/mlruns=/data/mlruns. Write FROM as the store does: often it begins with file://. Repeat it for several;
    /// files beside the store are found without it
    #[arg(long, value_name = "FROM=TO")]
    pub artifact_root: Vec<String>,

    /// Where the server of a folder or database kept the artifacts that it proxied (mlflow-artifacts:/…): its own
    /// --artifacts-destination
    #[arg(long, value_name = "URI")]
    pub artifacts_destination: Option<String>,
}

#[derive(Debug, Args)]
pub struct TargetHeader {
    /// A header for each request to the target (see --source-header); MLFERRY_TARGET_HEADERS holds several
    #[arg(long, value_name = "HEADER")]
    pub target_header: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Source {
    /// Where to read: http(s)://host:port of a tracking server, the ARN of an MLflow App or a SageMaker tracking
    /// server, a folder or database of MLflow without its server (./mlruns, mlflow.db, postgresql://user@host/db), or a
    /// directory that holds an export
    /// [default: MLFLOW_TRACKING_URI, else the only folder or database in this directory]
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,

    #[command(flatten)]
    pub options: SourceOptions,
}

#[derive(Debug, Args)]
pub struct Selection {
    /// Experiments by name, with * ? and {a,b}, separated by commas [default: all]
    #[arg(long, value_name = "GLOB,…")]
    pub experiments: Option<String>,

    /// Exclude experiments, even if another option selects them
    #[arg(long, value_name = "GLOB,…")]
    pub except_experiments: Option<String>,

    /// Registered models by name, with * ? and {a,b}, separated by commas; runs that their versions need are included.
    /// churn/3 is version 3 of churn: it keeps its number on the target, so versions 1 and 2 cannot be added there
    /// later. (A model whose own name is churn/3, as MLflow before 3.11 allows, is also selected.) If you give one of
    /// --experiments, --models, --prompts and --datasets, only the objects of these options are selected
    #[arg(long, value_name = "GLOB,…")]
    pub models: Option<String>,

    /// Prompts by name, with * ? and {a,b}, separated by commas; greeting/3 is version 3 of greeting
    #[arg(long, value_name = "GLOB,…")]
    pub prompts: Option<String>,

    /// Evaluation datasets by name, with * ? and {a,b}, separated by commas; datasets of a selected experiment are
    /// included
    #[arg(long, value_name = "GLOB,…")]
    pub datasets: Option<String>,

    /// Exclude evaluation datasets of a selected experiment
    #[arg(long, value_name = "GLOB,…")]
    pub except_datasets: Option<String>,

    /// Traces of the selected experiments and runs; the time window also applies to traces that no run created
    #[arg(long, value_enum, default_value_t = Traces::All)]
    pub traces: Traces,

    /// A plan file, as `plan --output` and the wizard write it; the selection options on the command line are added to it
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,

    /// A CSV file of `old,new` experiment names. Old names must match exactly; id:3 is the experiment with this id. Names
    /// with a comma need quotes
    #[arg(long, value_name = "FILE")]
    pub experiment_rename_file: Option<PathBuf>,

    /// A CSV file of `old,new` names of registered models and prompts
    #[arg(long, value_name = "FILE")]
    pub model_rename_file: Option<PathBuf>,

    /// Put this text before the names of experiments on the target, for example team-a/. Names of a rename file stay as
    /// they are. In a validation, what only the target has is then no difference
    #[arg(long, value_name = "TEXT")]
    pub experiments_prefix: Option<String>,

    /// Add runs to experiments of the target that have the same names and hold runs of other sources. Without it, such
    /// an experiment fails, and nothing is mixed. In a validation, what only the target has is then no difference
    #[arg(long)]
    pub merge: bool,

    /// If the target has a registered model or prompt of the same name with other versions, append the source's versions
    /// to them: they get the next numbers. A later import finds them again. `export` ignores this option. In a
    /// validation, what only the target has is then no difference
    #[arg(long)]
    pub append_versions: bool,

    /// Include deleted experiments and runs (they are also deleted on the target)
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub export_deleted_runs: bool,

    /// Only runs that started at or after this time, and runs that a selected model version needs: 2024-05-01,
    /// '2024-05-01 13:00:00' (UTC), RFC 3339, or milliseconds since 1970
    #[arg(long, value_name = "TIME")]
    pub run_start_time: Option<String>,

    /// Only runs that started before this time, and runs that a selected model version needs
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
            experiments_prefix: None,
            merge: false,
            append_versions: false,
            export_deleted_runs: true,
            run_start_time: None,
            runs_until: None,
        }
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry status\n  mlferry status --watch\n  mlferry status --watch --json\n\nWith --watch, it ends when the job ends, with the job's exit code. Ctrl-C only stops watching: the job continues."
)]
pub struct Status {
    /// Follow the running job (of another terminal or the wizard) until it ends
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
    /// A command, with a subcommand if it has one [default: the program]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry demo\n  mlferry demo --headless\n  mlferry demo --headless --via-directory --json\n  mlferry demo --from-files\n\nIt first installs MLflow into the cache directory. When it ends, nothing keeps running."
)]
pub struct Demo {
    /// Run the whole migration without the wizard and print the outcome
    #[arg(long)]
    pub headless: bool,

    /// Migrate through an export directory
    #[arg(long, requires = "headless")]
    pub via_directory: bool,

    /// Read the database and the files of an MLflow server directly, after this server has ended
    #[arg(long)]
    pub from_files: bool,
}
