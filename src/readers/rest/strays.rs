//! Files below an experiment's root that belong to no run, logged model or trace: no part of MLflow reads or moves
//! them.

use futures::{StreamExt, stream};

use super::RestReader;
use super::runs::is_run_id;
use crate::artifacts::proxied_path;
use crate::entities::{Count, Experiment, Unsupported};
use crate::error::{Class, Result};

/// The most experiments that are checked, and how many at the same time.
const MAX_EXPERIMENTS: usize = 100;
const MAX_CONCURRENT_REQUESTS: usize = 8;
/// Folders that MLflow itself creates there, in addition to one for each run.
const OWNED: [&str; 2] = ["models", "traces"];

impl RestReader {
    /// Counts these files. This is possible only if the server proxies artifacts.
    pub(super) async fn strays(&self, experiments: &[Experiment]) -> Result<Unsupported> {
        let roots = experiments.iter().filter_map(|one| proxied_path(&one.artifact_location));
        let roots: Vec<&str> = roots.filter(|_| self.probe.capabilities.artifact_proxy).collect();
        let asked = roots.iter().take(MAX_EXPERIMENTS).map(|root| self.strays_in(root));
        let asked: Vec<_> = asked.collect();
        let mut tally = Count::counted(0, roots.len() > MAX_EXPERIMENTS);
        let mut answers = stream::iter(asked).buffered(MAX_CONCURRENT_REQUESTS);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(count) => tally = tally.plus(Count::exactly(count)),
                Err(error) if self.fails_every_request(&error).await => return Err(error),
                Err(error) => tally = tally.plus(Count::unknown(error.to_string())),
            }
        }
        let title = "files directly below experiments";
        Ok(Unsupported { title, tally, reason: "no run, logged model or trace owns them".into() })
    }

    async fn strays_in(&self, root: &str) -> Result<u64> {
        match self.client.list_proxied(root, "").await {
            Ok((files, folders)) => {
                let is_stray = |name: &&String| !is_run_id(name) && !OWNED.contains(&name.as_str());
                Ok((files.len() + folders.iter().filter(is_stray).count()) as u64)
            }
            // Nothing was ever written below this root.
            Err(error) if error.class() == Class::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }
}
