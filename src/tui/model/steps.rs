//! The status of each step (done, open, or blocked with the reason), and the next step.

use super::address;
use super::job::JobState;
use super::{CheckState, Loaded, Model};
use crate::engine::{Level, Route, Side, Step};
use crate::plan::Plan;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepStatus {
    Done,
    Ready,
    Running,
    /// The step ended with problems.
    Attention(String),
    /// The step was done with other inputs than the current ones.
    Stale(&'static str),
    Blocked(&'static str),
    NotNeeded,
}

impl StepStatus {
    pub fn word(&self) -> &str {
        match self {
            Self::Done => "done",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Attention(why) => why,
            Self::Stale(why) | Self::Blocked(why) => why,
            Self::NotNeeded => "not needed",
        }
    }
}

/// The inputs of a step when it was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepInputs {
    source: String,
    target: String,
    route: Route,
    plan: Plan,
}

/// The inputs of each completed step.
#[derive(Clone, Debug, Default)]
pub struct CompletedSteps([Option<StepInputs>; Step::ALL.len()]);

impl CompletedSteps {
    fn of(&self, step: Step) -> Option<&StepInputs> {
        self.0[step as usize].as_ref()
    }

    pub fn forget(&mut self, step: Step) {
        self.0[step as usize] = None;
    }

    pub fn forget_from(&mut self, step: Step) {
        self.0[step as usize..].fill(None);
    }
}

impl Model {
    /// The next step on the route of the data, or the reason why it is not available yet.
    pub fn next_step(&self) -> Result<Step, String> {
        match self.step {
            Step::Check | Step::App => {
                let end = if self.step == Step::Check { Side::Source } else { Side::Target };
                match self.side(end).seen {
                    CheckState::Found(_) if end == Side::Source => Ok(Step::App),
                    CheckState::Found(_) => Ok(Step::Connect),
                    _ => Err(format!("check the {} first", end.name())),
                }
            }
            Step::Connect if self.source.is_trying() || self.target.is_trying() => {
                Err("both ends are still being checked".into())
            }
            Step::Connect if self.route.by_directory && self.route.directory.text().trim().is_empty() => {
                Err("name the directory first".into())
            }
            Step::Connect => {
                self.connection()?;
                self.preflight_verdict().map(|()| Step::Plan)
            }
            Step::Plan => match &self.selection.tree {
                Loaded::Tree(tree) if tree.is_growing() => {
                    Err("still loading the source: this continues when everything is loaded".into())
                }
                Loaded::Tree(tree) if tree.has_picks() => Ok(self.after_plan()),
                Loaded::Tree(_) => Err("nothing is selected".into()),
                _ => Err("the contents of the source are not loaded yet".into()),
            },
            Step::Export | Step::Import if self.is_behind(self.step) => {
                let next = if self.step == Step::Export { Step::Import } else { Step::Validate };
                Ok(next)
            }
            Step::Export | Step::Import => Err(format!("{} first", self.step.name())),
            Step::Validate => Err("this is the last step".into()),
        }
    }

    /// The job of the step is complete, even if some items failed.
    fn is_behind(&self, step: Step) -> bool {
        match self.gate(step) {
            StepStatus::Done | StepStatus::NotNeeded => true,
            StepStatus::Attention(_) => self.work(step).is_some_and(JobState::is_finished),
            _ => false,
        }
    }

    fn after_plan(&self) -> Step {
        if self.route.by_directory { Step::Export } else { Step::Import }
    }

    /// Records that a step is done with the current inputs.
    pub fn stamp(&mut self, step: Step) {
        self.completed.0[step as usize] = Some(self.inputs(step));
    }

    pub fn gate(&self, step: Step) -> StepStatus {
        if let Some(why) = self.blocked(step) {
            return StepStatus::Blocked(why);
        }
        if step == Step::Export && !self.route.by_directory {
            return StepStatus::NotNeeded;
        }
        match step {
            Step::Check | Step::App => self.gate_of_side(step),
            Step::Connect => match self.connection() {
                Err(why) if self.source.report().is_some() && self.target.report().is_some() => {
                    StepStatus::Attention(why)
                }
                _ if self.preflight.is_running() => StepStatus::Running,
                _ => match self.preflight.failure() {
                    Some(_) => StepStatus::Attention("pre-flight failed".into()),
                    None => self.gate_of_stamp(step, "an end has changed: connect again"),
                },
            },
            Step::Plan => self.gate_of_stamp(step, "the source has changed: select again"),
            Step::Export | Step::Import | Step::Validate => self.gate_of_work(step),
        }
    }

    /// The reason why both ends cannot be used together, if there is one.
    pub fn connection(&self) -> Result<(), String> {
        let (Some(source), Some(target)) = (self.source.report(), self.target.report()) else {
            return Err("connect both ends first".into());
        };
        if address::is_same(&source.about.location, &target.about.location) {
            return Err("source and target are the same server".into());
        }
        let failure = target.findings.iter().find(|f| f.level == Level::Failure);
        failure.map_or(Ok(()), |finding| Err(format!("the target {}", finding.text)))
    }

    fn blocked(&self, step: Step) -> Option<&'static str> {
        let is_done = |step| self.gate(step) == StepStatus::Done;
        match step {
            Step::Check => None,
            Step::App => self.source.report().is_none().then_some("check the source first"),
            Step::Connect if self.source.report().is_none() => Some("check the source first"),
            Step::Connect => self.target.report().is_none().then_some("check the target first"),
            Step::Plan => (!is_done(Step::Connect)).then_some("connect both ends first"),
            Step::Export => (!is_done(Step::Plan)).then_some("select what to move first"),
            Step::Import if !is_done(Step::Plan) => Some("select what to move first"),
            Step::Import => match self.gate(Step::Export) {
                StepStatus::NotNeeded | StepStatus::Done => None,
                // Some items failed: the others can continue.
                StepStatus::Attention(_) if self.export.is_finished() => None,
                StepStatus::Stale(why) => Some(why),
                _ => Some("export first"),
            },
            Step::Validate if !is_done(Step::Plan) => Some("select what to move first"),
            Step::Validate if self.completed.of(Step::Import).is_none() && !self.import.is_finished() => {
                Some("import first")
            }
            Step::Validate => None,
        }
    }

    fn gate_of_side(&self, step: Step) -> StepStatus {
        let side = match step {
            Step::Check => &self.source,
            _ => &self.target,
        };
        match &side.seen {
            CheckState::Unchecked => StepStatus::Ready,
            CheckState::Checking => StepStatus::Running,
            CheckState::Found(_) => StepStatus::Done,
            CheckState::Refused(_) => StepStatus::Attention("cannot be used".into()),
        }
    }

    fn gate_of_stamp(&self, step: Step, stale: &'static str) -> StepStatus {
        match self.completed.of(step) {
            None => StepStatus::Ready,
            Some(stamp) if *stamp == self.inputs(step) => StepStatus::Done,
            Some(_) => StepStatus::Stale(stale),
        }
    }

    fn gate_of_work(&self, step: Step) -> StepStatus {
        let Some(work) = self.work(step) else {
            return StepStatus::Ready;
        };
        if work.is_running() {
            return StepStatus::Running;
        }
        let stamped = self.gate_of_stamp(step, "inputs have changed: run it again");
        if matches!(stamped, StepStatus::Stale(_)) {
            return stamped;
        }
        match (work.trouble(), work.outcome()) {
            (Some(_), _) => StepStatus::Attention("failed".into()),
            (_, Some(outcome)) if outcome.stopped => StepStatus::Attention("stopped".into()),
            (_, Some(outcome)) if outcome.exit_code() == 4 => {
                StepStatus::Attention("differences found".into())
            }
            (_, Some(_)) if work.left() > 0 => StepStatus::Attention(format!("done, {} failed", work.left())),
            _ => stamped,
        }
    }

    /// The current inputs of a step.
    fn inputs(&self, step: Step) -> StepInputs {
        let (source, target) = (self.source.location(), self.target.location());
        // A clone can be expensive because a plan may name many experiments.
        let (route, plan) = (|| self.route(), || self.plan.clone());
        let nothing = StepInputs::default();
        match step {
            Step::Check => StepInputs { source, ..nothing },
            Step::App => StepInputs { target, ..nothing },
            Step::Connect => StepInputs { source, target, ..nothing },
            Step::Plan => StepInputs { source, ..nothing },
            Step::Export => StepInputs { source, route: route(), plan: plan(), ..nothing },
            Step::Import => StepInputs { source, target, route: route(), plan: plan() },
            Step::Validate => StepInputs { source, target, plan: plan(), ..nothing },
        }
    }
}
