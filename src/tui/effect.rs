//! What `update` asks to be done, as data: the runtime does it and answers with a [`Msg`].

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::KeyEvent;
use secrecy::SecretString;

use super::model::endpoint::EndpointRef;
use super::model::job::Failed;
use super::model::log::LogLine;
use super::model::question::Question;
use crate::engine::browse::{ArtifactSize, Contents, DetailKey, Details, Holdings, Sampled};
use crate::engine::validate::{ArtifactCheck, Curve, Difference};
use crate::engine::{
    AppSummary, CheckReport, Event, Line, NewApp, Outcome, ProgressSnapshot, Provisioning, Session, Side,
};
use crate::entities::{Experiment, ExperimentId, ModelVersion, RegisteredModel, RunId};
use crate::error::Result;
use crate::plan::Plan;

/// What the wizard hears.
pub enum Msg {
    Key(KeyEvent),
    Paste(String),
    /// Rows down, or up.
    Wheel(isize),
    Resize(u16, u16),
    /// Time since the wizard opened.
    Clock(Duration),
    Checked {
        end: Side,
        attempt: u64,
        result: Result<Box<CheckReport>>,
    },
    /// What the try of this number has found so far.
    Preflight {
        attempt: u64,
        line: Box<Line>,
    },
    PreflightEnded {
        attempt: u64,
        result: Result<()>,
    },
    /// A page of what the source holds.
    Holdings {
        of: String,
        result: Result<Holdings>,
    },
    /// A page of what an experiment holds.
    Contents {
        of: String,
        experiment: ExperimentId,
        result: Result<Contents>,
    },
    Versions {
        of: String,
        model: String,
        result: Result<Vec<ModelVersion>>,
    },
    Closeup {
        of: String,
        subject: DetailKey,
        result: Result<Details>,
    },
    /// Some runs of an experiment, or why they cannot be weighed.
    Weighed {
        of: String,
        experiment: ExperimentId,
        weights: Vec<(RunId, std::result::Result<ArtifactSize, String>)>,
    },
    Sampled {
        of: String,
        sampled: Sampled,
    },
    /// A plan that somebody wants to pick by.
    PlanRead {
        from: PathBuf,
        result: Result<Plan>,
    },
    /// The region, and what is there.
    Apps(Result<(String, Vec<AppSummary>)>),
    AppNews(Provisioning),
    /// The ARN of one that can be used now.
    AppReady(Result<String>),
    AppLink(Result<SecretString>),
    /// What goes along with this plan without being picked.
    Needed {
        of: String,
        plan: Box<Plan>,
        result: Result<Vec<(String, String)>>,
    },
    Drawn {
        source_id: String,
        metric: String,
        result: Result<Curve>,
    },
    /// How one item stands now.
    Again {
        difference: Box<Difference>,
        result: Result<Vec<Difference>>,
    },
    /// What failed before was tried by itself.
    Retried {
        failed: Box<Failed>,
        result: Result<()>,
    },
    /// The job has both ends open and is at work.
    Began,
    Sample(Box<ProgressSnapshot>),
    Happened(Event),
    Ended(Result<Outcome>),
    Log(Vec<LogLine>),
    /// Something to tell that no screen of its own shows.
    Said(String),
    /// What became of the answer to a question: what to tell, or why it stays open.
    Answered {
        question: Question,
        result: Result<String, String>,
    },
    /// The terminal or the machine goes away: finish what runs and leave.
    HangUp,
}

pub enum Effect {
    Check {
        at: EndpointRef,
        attempt: u64,
    },
    /// Looks at both ends as the import will meet them.
    Preflight {
        ends: Box<[EndpointRef; 2]>,
        output_dir: Option<PathBuf>,
        attempt: u64,
    },
    Holdings(EndpointRef),
    /// Lists the Apps and tracking servers of the account, in this region or that of the profile.
    Apps(Option<String>),
    CreateApp {
        new: Box<NewApp>,
        region: Option<String>,
    },
    /// By its ARN.
    AwaitApp(String),
    /// By its ARN.
    OpenApp(String),
    Contents {
        at: EndpointRef,
        experiment: Box<Experiment>,
    },
    /// Further runs of an experiment that is being looked into, until there are so many.
    MoreRuns {
        experiment: ExperimentId,
        wanted: usize,
    },
    Versions {
        at: EndpointRef,
        model: Box<RegisteredModel>,
    },
    /// Looks closely at one thing.
    Closeup {
        at: EndpointRef,
        subject: DetailKey,
    },
    /// Asks how large the files of these runs are.
    Weigh {
        at: EndpointRef,
        experiment: ExperimentId,
        runs: Vec<RunId>,
    },
    StopWeighing,
    /// Looks into a few runs of each of these.
    Sample {
        at: EndpointRef,
        experiments: Vec<Experiment>,
    },
    Needed {
        at: EndpointRef,
        plan: Box<Plan>,
    },
    /// Reads both sides of a metric.
    Draw(Box<CurveRequest>),
    /// Compares one item again, or imports it first.
    Again(Box<ItemRecheck>),
    /// Imports one item that failed.
    Retry(Box<ItemRetry>),
    Start(Box<Job>),
    Pause(bool),
    /// The first lets what runs finish, the second ends it at once.
    Stop,
    Save(Box<Session>),
    Forget,
    WritePlan(Box<Plan>),
    /// To a file of the user's.
    SavePlan {
        plan: Box<Plan>,
        to: PathBuf,
    },
    ReadPlan(PathBuf),
    Copy {
        from: PathBuf,
        to: PathBuf,
    },
    /// Puts a text into the clipboard of whoever sits at the terminal.
    Clip(String),
    Redraw,
    Suspend,
    Quit(u8),
}

pub enum Job {
    Export {
        source: EndpointRef,
        output_dir: PathBuf,
        plan: Plan,
    },
    Import {
        source: EndpointRef,
        target: EndpointRef,
        plan: Plan,
        update: bool,
    },
    Validate {
        source: EndpointRef,
        target: EndpointRef,
        plan: Plan,
        artifacts: ArtifactCheck,
        reports: Vec<PathBuf>,
    },
}

/// Both sides of a metric of a run.
#[derive(Clone)]
pub struct CurveRequest {
    pub source: EndpointRef,
    pub target: EndpointRef,
    pub source_id: String,
    pub target_id: String,
    pub metric: String,
}

/// What is to be done to one item.
#[derive(Clone)]
pub struct ItemRecheck {
    pub source: EndpointRef,
    pub target: EndpointRef,
    /// Where it is imported from first, if it is.
    pub import_from: Option<EndpointRef>,
    /// The least that takes the item.
    pub plan: Plan,
    pub artifacts: ArtifactCheck,
    pub difference: Difference,
}

/// What of a job has failed, and is to be tried by itself.
#[derive(Clone)]
pub struct ItemRetry {
    pub source: EndpointRef,
    pub target: EndpointRef,
    /// Of the whole job.
    pub plan: Plan,
    pub failed: Failed,
}
