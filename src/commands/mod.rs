//! The headless commands: each command starts engine jobs and prints their events as bars, plain lines or JSON lines.

mod app;
mod arguments;
mod check;
mod check_stores;
mod config;
mod confirm;
mod connect;
mod demo;
mod endpoints;
mod format;
mod logging;
mod output;
mod plan;
mod progress;
mod run;
mod selection;
mod shell;
mod status;
mod transfer;
mod validate;

use self::endpoints::Endpoints;
use super::plan::Plan;
use crate::cli::{Cli, Command, Look, Theme, WizardEnds};
use crate::config::{self as settings, Config, Display};
use crate::engine::{NewApp, StateDir};
use crate::error::{Error, Result};
use crate::tui::{self, keys::Keymap};

pub use arguments::{Arguments, Invocation};
pub use output::Printer;

/// Runs the command and returns the exit code.
pub fn start(invocation: Invocation, printer: &Printer) -> Result<u8> {
    let keys = Keymap::of(&invocation.config.bindings)?;
    let cli = &invocation.cli;
    match &cli.command {
        Some(Command::Config(args)) => {
            return config::config(args, cli.configuration.config.clone(), &invocation.config, printer);
        }
        Some(Command::Completions(args)) => return shell::completions(args.shell, printer),
        Some(Command::Man(args)) => return shell::man(&args.command, printer),
        _ => {}
    }
    let state = StateDir::find()?;
    let takes_the_screen =
        matches!(&cli.command, None | Some(Command::Demo(crate::cli::Demo { headless: false, .. })));
    logging::start(&state, cli.output.verbose && !takes_the_screen)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(worker_threads())
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .map_err(|e| Error::permanent(format!("the runtime cannot start: {e}")))?;
    let code = runtime.block_on(dispatch(invocation, keys, state, printer));
    // A blocking read from a broken disk must not delay the exit.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}

/// The most threads that read and write files at the same time. With one for each open file, the threads would mostly
/// wake each other: an export of many small files takes a tenth longer.
const MAX_BLOCKING_THREADS: usize = 16;

/// A few threads do all work that does not wait. More threads than processors would only wake each other.
fn worker_threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4)
}

/// The stack size of each worker thread. The futures of a copy are deeply nested, including the SDK's calls, and
/// unoptimised builds keep all of them on the stack.
const STACK: usize = 16 << 20;

/// An export keeps one file open for each run that it writes, in addition to its connections. These can be more than
/// the default limit of a shell (256 on macOS, 1 024 on Linux), but fewer than the system allows.
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

async fn dispatch(invocation: Invocation, keys: Keymap, state: StateDir, printer: &Printer) -> Result<u8> {
    let Invocation { cli, config, endpoint_options, is_new_session } = invocation;
    let ends = &Endpoints::of(&config, &endpoint_options, cli.wait.as_deref())?;
    match cli.command {
        None => wizard(cli, keys, state, ends, &config, is_new_session).await,
        Some(Command::App(args)) => app::app(args, state, ends, printer).await,
        Some(Command::Check(args)) => check::check(args, ends, printer).await,
        Some(Command::Connect(args)) => connect::connect(args, ends, printer).await,
        Some(Command::Plan(args)) => plan::plan(args, ends, printer).await,
        Some(Command::Export(args)) => transfer::export(args, state, ends, printer).await,
        Some(Command::Import(args)) => transfer::import(args, state, ends, printer).await,
        Some(Command::Validate(args)) => validate::validate(args, state, ends, printer).await,
        Some(Command::Run(args)) => run::run(args, state, ends, printer).await,
        Some(Command::Status(args)) if args.watch => progress::watch(&state, printer).await,
        Some(Command::Status(_)) => status::status(&state, printer),
        Some(Command::Demo(args)) => demo::demo(args, cli.output, &config, printer).await,
        Some(Command::Config(_) | Command::Completions(_) | Command::Man(_)) => Ok(0),
    }
}

async fn wizard(
    cli: Cli,
    keymap: Keymap,
    state: StateDir,
    ends: &Endpoints<'_>,
    config: &Config,
    is_new_session: bool,
) -> Result<u8> {
    let WizardEnds { source, target, artifact_store_uri, region, role_arn, .. } = cli.ends;
    let app = NewApp {
        artifact_store_uri: artifact_store_uri.unwrap_or_default(),
        role_arn: role_arn.unwrap_or_default(),
        ..NewApp::default()
    };
    let (source_access, target_access) = ends.for_wizard()?;
    let (display, plan, log) = (display(cli.look), Plan::default(), logging::ring());
    let start = tui::Start {
        state,
        source,
        target,
        stores: endpoints::stores_folder(),
        source_access,
        target_access,
        app,
        region,
        plan,
        log,
        display,
        keymap,
        profile: config.profile.clone(),
        is_new_session,
    };
    tui::run(start).await
}

fn display(look: Look) -> Display {
    let theme = look.theme.and_then(|theme| match theme {
        Theme::Auto => None,
        Theme::Dark => Some(settings::Theme::Dark),
        Theme::Light => Some(settings::Theme::Light),
        Theme::Sixteen => Some(settings::Theme::Sixteen),
        Theme::None => Some(settings::Theme::None),
    });
    Display { theme, ascii: look.ascii, mouse: look.mouse }
}
