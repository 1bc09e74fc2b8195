use std::process::ExitCode;

use mlferry::commands;

/// Reading folders of many small files takes a tenth longer with the allocator of glibc.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Parses the arguments, runs the command or the wizard, and converts the outcome into an exit code.
fn main() -> ExitCode {
    let arguments = commands::Arguments::parse(std::env::args_os().collect());
    let printer = commands::Printer::new(arguments.output());
    let code = arguments
        .complete()
        .and_then(|invocation| commands::start(invocation, &printer))
        .unwrap_or_else(|error| {
            printer.error(&error);
            error.exit_code()
        });
    ExitCode::from(code)
}
