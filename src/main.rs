use std::process::ExitCode;

use clap::Parser;
use mlferry::cli::Cli;
use mlferry::commands;

/// Parses, picks a face, turns its outcome into an exit code.
fn main() -> ExitCode {
    let cli = Cli::parse();
    let printer = commands::Printer::new(cli.output);
    let code = commands::start(cli, &printer).unwrap_or_else(|error| {
        printer.error(&error);
        error.exit_code()
    });
    ExitCode::from(code)
}
