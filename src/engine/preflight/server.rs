//! Checks a self-managed tracking server, a store without a server, or a directory.

use super::report::Report;
use crate::engine::{Endpoint, Level, open, takes_files};
use crate::error::{Class, Error, Result};
use crate::rest::Access;

/// Returns `None` when the end cannot be used, and an error when the text is invalid.
pub async fn inspect(text: &str, access: Access, report: &mut Report<'_>) -> Result<Option<Endpoint>> {
    let endpoint = match open(text, report.end(), access).await {
        Ok(endpoint) => endpoint,
        Err(error) if error.class() == Class::Usage => return Err(error),
        Err(error) => {
            report.error(Level::Failure, "server", &error, None);
            return Ok(None);
        }
    };
    match &endpoint {
        Endpoint::Server(server) => {
            let version = server.probe.version.map(|version| format!(" as MLflow {version}"));
            let milliseconds = server.probe.latency.as_millis();
            report.ok("server", format!("answers{} in {milliseconds} ms", version.unwrap_or_default()));
        }
        Endpoint::Archive(path) => match endpoint.reader() {
            Ok(_) => report.ok("directory", format!("{} holds an export", path.display())),
            Err(error) => {
                report.error(Level::Failure, "directory", &error, None);
                return Ok(None);
            }
        },
        Endpoint::Store(_) => report.ok("store", format!("{} can be read", endpoint.location())),
    }
    if report.is_target() {
        match takes_files(&endpoint).await? {
            Some(finding) => report.found("files", finding),
            None => {
                return Err(Error::usage(format!("{text} is not a tracking server")).hint(
                    "a migration's target is a server: give http://host:5000, or the ARN of an MLflow App",
                ));
            }
        }
    }
    Ok(Some(endpoint))
}
