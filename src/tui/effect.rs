//! The side effects that `update` requests, as data. The runtime performs them and answers with a [`Msg`].

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::KeyEvent;
use secrecy::SecretString;

use super::model::completion::CompletionRequest;
use super::model::endpoint::EndpointRef;
use super::model::job::Failed;
use super::model::log::LogLine;
use super::model::question::Question;
use super::model::stores::{FoundStore, StoreContents};
use crate::engine::browse::{ArtifactSize, Contents, DetailKey, Details, Holdings, Sampled};
use crate::engine::validate::{ArtifactCheck, Curve, Difference};
use crate::engine::{
    Access, AppSummary, CheckReport, Event, Line, NewApp, Outcome, ProgressSnapshot, Provisioning, Session,
    Side,
};
use crate::entities::{Experiment, ExperimentId, ModelVersion, RegisteredModel, RunId};
use crate::error::Result;
use crate::plan::Plan;

/// Every input of the wizard.
pub enum Msg {
    Key(KeyEvent),
    Paste(String),
    /// Number of rows: positive is down, negative is up.
    Wheel(isize),
    Resize(u16, u16),
    /// Time since the wizard opened.
    Clock(Duration),
    Checked {
        end: Side,
        attempt: u64,
        result: Result<Box<CheckReport>>,
    },
    /// The stores in the working directory.
    StoresFound(Vec<FoundStore>),
    StoreCounted {
        path: String,
        contents: StoreContents,
    },
    /// The names that this text may go on with, or the reason why they cannot be listed.
    Completed {
        text: String,
        result: Result<Vec<String>, String>,
    },
    /// A result line of the pre-flight with this attempt number.
    Preflight {
        attempt: u64,
        line: Box<Line>,
    },
    PreflightFinished {
        attempt: u64,
        result: Result<()>,
    },
    /// A page of the contents of the source.
    SourcePage {
        of: String,
        result: Result<Holdings>,
    },
    /// A page of the contents of an experiment.
    ExperimentPage {
        of: String,
        experiment: ExperimentId,
        result: Result<Contents>,
    },
    Versions {
        of: String,
        model: String,
        result: Result<Vec<ModelVersion>>,
    },
    DetailsLoaded {
        of: String,
        subject: DetailKey,
        result: Result<Details>,
    },
    /// The sizes of some runs of an experiment, or the reason why they cannot be measured.
    SizesMeasured {
        of: String,
        experiment: ExperimentId,
        weights: Vec<(RunId, std::result::Result<ArtifactSize, String>)>,
    },
    Sampled {
        of: String,
        sampled: Sampled,
    },
    /// A plan that the user loads to set the selection.
    PlanRead {
        from: PathBuf,
        result: Result<Plan>,
    },
    /// The region and its Apps.
    Apps(Result<(String, Vec<AppSummary>)>),
    AppProgress(Provisioning),
    /// The ARN of an App that is ready for use.
    AppReady(Result<String>),
    AppLink(Result<SecretString>),
    /// The items that are included with this plan although they are not selected.
    Needed {
        of: String,
        plan: Box<Plan>,
        result: Result<Vec<(String, String)>>,
    },
    CurveLoaded {
        source_id: String,
        metric: String,
        result: Result<Curve>,
    },
    /// The current differences of one item.
    Rechecked {
        difference: Box<Difference>,
        result: Result<Vec<Difference>>,
    },
    /// The result of retrying a single failed item.
    Retried {
        failed: Box<Failed>,
        result: Result<()>,
    },
    /// The job has opened both ends and is running.
    JobStarted,
    Sample(Box<ProgressSnapshot>),
    JobEvent(Event),
    JobFinished(Result<Outcome>),
    Log(Vec<LogLine>),
    /// A message that no specific screen shows.
    Notice(String),
    /// The result of an answer to a question: a message, or the reason why the dialog stays open.
    Answered {
        question: Question,
        result: Result<String, String>,
    },
    /// The terminal is closed or the machine shuts down: finish the running items and leave.
    HangUp,
}

pub enum Effect {
    Check {
        at: EndpointRef,
        attempt: u64,
    },
    /// Looks for stores in this directory, and counts their contents.
    FindStores {
        folder: PathBuf,
        access: Box<Access>,
    },
    CompletePath(Box<CompletionRequest>),
    /// Tests both ends as the import will use them.
    Preflight {
        ends: Box<[EndpointRef; 2]>,
        output_dir: Option<PathBuf>,
        plan: Box<Plan>,
        attempt: u64,
    },
    LoadSource(EndpointRef),
    /// Lists the Apps and tracking servers of the account in this region. `None` means the region of the profile.
    Apps(Option<String>),
    CreateApp {
        new: Box<NewApp>,
        region: Option<String>,
    },
    /// Waits for the App with this ARN.
    AwaitApp(String),
    /// Opens the App with this ARN.
    OpenApp(String),
    LoadExperiment {
        at: EndpointRef,
        experiment: Box<Experiment>,
    },
    /// Fetches more runs of an experiment that is being read, up to `wanted` runs.
    MoreRuns {
        experiment: ExperimentId,
        wanted: usize,
    },
    Versions {
        at: EndpointRef,
        model: Box<RegisteredModel>,
    },
    /// Fetches the details of one object.
    LoadDetails {
        at: EndpointRef,
        subject: DetailKey,
    },
    /// Measures the size of the files of these runs.
    MeasureSizes {
        at: EndpointRef,
        experiment: ExperimentId,
        runs: Vec<RunId>,
    },
    StopMeasuring,
    /// Reads a few runs of each of these experiments.
    Sample {
        at: EndpointRef,
        experiments: Vec<Experiment>,
    },
    Needed {
        at: EndpointRef,
        plan: Box<Plan>,
    },
    /// Reads both histories of a metric.
    LoadCurve(Box<CurveRequest>),
    /// Compares one item again, and imports it first if requested.
    Recheck(Box<ItemRecheck>),
    /// Imports one item that failed.
    Retry(Box<ItemRetry>),
    Start(Box<Job>),
    Pause(bool),
    /// The first request lets the running items finish. The second request ends them immediately.
    Stop,
    Save(Box<Session>),
    Forget,
    WritePlan(Box<Plan>),
    /// Saves the plan to a file that the user names.
    SavePlan {
        plan: Box<Plan>,
        to: PathBuf,
    },
    ReadPlan(PathBuf),
    Copy {
        from: PathBuf,
        to: PathBuf,
    },
    /// Copies a text to the clipboard of the user's terminal.
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

/// A metric of a run on both sides.
#[derive(Clone)]
pub struct CurveRequest {
    pub source: EndpointRef,
    pub target: EndpointRef,
    pub source_id: String,
    pub target_id: String,
    pub metric: String,
}

/// One item to compare again.
#[derive(Clone)]
pub struct ItemRecheck {
    pub source: EndpointRef,
    pub target: EndpointRef,
    /// The source of the import that runs first, if there is one.
    pub import_from: Option<EndpointRef>,
    /// The smallest plan that includes the item.
    pub plan: Plan,
    pub artifacts: ArtifactCheck,
    pub difference: Difference,
}

/// A failed item of a job that is to be retried alone.
#[derive(Clone)]
pub struct ItemRetry {
    pub source: EndpointRef,
    pub target: EndpointRef,
    /// The plan of the whole job.
    pub plan: Plan,
    pub failed: Failed,
}
