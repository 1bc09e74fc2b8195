//! The experiments of a server, also where its list of them breaks. Over a folder of files (MLflow 2.22 and 3.10,
//! `store/tracking/file_store.py`) one torn `meta.yaml` breaks it for all; those that have artifacts are then asked for
//! one by one.

use futures::stream;
use futures::{StreamExt, TryStreamExt};

use super::RestSnapshot;
use crate::entities::{Experiment, ExperimentId, Kind, Readable, Unreadable};
use crate::error::{Class, Error, Result};
use crate::rest::{Listing, Pages};

/// Experiments that are asked for one by one, side by side.
const AT_ONCE: usize = 8;

struct Walk<'a> {
    list: Listing<'a, Experiment>,
    seen: Vec<ExperimentId>,
    ended: bool,
}

impl RestSnapshot {
    pub(super) fn every_experiment<'a>(&'a self) -> Pages<'a, Readable<Experiment>> {
        let walk = Walk { list: self.client.experiments(), seen: Vec::new(), ended: false };
        let next = move |mut walk: Walk<'a>| async move {
            if walk.ended {
                return Ok(None);
            }
            match walk.list.try_next().await {
                Ok(None) => Ok(None),
                Ok(Some(page)) => {
                    walk.seen.extend(page.iter().flatten().map(|one| one.id.clone()));
                    Ok(Some((page, walk)))
                }
                Err(error) if self.ends_all(&error).await => Err(error),
                Err(error) => {
                    let page = self.instead_of_experiments(&walk.seen, error).await?;
                    walk.ended = true;
                    Ok(Some((page, walk)))
                }
            }
        };
        stream::try_unfold(walk, next).boxed()
    }

    /// Experiments that have a folder of artifacts at the server's own root. The last item says that there may be
    /// more.
    async fn instead_of_experiments(
        &self,
        seen: &[ExperimentId],
        error: Error,
    ) -> Result<Vec<Readable<Experiment>>> {
        let folders = match self.client.list_proxied("", "").await {
            Ok((_, folders)) => folders,
            Err(error) if self.ends_all(&error).await => return Err(error),
            Err(_) => Vec::new(),
        };
        let named = folders.into_iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        let new = named.map(ExperimentId::from).filter(|id| !seen.contains(id));
        let asked = new.map(|id| async move {
            match self.client.experiment(&id).await {
                Ok(experiment) => Ok(Some(Ok(experiment))),
                // What a removed experiment has left behind is none.
                Err(error) if error.class() == Class::NotFound => Ok(None),
                Err(error) if self.ends_all(&error).await => Err(error),
                Err(error) => {
                    let (id, reason) = (id.to_string(), error.to_string());
                    Ok(Some(Err(Unreadable { kind: Kind::Experiment, id, reason })))
                }
            }
        });
        let asked: Vec<_> = asked.collect();
        let found: Vec<Option<Readable<Experiment>>> =
            stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        let mut experiments: Vec<_> = found.into_iter().flatten().collect();
        experiments.push(Err(Unreadable::rest_of_list(Kind::Experiment, "", error)));
        Ok(experiments)
    }
}
