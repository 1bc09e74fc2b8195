//! `mlferry config …`, and the options that lead to a configuration.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Where what is not typed comes from.
#[derive(Debug, Args)]
pub struct Configuration {
    /// Read the configuration from this file [default: MLFERRY_CONFIG, else config.toml in the user's config directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Take what is not given from this profile of the configuration [default: MLFERRY_PROFILE, else its default_profile]
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

The command line counts most, then the environment (MLFERRY_SOURCE for --source), the profile, the file's [defaults], and
what is built in. A variable of MLflow or AWS (MLFLOW_TRACKING_URI, AWS_REGION) counts where nothing else says anything.
Passwords and tokens are never read from the file.";

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show each setting and where it comes from; secrets only as "set"
    #[command(after_help = "Example:\n  mlferry config show\n  mlferry config show --profile staging --json")]
    Show,
    /// Print where the file is, or would be
    #[command(after_help = "Example:\n  mlferry config path")]
    Path,
    /// Write an example of everything to start from; never over a file that is there
    #[command(after_help = "Example:\n  mlferry config init\n  mlferry config init --config ./mlferry.toml")]
    Init,
}
