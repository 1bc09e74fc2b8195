//! Which server is meant, and with which credentials.

use crate::engine::{Access, End, Endpoint, open};
use crate::error::{Error, Result};

/// `--source`, else MLflow's own variable.
pub fn source_text(given: Option<&str>) -> Result<String> {
    text(given, End::Source)
}

/// `--target`, else MLflow's own variable.
pub fn target_text(given: Option<&str>) -> Result<String> {
    text(given, End::Target)
}

fn text(given: Option<&str>, end: End) -> Result<String> {
    let from_env = || std::env::var("MLFLOW_TRACKING_URI").ok().filter(|uri| !uri.is_empty());
    given.map(str::to_owned).or_else(from_env).ok_or_else(|| {
        let name = end.name();
        Error::usage(format!("--{name} is missing")).hint(format!(
            "give --{name} http://host:5000 or the ARN of an MLflow App, or set MLFLOW_TRACKING_URI"
        ))
    })
}

fn is_server(text: &str) -> bool {
    text.starts_with("arn:") || (text.contains("://") && !text.starts_with("file://"))
}

/// Opens one end alone.
pub async fn open_one(text: &str, end: End) -> Result<Endpoint> {
    open(text, end, Access::from_env(end, true)).await
}

/// Opens both ends. MLflow's own credentials go to the source when both are servers.
pub async fn open_both(source: &str, target: &str) -> Result<(Endpoint, Endpoint)> {
    let source_end = open(source, End::Source, Access::from_env(End::Source, true)).await?;
    let target_end = open(target, End::Target, Access::from_env(End::Target, !is_server(source))).await?;
    if source_end.location() == target_end.location() {
        return Err(Error::usage(format!("source and target are the same: {}", source_end.location()))
            .hint("a migration needs two servers"));
    }
    Ok((source_end, target_end))
}
