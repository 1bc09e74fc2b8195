//! `mlferry config …`, and the options that select a configuration.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The source of the values that the user does not type.
#[derive(Debug, Args)]
pub struct Configuration {
    /// Read the configuration from this file [default: MLFERRY_CONFIG, else config.toml in the user's config directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Take values that are not given from this profile of the configuration [default: MLFERRY_PROFILE, else its default_profile]
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Config {
    #[command(subcommand)]
    pub command: ConfigCommand,
}

const EXAMPLES: &str = "\
Examples:
  mlferry config init
  mlferry config show --profile staging
  mlferry check --profile staging

The command line takes precedence, then the environment (MLFERRY_SOURCE for --source), the profile, the file's [defaults],
and the built-in defaults. A variable of MLflow or AWS (MLFLOW_TRACKING_URI, AWS_REGION) applies if no other value is set.
Passwords and tokens are never read from the file.";

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show each setting and where it comes from; secrets are shown only as "set"
    #[command(after_help = "Example:\n  mlferry config show\n  mlferry config show --profile staging --json")]
    Show,
    /// Print the path of the file, whether it exists or not
    #[command(after_help = "Example:\n  mlferry config path")]
    Path,
    /// Write an example file with every setting; an existing file is never overwritten
    #[command(after_help = "Example:\n  mlferry config init\n  mlferry config init --config ./mlferry.toml")]
    Init,
}
