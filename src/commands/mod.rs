//! The headless faces: each command starts engine jobs and hands their events to one of three sinks, which print
//! bars, plain lines or JSON lines.

mod check;
mod demo;
mod ends;
mod follow;
mod format;
mod logging;
mod plan;
mod printer;
mod run;
mod selection;
mod shell;
mod sink;
mod status;
mod transfer;
mod validate;

use crate::cli::{Cli, Command};
use crate::engine::StateDir;
use crate::entities::Plan;
use crate::error::{Error, Result};
use crate::tui;

pub use printer::Printer;

/// Runs what the command line asks for and gives the exit code.
pub fn start(cli: Cli, printer: &Printer) -> Result<u8> {
    match &cli.command {
        Some(Command::Completions { shell }) => return shell::completions(*shell, printer),
        Some(Command::Man) => return shell::man(printer),
        _ => {}
    }
    let state = StateDir::find()?;
    logging::start(&state, cli.output.verbose)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .map_err(|e| Error::permanent(format!("the runtime cannot start: {e}")))?;
    let code = runtime.block_on(dispatch(cli, state, printer));
    // A blocking read of a dead disk must not hold up the exit.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}

async fn dispatch(cli: Cli, state: StateDir, printer: &Printer) -> Result<u8> {
    match cli.command {
        None => wizard(state, cli.ends.source, cli.ends.target).await,
        Some(Command::Check(args)) => check::check(args, printer).await,
        Some(Command::Plan(args)) => plan::plan(args, printer).await,
        Some(Command::Export(args)) => transfer::export(args, state, printer).await,
        Some(Command::Import(args)) => transfer::import(args, state, printer).await,
        Some(Command::Validate(args)) => validate::validate(args, printer).await,
        Some(Command::Run(args)) => run::run(args, state, printer).await,
        Some(Command::Status) => status::status(&state, printer),
        Some(Command::Demo(args)) => demo::demo(args, printer).await,
        Some(Command::Completions { .. } | Command::Man) => Ok(0),
    }
}

async fn wizard(state: StateDir, source: Option<String>, target: Option<String>) -> Result<u8> {
    let start = tui::Start { state, source, target, plan: Plan::default(), log: logging::ring() };
    tui::run(start).await
}
