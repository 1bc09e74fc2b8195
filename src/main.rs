use std::process::ExitCode;

use mlferry::commands;

/// Parses, picks a face, turns its outcome into an exit code.
fn main() -> ExitCode {
    let typed = commands::Typed::hear(std::env::args_os().collect());
    let printer = commands::Printer::new(typed.output());
    let code = typed.complete().and_then(|told| commands::start(told, &printer)).unwrap_or_else(|error| {
        printer.error(&error);
        error.exit_code()
    });
    ExitCode::from(code)
}
