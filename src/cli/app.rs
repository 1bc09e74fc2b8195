//! `mlferry app …`: commands for the App that a migration writes to.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct App {
    #[command(subcommand)]
    pub command: AppCommand,
}

const EXAMPLES: &str = "\
Examples:
  mlferry app list --region eu-west-1
  mlferry app create --name mlflow-production --artifact-store-uri s3://my-bucket/mlflow \\
    --role-arn arn:aws:iam::123456789012:role/mlflow-app
  mlferry app open arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL

Credentials come from the same places as for the AWS CLI: AWS_PROFILE, the environment, SSO, a role of the machine.";

#[derive(Debug, Subcommand)]
pub enum AppCommand {
    /// List the MLflow Apps and the MLflow tracking servers of a region, grouped by kind
    List(List),
    /// Create an App and wait until it can be used, or use the App of this name if there is one
    Create(Create),
    /// Show everything that SageMaker reports about an App or a tracking server
    #[command(after_help = "Example:\n  mlferry app describe mlflow-production --region eu-west-1 --json")]
    Describe(One),
    /// Wait until an App can be used
    Wait(Wait),
    /// Print a link to the UI (in a terminal, also copy it). It works once and expires after five minutes
    #[command(
        after_help = "Example:\n  mlferry app open arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL"
    )]
    Open(One),
    /// Change whether registered models are copied to the SageMaker Model Registry, or the maintenance window
    Update(Update),
    /// Print the IAM policies that a migration needs, filled in
    Policy(Policy),
    /// Test the undocumented behaviour of a live App, and write the results to a file for a bug report
    Probe(Probe),
}

#[derive(Clone, Debug, Default, Args)]
pub struct Region {
    /// The AWS region [default: AWS_REGION, else the region of the profile]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mlferry app list --region eu-west-1")]
pub struct List {
    #[command(flatten)]
    pub region: Region,
}

#[derive(Debug, Args)]
pub struct One {
    /// The ARN of an App or a tracking server, or its name
    #[arg(value_name = "ARN|NAME")]
    pub app: String,

    #[command(flatten)]
    pub region: Region,
}

/// How long to wait for AWS
#[derive(Clone, Copy, Debug, Args)]
pub struct Waiting {
    /// Seconds between two requests for the status
    #[arg(long, value_name = "SECONDS", default_value_t = 12.0, value_parser = seconds)]
    pub poll_interval: f64,

    /// Stop waiting after this many seconds; AWS continues
    #[arg(long, value_name = "SECONDS", default_value_t = 900.0, value_parser = seconds)]
    pub timeout: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    let fits = seconds > 0.0 && seconds <= 86_400.0;
    fits.then_some(seconds).ok_or_else(|| "a number of seconds above 0, at most a day".to_owned())
}

/// `ModelRegistrationMode`, with SageMaker's own names
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    #[value(name = "AutoModelRegistrationEnabled")]
    Enabled,
    #[value(name = "AutoModelRegistrationDisabled")]
    Disabled,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry app create --name mlflow-production --artifact-store-uri s3://my-bucket/mlflow --role-arn arn:aws:iam::123456789012:role/mlflow-app\n  mlferry app create --profile staging --name mlflow-staging --no-wait --yes"
)]
pub struct Create {
    /// The name of the App: letters, digits and dashes
    #[arg(long)]
    pub name: String,

    /// Where the App keeps artifacts: a bucket of the same region, with a prefix
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    pub artifact_store_uri: String,

    /// The role that the App itself uses; `mlferry app policy app-role` prints the policy that it needs
    #[arg(long, value_name = "ARN")]
    pub role_arn: String,

    /// Encrypt the App's metadata with this KMS key; cannot be changed later
    #[arg(long, value_name = "KEY")]
    pub kms_key_id: Option<String>,

    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    pub tags: Vec<(String, String)>,

    /// When AWS may update the App, once a week, in UTC
    #[arg(long, value_name = "Tue:03:30")]
    pub weekly_maintenance_window_start: Option<String>,

    /// Whether registered models are copied to the SageMaker Model Registry; an import needs this off
    #[arg(long, value_name = "MODE", value_enum, default_value_t = Registration::Disabled)]
    pub model_registration_mode: Registration,

    #[command(flatten)]
    pub region: Region,

    #[command(flatten)]
    pub waiting: Waiting,

    /// Return as soon as AWS has accepted the request
    #[arg(long)]
    pub no_wait: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a tag looks like team=fraud")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mlferry app wait\n  mlferry app wait mlflow-production --region eu-west-1 --timeout 1800"
)]
pub struct Wait {
    /// The ARN of an App or a tracking server, or its name [default: the App that was created last]
    #[arg(value_name = "ARN|NAME")]
    pub app: Option<String>,

    #[command(flatten)]
    pub region: Region,

    #[command(flatten)]
    pub waiting: Waiting,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mlferry app update mlflow-production --model-registration-mode AutoModelRegistrationDisabled"
)]
#[group(id = "change", required = true, multiple = true, args = ["model_registration_mode", "weekly_maintenance_window_start"])]
pub struct Update {
    #[command(flatten)]
    pub one: One,

    /// Whether registered models are copied to the SageMaker Model Registry
    #[arg(long, value_name = "MODE", value_enum)]
    pub model_registration_mode: Option<Registration>,

    /// When AWS may update the App, once a week, in UTC
    #[arg(long, value_name = "Tue:03:30")]
    pub weekly_maintenance_window_start: Option<String>,

    #[command(flatten)]
    pub waiting: Waiting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyName {
    MigrationPrincipal,
    AppRole,
    AppRoleTrust,
    TrackingServerSource,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mlferry app policy app-role --bucket my-bucket --prefix mlflow > app-role.json\n\nValues that are not given stay placeholders such as ${Bucket}."
)]
pub struct Policy {
    /// Print only this policy; stdout then contains only its JSON [default: all]
    #[arg(value_enum, value_name = "POLICY")]
    pub policy: Option<PolicyName>,

    /// The AWS account ID
    #[arg(long, value_name = "12 DIGITS")]
    pub account: Option<String>,

    #[command(flatten)]
    pub region: Region,

    /// The bucket of the artifacts
    #[arg(long, value_name = "NAME")]
    pub bucket: Option<String>,

    /// The prefix of the artifacts' keys
    #[arg(long, value_name = "PATH")]
    pub prefix: Option<String>,

    /// The ARN of the role that the App uses
    #[arg(long, value_name = "ARN")]
    pub role: Option<String>,

    /// The ARN of the role that mlferry uses
    #[arg(long, value_name = "ARN")]
    pub migration_role: Option<String>,

    /// The ARN of an existing App or tracking server; without it the policy allows mlferry to create an App
    #[arg(long, value_name = "ARN")]
    pub app: Option<String>,

    /// The ARN of the KMS key that encrypts the bucket or the App
    #[arg(long, value_name = "ARN")]
    pub kms_key: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mlferry app probe mlflow-production --output app-probe.json\n\nIt creates experiments with a run and a trace in the App, deletes them again, and lists what remains.\nThe file contains no account, id, bucket or name."
)]
pub struct Probe {
    #[command(flatten)]
    pub one: One,

    /// Where to write the results
    #[arg(long, value_name = "FILE", default_value = "mlferry-app-probe.json")]
    pub output: PathBuf,

    /// Also find out how large a request may be, with bodies of up to 64 MB
    #[arg(long)]
    pub limits: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}
