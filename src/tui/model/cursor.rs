//! The object at the cursor, and the actions that are possible for it alone.

use super::job::{Failed, Pane, Phase};
use super::layer::Layer;
use super::{CheckState, Model};
use crate::engine::Step;
use crate::engine::validate::Mark;
use crate::entities::Kind;

impl Model {
    /// A text to copy for the object at the cursor: an ARN, an error or an id.
    pub fn text_at_cursor(&self) -> Option<String> {
        if self.layer() == Layer::Apps {
            return self.apps.current().map(|app| app.arn.clone());
        }
        if self.layer() == Layer::Stores {
            return self.stores.current().map(|store| store.path.clone());
        }
        if self.step == Step::Validate && self.validation.work.pane == Pane::InFlight {
            return self.validation.current().map(|difference| difference.id().to_owned());
        }
        if let Some(end) = self.asked_side() {
            return match &self.side(end).seen {
                CheckState::Refused(trouble) => Some(trouble.text.clone()),
                CheckState::Found(report) => Some(report.about.location.clone()),
                CheckState::Unchecked | CheckState::Checking => None,
            };
        }
        let work = self.work_here()?;
        match work.pane {
            Pane::Failures => work.failures.get(work.cursor).map(|failure| failure.reason.clone()),
            Pane::Log => {
                let shown = self.shown_log();
                let at = shown.len().checked_sub(work.cursor + 1)?;
                shown.get(at).map(|line| line.text.clone())
            }
            Pane::InFlight => work.trouble().map(|trouble| trouble.text.clone()),
        }
    }

    /// The failure at the cursor, if it can be retried alone. An export can only run as a whole, and an item can only be
    /// moved after its experiment.
    pub fn failure_at_cursor(&self) -> Option<&Failed> {
        let work =
            self.work_here().filter(|work| work.step == Step::Import && work.pane == Pane::Failures)?;
        let is_over = matches!(work.phase, Phase::Ended(_)) && work.retrying.is_none();
        work.failures.get(work.cursor).filter(|failed| is_over && failed.experiment.is_none())
    }

    /// The selected metric in the open difference, from a field called `metric name`.
    pub fn metric_at_cursor(&self) -> Option<&str> {
        let difference = self.validation.current()?;
        let field = difference.fields.get(self.validation.detail?)?;
        let has_both = difference.mark == Mark::Differs && difference.kind == Kind::Run;
        field.field.strip_prefix("metric ").filter(|_| has_both)
    }

    /// The difference at the cursor can be compared again alone.
    pub fn can_recheck(&self) -> bool {
        let current = self.validation.current();
        self.validation.pending.is_none() && current.is_some_and(|d| d.plan_of(&self.plan).is_some())
    }

    /// An import adds missing items and removes nothing.
    pub fn can_reimport(&self) -> bool {
        self.can_recheck() && self.validation.current().is_some_and(|d| d.mark != Mark::Extra)
    }
}
