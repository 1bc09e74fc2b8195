//! The whole state of the wizard. The screen depends only on this state.

pub mod address;
pub mod apps;
pub mod completion;
pub mod cursor;
pub mod details;
pub mod diff_fields;
pub mod endpoint;
pub mod estimate;
pub mod form;
pub mod job;
pub mod layer;
pub mod log;
pub mod overlay;
pub mod preflight;
pub mod question;
pub mod rates;
pub mod sizes;
pub mod steps;
pub mod stores;
pub mod throughput;
pub mod validation;
use std::path::PathBuf;
use std::time::Duration;

use self::apps::{Apps, TargetInput};
use self::completion::PathCompletion;
use self::details::DetailCache;
use self::form::{Field, Form};
use self::job::{ErrorText, JobState};
use self::log::{LogLine, Severity};
use self::preflight::Preflight;
use self::sizes::SizeScan;
use self::steps::CompletedSteps;
use self::stores::FoundStores;
use self::validation::Validation;
use super::keys::Keymap;
use super::source_tree::SourceTree;
use super::theme::Look;
use crate::engine::browse::Sampled;
use crate::engine::validate::Format;
use crate::engine::{Access, CheckReport, Route, Session, Side, Step};
use crate::plan::{Plan, SameNames};

pub use self::overlay::{NameChoice, Overlay, QuitChoice, Write};

pub struct Model {
    pub look: Look,
    /// Time since the wizard opened.
    pub now: Duration,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The current screen.
    pub step: Step,
    pub source: EndpointState,
    pub target: EndpointState,
    pub stores: FoundStores,
    /// The last completion of the source's path.
    pub completion: Option<PathCompletion>,
    pub apps: Apps,
    pub preflight: Preflight,
    pub route: RouteForm,
    pub selection: Selection,
    /// The confirmed plan of the user.
    pub plan: Plan,
    pub completed: CompletedSteps,
    pub export: JobState,
    pub import: JobState,
    pub validation: Validation,
    pub log: Vec<LogLine>,
    /// Log lines below this severity are hidden.
    pub log_from: Severity,
    pub overlay: Option<Overlay>,
    /// The result of the last key, if the screen does not show it otherwise.
    pub notice: Option<String>,
    pub places: Paths,
    pub keymap: Keymap,
    /// The active profile of the configuration.
    pub profile: Option<String>,
    /// Leave as soon as the job has ended.
    pub leaving: bool,
    /// A session is being resumed. This is the step to open once both ends have answered.
    pub returning: Option<Step>,
}

/// Files next to the session file, and the directories that complete typed paths.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    pub report: PathBuf,
    pub plan: PathBuf,
    pub home: Option<PathBuf>,
    /// The current directory.
    pub current: PathBuf,
    /// The directory in which a source is looked for.
    pub stores: PathBuf,
}

impl Paths {
    /// The report in this format, next to the other reports.
    pub fn report_as(&self, format: Format) -> PathBuf {
        self.report.with_extension(format.extension())
    }
}

/// The known state of one end.
pub struct EndpointState {
    pub form: Form,
    pub seen: CheckState,
    /// Attempt counter: answers to older attempts are ignored.
    pub attempt: u64,
    /// Number of lines above the visible part of the check report.
    pub scroll: usize,
}

#[derive(Clone, Debug)]
pub enum CheckState {
    Unchecked,
    Checking,
    Found(Box<CheckReport>),
    Refused(ErrorText),
}

impl EndpointState {
    pub fn new(end: Side, uri: &str, access: Access) -> Self {
        Self { form: Form::new(end, uri, access), seen: CheckState::Unchecked, attempt: 0, scroll: 0 }
    }

    pub fn report(&self) -> Option<&CheckReport> {
        match &self.seen {
            CheckState::Found(report) => Some(report),
            _ => None,
        }
    }

    pub fn is_trying(&self) -> bool {
        matches!(self.seen, CheckState::Checking)
    }

    /// The address without credentials.
    pub fn location(&self) -> String {
        self.report().map_or_else(|| self.form.bare_uri(), |report| report.about.location.clone())
    }
}

/// The route of the data, as it is being chosen.
#[derive(Clone, Default)]
pub struct RouteForm {
    pub by_directory: bool,
    pub directory: Field,
    /// The text field has the focus.
    pub typing: bool,
}

#[derive(Default)]
pub struct Selection {
    pub tree: Loaded,
    /// The location of the source that the tree shows.
    pub of: String,
    /// The filter field, while it has the focus.
    pub filtering: Option<Field>,
    /// The items that are included with the confirmed plan.
    pub needed: Needed,
    /// The user has asked for the next step. The wizard opens it as soon as the tree is complete.
    pub wants_next: bool,
    /// The details pane beside the tree.
    pub details: DetailCache,
    /// The scan that measures the sizes of runs.
    pub size_scan: Option<SizeScan>,
    /// The contents of a few sampled runs.
    pub sampled: Option<Sampled>,
}

/// Items that are not selected but included because a version of a selected model needs them: id or name, and the
/// version as `name/number`.
#[derive(Default)]
pub enum Needed {
    /// The plan names no models.
    #[default]
    Unasked,
    Asked,
    Known(Vec<(String, String)>),
    Failed(String),
}

#[derive(Default)]
pub enum Loaded {
    #[default]
    Nothing,
    Loading,
    Tree(Box<SourceTree>),
    Failed(ErrorText),
}

impl Selection {
    /// Starts with another source, or with the same source again. The data of the previous one is dropped.
    pub fn start(&mut self, of: String) {
        let details = DetailCache::opened(self.details.open);
        *self = Self { of, tree: Loaded::Loading, details, ..Self::default() };
    }

    pub fn tree(&self) -> Option<&SourceTree> {
        match &self.tree {
            Loaded::Tree(tree) => Some(tree),
            _ => None,
        }
    }

    pub fn tree_mut(&mut self) -> Option<&mut SourceTree> {
        match &mut self.tree {
            Loaded::Tree(tree) => Some(tree),
            _ => None,
        }
    }
}

impl Model {
    pub fn new(look: Look, places: Paths, source: EndpointState, target: EndpointState, plan: Plan) -> Self {
        Self {
            look,
            now: Duration::ZERO,
            size: (80, 24),
            step: Step::Check,
            source,
            target,
            stores: FoundStores::default(),
            completion: None,
            apps: Apps::default(),
            preflight: Preflight::default(),
            route: RouteForm { directory: Field::new("mlferry-export"), ..RouteForm::default() },
            selection: Selection::default(),
            plan,
            completed: CompletedSteps::default(),
            export: JobState::new(Step::Export),
            import: JobState::new(Step::Import),
            validation: Validation::default(),
            log: Vec::new(),
            log_from: Severity::Note,
            overlay: None,
            notice: None,
            places,
            leaving: false,
            returning: None,
            keymap: Keymap::default(),
            profile: None,
        }
    }

    /// The choice on the screen. After step 4, the choice of the confirmed plan.
    pub fn same_names(&self) -> SameNames {
        match self.selection.tree().filter(|_| self.step == Step::Plan) {
            Some(tree) => tree.same_names(),
            None => self.plan.same_names(),
        }
    }

    /// The log lines that pass the severity filter.
    pub fn shown_log(&self) -> Vec<&LogLine> {
        self.log.iter().filter(|line| line.severity >= self.log_from).collect()
    }

    pub fn side(&self, end: Side) -> &EndpointState {
        match end {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    pub fn side_mut(&mut self, end: Side) -> &mut EndpointState {
        match end {
            Side::Source => &mut self.source,
            Side::Target => &mut self.target,
        }
    }

    /// The end that the current screen asks for.
    pub fn asked_side(&self) -> Option<Side> {
        match self.step {
            Step::Check => Some(Side::Source),
            Step::App if self.apps.way == TargetInput::Address => Some(Side::Target),
            _ => None,
        }
    }

    pub fn work(&self, step: Step) -> Option<&JobState> {
        match step {
            Step::Export => Some(&self.export),
            Step::Import => Some(&self.import),
            Step::Validate => Some(&self.validation.work),
            _ => None,
        }
    }

    pub fn work_mut(&mut self, step: Step) -> Option<&mut JobState> {
        match step {
            Step::Export => Some(&mut self.export),
            Step::Import => Some(&mut self.import),
            Step::Validate => Some(&mut self.validation.work),
            _ => None,
        }
    }

    /// The job on the current screen.
    pub fn work_here(&self) -> Option<&JobState> {
        self.work(self.step)
    }

    /// The step whose job is running.
    pub fn running(&self) -> Option<Step> {
        Step::ALL.into_iter().find(|step| self.work(*step).is_some_and(JobState::is_running))
    }

    /// Something changes without input: the screen is drawn again without a key.
    pub fn is_busy(&self) -> bool {
        let is_fetching = self.selection.tree().is_some_and(SourceTree::is_fetching)
            || matches!(self.selection.tree, Loaded::Loading);
        let is_asking = matches!(self.selection.needed, Needed::Asked);
        self.running().is_some()
            || is_asking
            || self.selection.details.is_fetching()
            || self.selection.size_scan.is_some()
            || self.apps.is_busy()
            || self.stores.is_busy()
            || self.preflight.is_running()
            || self.validation.is_busy()
            || self.import.retrying.is_some()
            || self.source.is_trying()
            || self.target.is_trying()
            || is_fetching
    }

    /// The number of runs that will be moved, if it is known exactly.
    pub fn expected_runs(&self) -> Option<u64> {
        let plan = &self.plan;
        let has_window = plan.run_start_time.is_some() || plan.runs_until.is_some();
        let leaves_some = plan.skip_deleted || has_window || !plan.except_experiments.is_empty();
        let is_everything = plan.is_everything() && !leaves_some;
        let report = self.source.report().filter(|report| is_everything && !report.more_runs);
        let counted = || self.selection.tree().map(SourceTree::counted).filter(|counted| !counted.more);
        report.map(|report| report.runs).or_else(|| counted().map(|counted| counted.runs))
    }

    pub fn route(&self) -> Route {
        match self.route.by_directory {
            true => Route::Directory(self.directory()),
            false => Route::Direct,
        }
    }

    pub fn directory(&self) -> PathBuf {
        self.expand(self.route.directory.text().trim())
    }

    /// The wizard expands a tilde because no shell does. It makes paths absolute because a session may be resumed from
    /// another directory.
    pub fn expand(&self, path: &str) -> PathBuf {
        let below_home = if path == "~" { Some("") } else { path.strip_prefix("~/") };
        match (below_home, &self.places.home) {
            _ if path.is_empty() => PathBuf::new(),
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.places.current.join(path),
        }
    }

    /// The step to continue with: the current step, or the next one if the current step is done.
    fn next_to_do(&self) -> Step {
        let is_done = self.gate(self.step) == crate::tui::model::steps::StepStatus::Done;
        let following = match self.step {
            Step::Export => Some(Step::Import),
            Step::Import => Some(Step::Validate),
            _ => None,
        };
        following.filter(|_| is_done).unwrap_or(self.step)
    }

    /// Empty if the source is only the wizard's own proposal: there is nothing to resume.
    fn source_of_session(&self) -> String {
        let is_unchecked = matches!(self.source.seen, CheckState::Unchecked);
        if is_unchecked && self.stores.find(self.source.form.uri()).is_some() {
            return String::new();
        }
        self.absolute(Side::Source).unwrap_or_else(|| self.source.form.bare_uri())
    }

    pub fn session(&self) -> Session {
        Session {
            step: self.next_to_do(),
            source: self.source_of_session(),
            target: self.target.form.bare_uri(),
            route: self.route(),
            plan: self.plan.clone(),
        }
    }
}
