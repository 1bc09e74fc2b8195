use std::fs::OpenOptions;
use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::engine::StateDir;
use crate::error::{Error, Result};
use crate::tui::LogRing;

/// A log file that is larger than this is emptied when the program starts.
const MAX_LOG_BYTES: u64 = 10 * 1024 * 1024;
/// Prefixes of the names of crates that, at the most verbose level, log the headers of requests and the commands that
/// print credentials.
const TALKATIVE: [&str; 4] = ["aws_", "h2", "hyper", "reqwest"];

/// Writes warnings and retries into a file, into the wizard's log pane, and with `--verbose` to stderr. `MLFERRY_LOG`
/// sets the level (`debug`, `mlferry=trace`, …).
pub fn start(state: &StateDir, verbose: bool) -> Result<()> {
    let path = state.log();
    let is_large = path.metadata().is_ok_and(|meta| meta.len() > MAX_LOG_BYTES);
    let file = OpenOptions::new()
        .create(true)
        .append(!is_large)
        .write(true)
        .truncate(is_large)
        .open(&path)
        .map_err(|e| Error::from(e).at(path.display()))?;
    let to_file = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(std::sync::Mutex::new(file));
    let to_stderr = verbose.then(|| {
        let colour = std::io::stderr().is_terminal();
        tracing_subscriber::fmt::layer()
            .without_time()
            .with_target(false)
            .with_ansi(colour)
            .with_writer(std::io::stderr)
    });
    let registry = tracing_subscriber::registry().with(to_file.with_filter(level()));
    let registry = registry.with(to_stderr.with_filter(level())).with(ring().layer().with_filter(level()));
    registry.try_init().map_err(|e| Error::permanent(format!("the log cannot be started: {e}")))
}

fn level() -> EnvFilter {
    let chosen =
        EnvFilter::try_from_env("MLFERRY_LOG").unwrap_or_else(|_| EnvFilter::new("warn,mlferry=info"));
    let directives = TALKATIVE.into_iter().filter_map(|name| format!("{name}=warn").parse().ok());
    directives.fold(chosen, EnvFilter::add_directive)
}

/// The log lines that the wizard shows.
pub fn ring() -> LogRing {
    static RING: OnceLock<LogRing> = OnceLock::new();
    RING.get_or_init(LogRing::default).clone()
}
