use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::entities::{LoggedModel, ModelId, RunId};

/// The plan's decision for one experiment.
#[derive(Clone, Debug, PartialEq)]
pub enum ExperimentSelection {
    No,
    /// The experiment and the runs that [`takes`](Self::takes) accepts.
    Yes {
        only: Option<BTreeSet<RunId>>,
        except: BTreeSet<RunId>,
        /// Logged models that are taken independently of runs.
        models: BTreeSet<ModelId>,
        traces: PlannedTraces,
    },
}

/// The traces of a selected experiment that are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedTraces {
    /// The traces of the runs that are taken. If the whole experiment is taken, traces without a run are taken too.
    #[default]
    OfRuns,
    All,
    None,
}

impl PlannedTraces {
    pub fn is_of_runs(&self) -> bool {
        *self == Self::OfRuns
    }
}

impl ExperimentSelection {
    pub fn whole() -> Self {
        Self::of(None)
    }

    fn of(only: Option<BTreeSet<RunId>>) -> Self {
        let (except, models) = (BTreeSet::new(), BTreeSet::new());
        Self::Yes { only, except, models, traces: PlannedTraces::OfRuns }
    }

    /// Takes this run too.
    pub fn add(&mut self, run: RunId) {
        match self {
            Self::No => *self = Self::of(Some([run].into())),
            Self::Yes { only, except, .. } => {
                except.remove(&run);
                if let Some(only) = only {
                    only.insert(run);
                }
            }
        }
    }

    /// Excludes these runs.
    pub fn leave_out(&mut self, runs: impl IntoIterator<Item = RunId>) {
        if let Self::Yes { except, .. } = self {
            except.extend(runs);
        }
    }

    pub fn takes(&self, run: &RunId) -> bool {
        match self {
            Self::No => false,
            Self::Yes { only, except, .. } => {
                only.as_ref().is_none_or(|only| only.contains(run)) && !except.contains(run)
            }
        }
    }

    /// Takes this logged model too.
    pub fn add_model(&mut self, model: ModelId) {
        if *self == Self::No {
            *self = Self::of(Some(BTreeSet::new()));
        }
        if let Self::Yes { models, .. } = self {
            models.insert(model);
        }
    }

    /// True when this logged model is taken. A logged model is taken together with the run that created it. A model
    /// without a run is taken with the whole experiment.
    pub fn takes_model(&self, model: &LoggedModel) -> bool {
        match (self, &model.source_run_id) {
            (Self::No, _) => false,
            (Self::Yes { models, .. }, _) if models.contains(&model.id) => true,
            (Self::Yes { .. }, Some(run)) => self.takes(run),
            (Self::Yes { only, .. }, None) => only.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excluded_run_can_be_added_again() {
        let mut choice = ExperimentSelection::whole();
        choice.leave_out(["old".into(), "older".into()]);
        choice.add("older".into());
        assert_eq!(["old", "older", "new"].map(|run| choice.takes(&run.into())), [false, true, true]);
    }
}
