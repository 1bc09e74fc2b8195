//! The wizard: seven steps on a terminal, in Elm style. [`model`] is the whole state, [`update`] changes it and returns
//! [`effect`]s, [`view`] draws it. Only [`terminal`], the effect runner and the runtime between them do I/O.

pub mod command;
pub mod diff_tree;
pub mod effect;
pub mod keys;
pub mod model;
mod runner;
mod runtime;
pub mod source_tree;
pub mod terminal;
#[cfg(test)]
mod tests;
mod text;
pub mod theme;
pub mod update;
pub mod view;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use self::keys::Keymap;
use self::model::apps::AppForm;
use self::model::{EndpointState, Model, Paths};
use self::runtime::Runtime;
use self::terminal::Screen;
use self::theme::Look;
use self::update::{actions, apps};
use super::plan::Plan;
use crate::config::Display;
use crate::engine::{Access, NewApp, Pending, Session, Side, StateDir, WizardFiles};
use crate::error::{Error, Result};

pub use model::log::LogRing;

/// Interval for drawing counters. Over SSH the line may be slow, so drawing must leave time for the keys.
const FRAME_INTERVAL: Duration = Duration::from_millis(100);
const FRAME_INTERVAL_OVER_SSH: Duration = Duration::from_millis(250);

/// The initial state of the wizard.
pub struct Start {
    pub state: StateDir,
    pub source: Option<String>,
    pub target: Option<String>,
    /// The directory in which a source is looked for if none is given.
    pub stores: PathBuf,
    pub source_access: Access,
    pub target_access: Access,
    /// Known settings for a new App.
    pub app: NewApp,
    /// The region in which to look for Apps. `None` means the region of the profile.
    pub region: Option<String>,
    pub plan: Plan,
    pub log: LogRing,
    pub display: Display,
    pub keymap: Keymap,
    /// The profile of these settings, for commands that the user copies.
    pub profile: Option<String>,
    /// Do not offer an earlier session.
    pub is_new_session: bool,
}

/// Opens the wizard. Returns the exit code.
pub async fn run(start: Start) -> Result<u8> {
    require_terminal(
        "the wizard needs a terminal",
        "in a script use `mlferry run --source http://host:5000 --target http://other:5000 --yes`",
    )?;
    let get = |name: &str| std::env::var(name).ok();
    let Start { state, source, target, stores, app, region, plan, log, keymap, .. } = start;
    let files = WizardFiles::claim(&state)?;
    let source = source.or_else(|| get("MLFLOW_TRACKING_URI"));
    // If the current directory has been deleted, relative paths stay as they are.
    let current = std::env::current_dir().unwrap_or_default();
    let places = Paths {
        report: files.report(),
        plan: files.plan(),
        home: get("HOME").map(PathBuf::from),
        stores: current.join(stores).components().collect(),
        current,
    };
    let mut model = Model::new(
        Look::of(get).with(start.display),
        places,
        EndpointState::new(Side::Source, &source.unwrap_or_default(), start.source_access),
        EndpointState::new(Side::Target, &target.unwrap_or_default(), start.target_access),
        plan,
    );
    model.keymap = keymap;
    model.profile = start.profile;
    model.apps.form = AppForm::of(&app);
    model.apps.region = region;
    let mut first = match Session::load(&files.session()).filter(|_| !start.is_new_session) {
        Some(session) => {
            actions::offer(&mut model, session);
            Vec::new()
        }
        None => actions::start_job(&mut model),
    };
    match Pending::load(&state) {
        Ok(pending) => first.extend(apps::resume_pending(&mut model, pending)),
        // The wizard opens even if a note cannot be read.
        Err(error) => model.notice = Some(error.to_string()),
    }
    if files.is_another_open() {
        let words = format!("another wizard is open: this one keeps its plan in {}", files.plan().display());
        // The next key removes the notice, and the log keeps it.
        tracing::warn!("{words}");
        model.notice = Some(words);
    }
    let frame = if get("SSH_CONNECTION").is_some() { FRAME_INTERVAL_OVER_SSH } else { FRAME_INTERVAL };
    let screen = Screen::open(start.display.mouse.unwrap_or_default())?;
    Runtime::new(screen, model, state, files, log)?.run(first, frame).await
}

/// Returns the error `why` if the wizard cannot be shown here.
pub fn require_terminal(why: &str, hint: &str) -> Result<()> {
    match std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        true => Ok(()),
        false => Err(Error::usage(why).hint(hint)),
    }
}
