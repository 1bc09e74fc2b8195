//! Step 1: what a server holds and can do, and what of it will not arrive.

use std::time::Duration;

use futures::TryStreamExt;
use serde::Serialize;

use super::Endpoint;
use crate::entities::{Experiment, RegisteredModel};
use crate::error::Result;
use crate::rest::{Probe, Version};
use crate::snapshot::{About, Snapshot};

/// Runs that are looked at per experiment, and experiments that are looked into: a person waits for the answer.
const RUNS_SEEN: usize = 1_000;
const EXPERIMENTS_SEEN: usize = 25;

/// MLflow releases that mlferry is tested against.
const OLDEST: Version = Version::new(1, 30, 0);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Ok,
    Warning,
    Failure,
}

/// One line of a check: what was found and what it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    fn new(level: Level, text: impl Into<String>) -> Self {
        Self { level, text: text.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// What a first look at one end tells.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    #[serde(flatten)]
    pub about: About,
    /// Of one small question; absent for a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    pub experiments: u64,
    pub deleted_experiments: u64,
    pub runs: u64,
    /// There are more runs than were looked at.
    pub more_runs: bool,
    pub registered_models: u64,
    pub prompts: u64,
    pub findings: Vec<Finding>,
}

/// Looks at one end. Only reads.
pub async fn check(endpoint: &Endpoint, is_target: bool) -> Result<CheckReport> {
    let snapshot = match endpoint {
        Endpoint::Archive(path) if is_target => {
            return Err(crate::error::Error::usage(format!("{} is no tracking server", path.display()))
                .hint("a migration's target is a server: give http://host:5000"));
        }
        _ => endpoint.snapshot()?,
    };
    let probe = match endpoint {
        Endpoint::Server(server) => Some(&server.probe),
        Endpoint::Archive(_) => None,
    };
    let experiments: Vec<Experiment> = snapshot.experiments().try_concat().await?;
    let (runs, more_runs) = count_runs(snapshot.as_ref(), &experiments).await?;
    let deleted = experiments.iter().filter(|e| e.lifecycle.is_deleted()).count();
    let models: Vec<RegisteredModel> = snapshot.registered_models().try_concat().await?;
    let prompts = models.iter().filter(|model| model.is_prompt()).count();
    Ok(CheckReport {
        about: snapshot.about().clone(),
        latency_ms: probe.map(|probe| milliseconds(probe.latency)),
        experiments: (experiments.len() - deleted) as u64,
        deleted_experiments: deleted as u64,
        runs,
        more_runs,
        registered_models: (models.len() - prompts) as u64,
        prompts: prompts as u64,
        findings: probe.map_or_else(Vec::new, |probe| findings(probe, is_target)),
    })
}

async fn count_runs(snapshot: &dyn Snapshot, experiments: &[Experiment]) -> Result<(u64, bool)> {
    let (mut runs, mut more) = (0, experiments.len() > EXPERIMENTS_SEEN);
    for experiment in experiments.iter().take(EXPERIMENTS_SEEN) {
        let (page, rest) = snapshot.first_runs(experiment, RUNS_SEEN).await?;
        runs += page.len() as u64;
        more |= rest;
        if runs > RUNS_SEEN as u64 {
            return Ok((runs, true));
        }
    }
    Ok((runs, more))
}

fn milliseconds(latency: Duration) -> f64 {
    (latency.as_secs_f64() * 10_000.0).round() / 10.0
}

fn findings(probe: &Probe, is_target: bool) -> Vec<Finding> {
    let can = &probe.capabilities;
    let mut findings = vec![match probe.version {
        Some(version) if version < OLDEST => {
            Finding::new(Level::Warning, format!("MLflow {version} is older than any release that was tried"))
        }
        Some(version) => Finding::new(Level::Ok, format!("MLflow {version}")),
        None => Finding::new(Level::Warning, "MLflow of a version that it does not tell (before 2.3)"),
    }];
    if is_target {
        findings.push(match can.artifact_proxy {
            true => Finding::new(Level::Ok, "takes files through its artifact proxy"),
            false => Finding::new(Level::Failure, "takes no files: its artifact proxy is off")
                .hint("start it with --serve-artifacts and --artifacts-destination"),
        });
        return findings;
    }
    findings.push(Finding::new(
        Level::Ok,
        "experiments, runs, metric histories, datasets, artifacts, registered models, their versions and prompts \
         are moved",
    ));
    if can.bulk_history_runs.is_none() {
        findings.push(Finding::new(
            Level::Warning,
            "no bulk route for metric histories: one request for each metric of each run",
        ));
    }
    let stays = [
        (can.logged_models, "logged models, and versions registered from them"),
        (can.traces, "traces and assessments"),
    ];
    for (_, what) in stays.into_iter().filter(|(has, _)| *has) {
        findings.push(Finding::new(
            Level::Warning,
            format!("{what}, where there are any, are not moved by this version"),
        ));
    }
    findings.push(Finding::new(
        Level::Ok,
        "run ids and creation times cannot be set on any target: they are kept as tags mlferry.source.*",
    ));
    findings
}
