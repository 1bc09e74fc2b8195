//! Step 1: reports the content and the capabilities of a server, and which parts of each kind can be migrated. This
//! module only reads.

mod fidelity;
mod file_places;
mod limits;
mod sample;
mod sources;
mod too_long;
mod unread;
mod unsupported;

use std::time::Duration;

use futures::TryStreamExt;
use serde::Serialize;

pub(super) use self::sample::first;
use self::sample::{MAX_LISTED_RUNS, Sample};
pub(super) use self::unread::unread;
use super::{Endpoint, Server};
use crate::artifacts::proxied_path;
use crate::entities::{Count, Experiment, Kind, S3Object, Unsupported};
use crate::error::{Error, Result};
use crate::readers::SourceInfo;
use crate::rest::{ARTIFACT_PROXY, Capabilities, Probe, Refused, Version};

pub use fidelity::Fidelity;
pub use unsupported::not_migrated;

/// The oldest MLflow release that mlferry is tested against.
const OLDEST_TESTED: Version = Version::new(1, 30, 0);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Ok,
    Warning,
    Failure,
}

/// One line of a check: a fact and its consequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    pub(super) fn new(level: Level, text: impl Into<String>) -> Self {
        Self { level, text: text.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The number of objects of a kind, and the parts of them that arrive on the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KindReport {
    pub kind: Kind,
    #[serde(flatten)]
    pub tally: Count,
    #[serde(flatten)]
    pub fidelity: Fidelity,
}

impl KindReport {
    pub fn new(kind: Kind, tally: Count) -> Self {
        Self { kind, tally, fidelity: Fidelity::of(kind) }
    }

    /// True when the source has objects of this kind, or when every server supports this kind.
    pub fn is_shown(&self) -> bool {
        self.kind.is_basic() || self.tally.is_some()
    }
}

/// The result of a first check of one end.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    #[serde(flatten)]
    pub about: SourceInfo,
    /// The latency of one small request. Absent for a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    pub experiments: u64,
    pub deleted_experiments: u64,
    pub runs: u64,
    /// True when there are more runs than were read.
    pub more_runs: bool,
    /// The number of objects that cannot be read.
    pub unreadable: u64,
    /// The kinds that are migrated. Empty for a target.
    #[serde(skip)]
    pub kinds: Vec<KindReport>,
    /// The kinds that are not migrated.
    #[serde(skip)]
    pub others: Vec<Unsupported>,
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// The maximum number of lines of this report on a narrow screen.
    pub fn lines(&self) -> usize {
        let kinds = self.kinds.iter().filter(|kind| kind.is_shown()).count();
        let others = self.others.iter().filter(|other| other.tally.is_some()).count();
        5 * (kinds + others) + 4 * self.findings.len()
    }
}

/// Checks a source. If the target is given, the check includes the target's limits.
pub async fn check_source(endpoint: &Endpoint, target: Option<&Capabilities>) -> Result<CheckReport> {
    let reader = endpoint.reader()?;
    let sample = Sample::of(reader.as_ref()).await?;
    let mut findings = findings_of(endpoint);
    findings.extend(limits::findings(&sample, target));
    findings.extend(sample.file_places.findings(sample.runs.more));
    findings.extend(unread::findings(&sample.unreadable));
    let empty = sample.empty_roots.notes(reader.about().kind == "server");
    let in_sample = |note| format!("{note} (of up to {MAX_LISTED_RUNS} runs of each experiment)");
    findings.extend(empty.into_iter().map(|note| Finding::new(Level::Warning, in_sample(note))));
    let others = reader.others().await?;
    findings.extend(reader.take_notes().into_iter().map(|note| Finding::new(Level::Ok, note)));
    Ok(CheckReport {
        unreadable: sample.unreadable.len() as u64 + u64::from(sample.file_places.is_refused()),
        kinds: sample.kinds(),
        others,
        findings,
        ..report(endpoint, reader.about(), &sample.experiments, &sample.runs)
    })
}

/// Checks a target: whether it can be written to, as far as a check that only reads can show.
pub async fn check_target(endpoint: &Endpoint) -> Result<CheckReport> {
    let Endpoint::Server(server) = endpoint else {
        return Err(Error::usage(format!("{} is not a tracking server", endpoint.location()))
            .hint("a migration's target is a server: give http://host:5000, or the ARN of an MLflow App"));
    };
    let reader = endpoint.reader()?;
    let (experiments, runs, unreadable) = Sample::runs_of(reader.as_ref()).await?;
    let mut findings = vec![version(&server.probe), files(server, &experiments)];
    findings.extend(refused(&server.probe));
    findings.extend(unread::findings(&unreadable));
    Ok(CheckReport {
        findings,
        unreadable: unreadable.len() as u64,
        ..report(endpoint, reader.about(), &experiments, &runs)
    })
}

/// Whether the server accepts files, and where it stores them, according to its first experiments. Returns `None` for a
/// directory.
pub async fn takes_files(endpoint: &Endpoint) -> Result<Option<Finding>> {
    let Endpoint::Server(server) = endpoint else { return Ok(None) };
    let page = endpoint.reader()?.experiments().try_next().await?.unwrap_or_default();
    let readable: Vec<_> = page.into_iter().flatten().collect();
    Ok(Some(files(server, &readable)))
}

fn files(server: &Server, experiments: &[Experiment]) -> Finding {
    let locations = || experiments.iter().map(|experiment| experiment.artifact_location.as_str());
    if let Some(root) = locations().find_map(S3Object::parse) {
        let text =
            format!("takes files directly in s3://{}, with this machine's AWS credentials", root.bucket);
        return Finding::new(Level::Ok, text);
    }
    let is_proxied = |location: &str| proxied_path(location).is_some();
    if let Some(root) = locations().find(|location| !location.is_empty() && !is_proxied(location)) {
        return Finding::new(
            Level::Failure,
            format!("takes no files: it keeps them in {root}, where mlferry does not write"),
        )
        .hint("start it with --serve-artifacts and without --default-artifact-root, or with a root in S3");
    }
    match server.probe.capabilities.artifact_proxy {
        _ if server.managed.is_some() => Finding::new(Level::Ok, "takes files through its S3 store"),
        true => Finding::new(Level::Ok, "takes files through its artifact proxy"),
        false if let Some(refused) = refused_proxy(&server.probe) => {
            Finding::new(Level::Failure, format!("takes no files: {}", refused.reason))
        }
        false => Finding::new(Level::Failure, "takes no files: its artifact proxy is off")
            .hint("start it with --serve-artifacts and --artifacts-destination, or with a --default-artifact-root in S3"),
    }
}

fn report(endpoint: &Endpoint, about: &SourceInfo, experiments: &[Experiment], runs: &Count) -> CheckReport {
    let latency = |latency: Duration| (latency.as_secs_f64() * 10_000.0).round() / 10.0;
    let deleted = experiments.iter().filter(|experiment| experiment.lifecycle.is_deleted()).count();
    CheckReport {
        about: about.clone(),
        latency_ms: endpoint.probe().map(|probe| latency(probe.latency)),
        experiments: (experiments.len() - deleted) as u64,
        deleted_experiments: deleted as u64,
        runs: runs.count.unwrap_or_default(),
        more_runs: runs.more,
        unreadable: 0,
        kinds: Vec::new(),
        others: Vec::new(),
        findings: Vec::new(),
    }
}

fn refused_proxy(probe: &Probe) -> Option<&Refused> {
    probe.refused.iter().find(|refused| refused.what == ARTIFACT_PROXY)
}

/// Warnings about the kinds that a server may hold, but for which it refused the request.
fn refused(probe: &Probe) -> Vec<Finding> {
    let line = |one: &Refused| {
        Finding::new(
            Level::Warning,
            format!("it may have {}, but refused the request: {}", one.what, one.reason),
        )
    };
    probe.refused.iter().map(line).collect()
}

fn version(probe: &Probe) -> Finding {
    match probe.version {
        Some(version) if version < OLDEST_TESTED => {
            Finding::new(Level::Warning, format!("MLflow {version} is older than any tested release"))
        }
        Some(version) => Finding::new(Level::Ok, format!("MLflow {version}")),
        None => Finding::new(Level::Warning, "MLflow, unknown version").hint(
            "releases before 2.3 do not report their version; if a newer server was started with --static-prefix, add \
             that prefix to its address: otherwise its spans and some files cannot be reached",
        ),
    }
}

/// The findings about the server itself: its version, refused requests, and reasons for a slow migration.
fn findings_of(source: &Endpoint) -> Vec<Finding> {
    let Some(probe) = source.probe() else { return Vec::new() };
    let can = &probe.capabilities;
    let mut findings = vec![version(probe)];
    findings.extend(refused(probe));
    if can.bulk_history_runs.is_none() {
        findings.push(Finding::new(
            Level::Warning,
            "no bulk route for metric histories: one request for each metric of each run",
        ));
    }
    findings
}
