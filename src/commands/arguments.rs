//! Completes the command line: an option that is not given takes its value from the environment or from the
//! configuration, and only then its built-in default. An option and the setting with the same name mean the same.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::endpoints::EndpointOptions;
use crate::cli::{Cli, Output};
use crate::config::Config;
use crate::error::{Error, Result};

/// The command line as the user typed it, before any configuration is read.
pub struct Arguments {
    arguments: Vec<OsString>,
    matches: ArgMatches,
}

/// The complete input of the program.
pub struct Invocation {
    pub cli: Cli,
    pub config: Config,
    pub endpoint_options: EndpointOptions,
    /// The user gave the wizard a starting point, so it must not restore an earlier session.
    pub is_new_session: bool,
}

impl Arguments {
    /// Exits the program when clap has a message for the user: help, version or an error.
    pub fn parse(arguments: Vec<OsString>) -> Self {
        // The configuration may supply required options that are missing here.
        let relaxed = everywhere(Cli::command(), &|arg| arg.required(false));
        let matches = relaxed.get_matches_from(&arguments);
        Self { arguments, matches }
    }

    pub fn output(&self) -> Output {
        let [json, quiet, verbose] = ["json", "quiet", "verbose"].map(|flag| self.matches.get_flag(flag));
        Output { json, quiet, verbose }
    }

    pub fn complete(self) -> Result<Invocation> {
        let config = match self.matches.subcommand() {
            Some((name, of)) if is_without_configuration(name, of) => Config::default(),
            _ => Config::load(
                self.matches.get_one("config").cloned(),
                self.matches.get_one("profile").cloned(),
                |name| std::env::var(name).ok(),
            )?,
        };
        let is_typed = |id: &str| self.matches.value_source(id) == Some(ValueSource::CommandLine);
        let is_new_session = ["source", "target", "profile"].into_iter().any(is_typed);
        let completed = everywhere(Cli::command(), &|arg| match config.text(arg.get_id().as_str()) {
            Some(text) => arg.required(false).default_value(text.to_owned()),
            None => arg,
        });
        let matches = completed.get_matches_from(self.arguments);
        let endpoint_options = EndpointOptions {
            source_headers: typed(&matches, "source_header"),
            target_headers: typed(&matches, "target_header"),
            artifact_roots: typed(&matches, "artifact_root"),
            artifacts_destination: typed(&matches, "artifacts_destination").pop(),
        };
        let cli = Cli::from_arg_matches(&matches).map_err(|e| Error::usage(e.to_string()))?;
        Ok(Invocation { cli, config, endpoint_options, is_new_session })
    }
}

/// All values of an option, on any command level.
fn typed(matches: &ArgMatches, id: &str) -> Vec<String> {
    let here = matches.try_get_many::<String>(id).ok().flatten().into_iter().flatten().cloned();
    let below = matches.subcommand().map(|(_, below)| typed(below, id)).unwrap_or_default();
    here.chain(below).collect()
}

/// These commands must work even if the configuration is invalid.
fn is_without_configuration(name: &str, of: &ArgMatches) -> bool {
    let is_repair = matches!(of.subcommand_name(), Some("path" | "init"));
    matches!(name, "completions" | "man") || (name == "config" && is_repair)
}

/// Applies the same change to every option of every command.
fn everywhere(command: Command, change: &dyn Fn(Arg) -> Arg) -> Command {
    command.mut_args(change).mut_subcommands(|below| everywhere(below, change))
}
