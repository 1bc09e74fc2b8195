//! The experiments of a server, even if it cannot list them. Over a folder of files (MLflow 2.22 and 3.10,
//! `store/tracking/file_store.py`), one torn `meta.yaml` breaks the whole list; then the experiments that have
//! artifacts are requested one by one.

use futures::stream;
use futures::{StreamExt, TryStreamExt};

use super::RestReader;
use crate::entities::{Experiment, ExperimentId, Kind, Readable, Unreadable};
use crate::error::{Class, Error, Result};
use crate::io::{Listing, Pages};

const NOTHING: &str = "the server shows no experiment at all, deleted ones included, and every MLflow server begins with \
                       one: check that it was started with the right database or folder, and that each folder has its \
                       meta.yaml";

/// The most experiments that are requested at the same time.
const MAX_CONCURRENT_REQUESTS: usize = 8;

struct Walk<'a> {
    list: Listing<'a, Experiment>,
    seen: Vec<ExperimentId>,
    ended: bool,
}

impl RestReader {
    pub(super) fn every_experiment<'a>(&'a self) -> Pages<'a, Readable<Experiment>> {
        let walk = Walk { list: self.client.experiments(), seen: Vec::new(), ended: false };
        let next = move |mut walk: Walk<'a>| async move {
            if walk.ended {
                return Ok(None);
            }
            match walk.list.try_next().await {
                Ok(None) => {
                    walk.ended = true;
                    let more = self.beyond_the_list(&walk.seen).await?;
                    Ok(more.map(|one| (vec![one], walk)))
                }
                Ok(Some(page)) => {
                    walk.seen.extend(page.iter().map(|one| match one {
                        Ok(experiment) => experiment.id.clone(),
                        Err(unreadable) => ExperimentId::from(unreadable.id.as_str()),
                    }));
                    Ok(Some((page, walk)))
                }
                Err(error) if self.fails_every_request(&error).await => Err(error),
                Err(error) => {
                    let page = self.instead_of_experiments(&walk.seen, error).await?;
                    walk.ended = true;
                    Ok(Some((page, walk)))
                }
            }
        };
        stream::try_unfold(walk, next).boxed()
    }

    /// The first experiment: its id is known, and the list may omit it. Over files, a server does not list an
    /// experiment without its `meta.yaml` (MLflow 2.22 and 3.10, `store/tracking/file_store.py`, `search_experiments`),
    /// and repositories are often published in this state. An empty list is not trusted.
    async fn beyond_the_list(&self, seen: &[ExperimentId]) -> Result<Option<Readable<Experiment>>> {
        let first = ExperimentId::from("0");
        if seen.contains(&first) || self.client.address().arn().is_some() {
            return Ok(None);
        }
        let (kind, id) = (Kind::Experiment, first.to_string());
        match self.client.experiment(&first).await {
            Ok(experiment) => Ok((experiment.id == first).then_some(Ok(experiment))),
            Err(error) if self.fails_every_request(&error).await => Err(error),
            Err(error) if error.class() != Class::NotFound => {
                let reason = format!("the server does not list it, and cannot show it: {error}");
                Ok(Some(Err(Unreadable { kind, id, reason })))
            }
            Err(_) if seen.is_empty() => Ok(Some(Err(Unreadable { kind, id, reason: NOTHING.to_owned() }))),
            Err(_) => Ok(None),
        }
    }

    /// Experiments that have a folder of artifacts at the server's own root. The last item shows that there may be
    /// more.
    async fn instead_of_experiments(
        &self,
        seen: &[ExperimentId],
        error: Error,
    ) -> Result<Vec<Readable<Experiment>>> {
        let folders = match self.client.list_proxied("", "").await {
            Ok((_, folders)) => folders,
            Err(error) if self.fails_every_request(&error).await => return Err(error),
            Err(_) => Vec::new(),
        };
        let named = folders.into_iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        let new = named.map(ExperimentId::from).filter(|id| !seen.contains(id));
        let asked = new.map(|id| async move {
            match self.client.experiment(&id).await {
                Ok(experiment) => Ok(Some(Ok(experiment))),
                // It is the remaining folder of a removed experiment.
                Err(error) if error.class() == Class::NotFound => Ok(None),
                Err(error) if self.fails_every_request(&error).await => Err(error),
                Err(error) => {
                    let (id, reason) = (id.to_string(), error.to_string());
                    Ok(Some(Err(Unreadable { kind: Kind::Experiment, id, reason })))
                }
            }
        });
        let asked: Vec<_> = asked.collect();
        let found: Vec<Option<Readable<Experiment>>> =
            stream::iter(asked).buffered(MAX_CONCURRENT_REQUESTS).try_collect().await?;
        let mut experiments: Vec<_> = found.into_iter().flatten().collect();
        experiments.push(Err(Unreadable::rest_of_list(Kind::Experiment, "", error)));
        Ok(experiments)
    }
}
