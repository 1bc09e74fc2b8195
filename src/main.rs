use std::process::ExitCode;

use mlferry::commands;

/// Parses the arguments, runs the command or the wizard, and converts the outcome into an exit code.
fn main() -> ExitCode {
    let typed = commands::Typed::hear(std::env::args_os().collect());
    let printer = commands::Printer::new(typed.output());
    let code = typed.complete().and_then(|told| commands::start(told, &printer)).unwrap_or_else(|error| {
        printer.error(&error);
        error.exit_code()
    });
    ExitCode::from(code)
}
