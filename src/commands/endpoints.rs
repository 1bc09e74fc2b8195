//! Determines the servers to use and their credentials.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::Config;
use crate::engine::{Access, ArtifactRoots, Endpoint, Side, local_path, names_of, open, stores_in};
use crate::entities::quoted;
use crate::error::{Error, Result};
use crate::limits;

/// Opens endpoints with the credentials, certificates and workspaces from the environment and the configuration.
pub struct Endpoints<'a> {
    config: &'a Config,
    /// How long a job waits for a server that is unavailable.
    wait: Duration,
    options: &'a EndpointOptions,
}

/// The options of the endpoints on the command line that do not name an address.
#[derive(Clone, Debug, Default)]
pub struct EndpointOptions {
    pub source_headers: Vec<String>,
    pub target_headers: Vec<String>,
    /// As `FROM=TO`.
    pub artifact_roots: Vec<String>,
    pub artifacts_destination: Option<String>,
}

impl EndpointOptions {
    /// The options that say where a store's files are, to be repeated in another command.
    pub fn artifact_options(&self) -> String {
        let roots = self.artifact_roots.iter().map(|root| format!(" --artifact-root {}", quoted(root)));
        let destination = self.artifacts_destination.iter();
        roots.chain(destination.map(|to| format!(" --artifacts-destination {}", quoted(to)))).collect()
    }
}

/// A folder of this machine as an absolute path, or the unchanged address of an object store.
fn artifact_folder(option: &str, to: &str) -> Result<String> {
    if to.contains("://") || to.starts_with("file:") {
        return Ok(to.to_owned());
    }
    let folder = std::path::absolute(local_path(to)).map_err(|e| Error::from(e).at(to))?;
    if !folder.is_dir() {
        return Err(Error::usage(format!("{option}: {to} is not a folder"))
            .hint("name a folder of this machine, or s3://BUCKET/PREFIX"));
    }
    Ok(folder.display().to_string())
}

impl<'a> Endpoints<'a> {
    pub fn options(&self) -> &EndpointOptions {
        self.options
    }

    /// `wait` is the value from the command line or the configuration.
    pub fn of(config: &'a Config, options: &'a EndpointOptions, wait: Option<&str>) -> Result<Self> {
        let wait = match wait {
            None => limits::DEFAULT_OUTAGE_WAIT,
            Some(text) => limits::parse_duration(text).ok_or_else(|| {
                Error::usage(format!("--wait: {text:?} is not a duration"))
                    .hint("write 90s, '10 min' or 1h; 0 for none")
            })?,
        };
        Ok(Self { config, wait, options })
    }

    /// This endpoint gets MLflow's own credentials if `shared` is true.
    fn access(&self, end: Side, shared: bool) -> Result<Access> {
        let headers = match end {
            Side::Source => &self.options.source_headers,
            Side::Target => &self.options.target_headers,
        };
        let access = Access::of(end, shared, headers, |name| self.config.variable(name))?;
        let artifact_roots = match end {
            Side::Source => self.artifact_roots()?,
            Side::Target => ArtifactRoots::default(),
        };
        Ok(Access { wait: self.wait, artifact_roots, ..access })
    }

    fn artifact_roots(&self) -> Result<ArtifactRoots> {
        let moved = self.options.artifact_roots.iter().map(|text| {
            let parts = text.split_once('=').filter(|(from, to)| !from.is_empty() && !to.is_empty());
            let (from, to) = parts.ok_or_else(|| {
                Error::usage(format!("--artifact-root: {text:?} is not FROM=TO"))
                    .hint("write --artifact-root /home/ada/mlruns=/data/mlruns")
            })?;
            Ok((from.to_owned(), artifact_folder("--artifact-root", to)?))
        });
        let destination = self.options.artifacts_destination.as_deref();
        let destination = destination.map(|to| artifact_folder("--artifacts-destination", to));
        Ok(ArtifactRoots { moved: moved.collect::<Result<_>>()?, destination: destination.transpose()? })
    }

    /// The same for an endpoint that is known. MLflow's own login is for its server, not for a database.
    fn access_to(&self, text: &str, end: Side) -> Result<Access> {
        let access = self.access(end, true)?;
        if is_server(text) {
            return Ok(access);
        }
        let Access { username, password, .. } = self.access(end, false)?;
        Ok(Access { username, password, ..access })
    }

    /// Access for the source, which MLflow's own credentials belong to.
    pub fn source_access(&self, source: &str) -> Result<Access> {
        self.access_to(source, Side::Source)
    }

    /// Access for the target. It gets MLflow's own credentials only if the source is not a server.
    pub fn target_access(&self, source: Option<&str>) -> Result<Access> {
        self.access(Side::Target, !source.is_some_and(is_server))
    }

    /// Access for both endpoints, before the wizard knows their addresses.
    pub fn for_wizard(&self) -> Result<(Access, Access)> {
        Ok((self.access(Side::Source, true)?, self.access(Side::Target, false)?))
    }

    /// Opens a single endpoint.
    pub async fn open_one(&self, text: &str, end: Side) -> Result<Endpoint> {
        open(text, end, self.access_to(text, end)?).await
    }

    /// Opens both endpoints. MLflow's own credentials go to the source if both are servers.
    pub async fn open_both(&self, source: &str, target: &str) -> Result<(Endpoint, Endpoint)> {
        let source_end = open(source, Side::Source, self.source_access(source)?).await?;
        let target_end = open(target, Side::Target, self.target_access(Some(source))?).await?;
        ensure_distinct(&source_end, &target_end)?;
        Ok((source_end, target_end))
    }
}

/// `--source`, or else MLflow's own variable, or else the only store in this directory.
pub fn source_text(given: Option<&str>) -> Result<String> {
    if given.is_none() && variable("MLFLOW_TRACKING_URI").is_none() {
        let stores = stores_in(&stores_folder());
        match &stores[..] {
            [] => {}
            [store] => return Ok(store.to_string()),
            _ => {
                let names = names_of(&stores);
                return Err(Error::usage(format!(
                    "--source is missing, and several stores are here: {names}"
                ))
                .hint("give one of them with --source; `mlferry check .` shows what each of them holds"));
            }
        }
    }
    text(given, Side::Source)
}

/// The directory in which a source is looked for: the one that MLflow's variable names, or else this one.
pub fn stores_folder() -> PathBuf {
    variable("MLFLOW_TRACKING_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `--target`, or else MLflow's own variable, unless the source is a server: then the variable names the source.
pub fn target_text(given: Option<&str>, source: Option<&str>) -> Result<String> {
    match (given, source) {
        (None, Some(source)) if is_server(source) => Err(Error::usage("--target is missing").hint(
            "give --target http://host:5000 or the ARN of an MLflow App; MLFLOW_TRACKING_URI applies only if no \
             source is a server",
        )),
        _ => text(given, Side::Target),
    }
}

fn text(given: Option<&str>, end: Side) -> Result<String> {
    given.map(str::to_owned).or_else(|| variable("MLFLOW_TRACKING_URI")).ok_or_else(|| {
        let name = end.name();
        let store = if end == Side::Source { ", ./mlruns or sqlite:///mlflow.db" } else { "" };
        Error::usage(format!("--{name} is missing")).hint(format!(
            "give --{name} http://host:5000{store} or the ARN of an MLflow App, a --profile that sets it, or set MLFLOW_TRACKING_URI"
        ))
    })
}

fn is_server(text: &str) -> bool {
    let lower = text.trim().to_ascii_lowercase();
    ["arn:", "http://", "https://"].iter().any(|start| lower.starts_with(start))
}

/// Returns an error if source and target are the same place.
pub fn ensure_distinct(source: &Endpoint, target: &Endpoint) -> Result<()> {
    match source.location() == target.location() {
        true => Err(Error::usage(format!("source and target are the same: {}", source.location()))
            .hint("a migration needs two servers")),
        false => Ok(()),
    }
}
