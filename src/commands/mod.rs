//! The headless faces: each command starts engine jobs and hands their events to one of three sinks, which print
//! bars, plain lines or JSON lines.

mod app;
mod check;
mod connect;
mod consent;
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

use crate::cli::{Cli, Command, WizardEnds};
use crate::engine::{NewApp, StateDir};
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
    let takes_the_screen =
        matches!(&cli.command, None | Some(Command::Demo(crate::cli::Demo { headless: false, .. })));
    logging::start(&state, cli.output.verbose && !takes_the_screen)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .map_err(|e| Error::permanent(format!("the runtime cannot start: {e}")))?;
    let code = runtime.block_on(dispatch(cli, state, printer));
    // A blocking read of a dead disk must not hold up the exit.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}

/// Of each worker: what a copy awaits, the SDK's calls among it, is deep, and unoptimised builds keep it all on the stack.
const STACK: usize = 16 << 20;

/// An export holds one file open for each run that is being written, beside its connections: more than the 256 of
/// macOS or the 1 024 of Linux that a shell hands out, and less than what the system would give.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        const WANTED: u64 = 8_192;
        let limit = getrlimit(Resource::Nofile);
        let most = limit.maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
        if limit.current.is_some_and(|current| current < most) {
            let raised = Rlimit { current: Some(most), maximum: limit.maximum };
            if let Err(error) = setrlimit(Resource::Nofile, raised) {
                tracing::warn!("the limit of open files stays as it is: {error}");
            }
        }
    }
}

async fn dispatch(cli: Cli, state: StateDir, printer: &Printer) -> Result<u8> {
    match cli.command {
        None => wizard(state, cli.ends).await,
        Some(Command::App(args)) => app::app(args, state, printer).await,
        Some(Command::Check(args)) => check::check(args, printer).await,
        Some(Command::Connect(args)) => connect::connect(args, printer).await,
        Some(Command::Plan(args)) => plan::plan(args, printer).await,
        Some(Command::Export(args)) => transfer::export(args, state, printer).await,
        Some(Command::Import(args)) => transfer::import(args, state, printer).await,
        Some(Command::Validate(args)) => validate::validate(args, printer).await,
        Some(Command::Run(args)) => run::run(args, state, printer).await,
        Some(Command::Status) => status::status(&state, printer),
        Some(Command::Demo(args)) => demo::demo(args, cli.output, printer).await,
        Some(Command::Completions { .. } | Command::Man) => Ok(0),
    }
}

async fn wizard(state: StateDir, ends: WizardEnds) -> Result<u8> {
    let WizardEnds { source, target, artifact_store_uri, region, role_arn } = ends;
    let app = NewApp {
        artifact_store_uri: artifact_store_uri.unwrap_or_default(),
        role_arn: role_arn.unwrap_or_default(),
        ..NewApp::default()
    };
    let start =
        tui::Start { state, source, target, app, region, plan: Plan::default(), log: logging::ring() };
    tui::run(start).await
}
