//! Classifies differences by whether another import can correct them. An import with `--update` adds missing data and
//! sets values that can be changed. It deletes nothing, and some values cannot be changed after MLflow has created an
//! object.

use super::{Difference, FieldDifference, Mark};
use crate::entities::Kind;

/// What an import with `--update` can do about a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The import adds the missing data, or sets the value of the source.
    Possible,
    /// The files have the same size. The import only writes the file again if it compares the bytes.
    ByChecksum,
    /// The object or value is only on the target.
    Extra,
    /// One side cannot be read.
    Unreadable,
    /// At least one value cannot be changed or removed any more.
    Fixed,
}

impl Repair {
    /// The reason why an import does not correct the difference, or the option that it needs. `None` when it corrects
    /// the difference.
    pub fn obstacle(self) -> Option<&'static str> {
        match self {
            Self::Possible => None,
            Self::ByChecksum => Some("An import needs --artifacts checksum to see this."),
            Self::Extra => Some("Only on the target: an import deletes nothing."),
            Self::Unreadable => Some("It cannot be read, so an import cannot correct it."),
            Self::Fixed => Some("An import cannot change or remove some of its values."),
        }
    }
}

impl Difference {
    pub fn repair(&self) -> Repair {
        match self.mark {
            Mark::Same | Mark::Missing => Repair::Possible,
            Mark::Extra => Repair::Extra,
            Mark::Unreadable => Repair::Unreadable,
            Mark::Differs if self.fields.iter().any(|field| is_fixed(self.kind, field)) => Repair::Fixed,
            Mark::Differs if self.fields.iter().any(|field| is_extra(self.kind, field)) => Repair::Extra,
            Mark::Differs => match self.fields.iter().any(|field| field.field == "sha256") {
                true => Repair::ByChecksum,
                false => Repair::Possible,
            },
        }
    }
}

/// True for a value that only the target has.
fn is_extra(kind: Kind, field: &FieldDifference) -> bool {
    kind != Kind::Artifact && field.source.is_none()
}

/// True for a field that no route of MLflow can change after the object was created.
fn is_fixed(kind: Kind, FieldDifference { field, source, target }: &FieldDifference) -> bool {
    if kind == Kind::Artifact || source.is_none() {
        return false;
    }
    let is_one_of = |fields: &[&str]| fields.contains(&field.as_str());
    let is_param = field.starts_with("param ");
    // A param that is missing on the target can still be added.
    let is_set = target.is_some();
    match kind {
        Kind::Run => {
            let has_other_points = field.starts_with("metric ")
                && target.as_ref().is_some_and(|target| target.contains(" only here: "));
            let is_dataset = field.starts_with("dataset ");
            (is_param || is_dataset) && is_set || has_other_points || is_one_of(&["user_id", "start_time"])
        }
        Kind::LoggedModel => is_param && is_set || is_one_of(&["name", "model_type", "source_run_id"]),
        Kind::ModelVersion | Kind::PromptVersion => {
            is_one_of(&["source", "run_id", "run_link", "user_id", "status"])
        }
        Kind::Trace => {
            let may_be_set = ["tag ", "assessment "].iter().any(|start| field.starts_with(start));
            !may_be_set && !is_one_of(&["state", "linked prompts", "linked traces"])
        }
        Kind::Scorer => true,
        Kind::Experiment
        | Kind::Artifact
        | Kind::RegisteredModel
        | Kind::Prompt
        | Kind::EvaluationDataset => false,
    }
}

/// The number of differences of each [`Repair`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairs([u64; 5]);

impl Repairs {
    pub fn add(&mut self, difference: &Difference) {
        self.0[difference.repair() as usize] += 1;
    }

    pub fn remove(&mut self, difference: &Difference) {
        let count = &mut self.0[difference.repair() as usize];
        *count = count.saturating_sub(1);
    }

    pub fn of(&self, repair: Repair) -> u64 {
        self.0[repair as usize]
    }

    /// Describes the differences that remain after an import with `--update`, by reason. Empty if none remain.
    pub fn remaining(&self) -> String {
        self.list([
            (
                Repair::Extra,
                "only on the target (an import deletes nothing; with --merge, objects of other sources do not count)",
            ),
            (Repair::Unreadable, "unreadable"),
            (Repair::Fixed, "with values that cannot be changed"),
            (Repair::ByChecksum, "of the same size (--artifacts checksum)"),
        ])
    }

    /// Describes the remaining differences like [`remaining`](Self::remaining), but in fewer words.
    pub fn remaining_in_short(&self) -> String {
        self.list([
            (Repair::Extra, "only on the target"),
            (Repair::Unreadable, "unreadable"),
            (Repair::Fixed, "with fixed values"),
            (Repair::ByChecksum, "only with checksums"),
        ])
    }

    fn list(&self, reasons: [(Repair, &str); 4]) -> String {
        let reasons = reasons.into_iter().filter(|(repair, _)| self.of(*repair) > 0);
        let parts: Vec<String> =
            reasons.map(|(repair, words)| format!("{} {words}", self.of(repair))).collect();
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs(kind: Kind, field: &str, source: Option<&str>, target: Option<&str>) -> Difference {
        let field = FieldDifference {
            field: field.to_owned(),
            source: source.map(str::to_owned),
            target: target.map(str::to_owned),
        };
        Difference::pair(kind, "a", "1", "2", vec![field])
    }

    #[test]
    fn missing_values_are_added_and_fixed_values_remain() {
        use Repair::{ByChecksum, Extra, Fixed, Possible};
        let (a, b) = (Some("a"), Some("b"));
        let table = [
            (Difference::missing(Kind::Run, "a", "1"), Possible),
            (Difference::extra(Kind::Run, "a", "1"), Extra),
            (differs(Kind::Run, "tag t", a, b), Possible),
            (differs(Kind::Run, "tag t", None, b), Extra),
            (differs(Kind::Run, "param p", a, None), Possible),
            (differs(Kind::Run, "param p", a, b), Fixed),
            (differs(Kind::Run, "start_time", a, b), Fixed),
            (differs(Kind::Run, "metric m", Some("3 points, 1 only here: x"), Some("2 points")), Possible),
            (differs(Kind::Run, "metric m", Some("2 points"), Some("3 points, 1 only here: x")), Fixed),
            (differs(Kind::ModelVersion, "source", a, b), Fixed),
            (differs(Kind::ModelVersion, "current_stage", a, b), Possible),
            (differs(Kind::RegisteredModel, "alias c", a, b), Possible),
            (differs(Kind::Trace, "spans", a, b), Fixed),
            (differs(Kind::Trace, "tag t", a, b), Possible),
            (differs(Kind::Artifact, "size", a, b), Possible),
            (differs(Kind::Artifact, "sha256", a, b), ByChecksum),
        ];
        for (difference, repair) in table {
            assert_eq!(difference.repair(), repair, "{difference:?}");
            assert_eq!(repair.obstacle().is_none(), repair == Possible);
        }
    }

    #[test]
    fn remaining_differences_are_listed_with_their_reason() {
        let mut repairs = Repairs::default();
        repairs.add(&Difference::missing(Kind::Run, "a", "1"));
        assert_eq!((repairs.of(Repair::Possible), repairs.remaining().as_str()), (1, ""));
        let extra = Difference::extra(Kind::Run, "a", "1");
        repairs.add(&extra);
        repairs.add(&differs(Kind::Run, "param p", Some("a"), Some("b")));
        assert_eq!(
            repairs.remaining(),
            "1 only on the target (an import deletes nothing; with --merge, objects of other sources do not count), 1 with values that cannot be changed"
        );
        repairs.remove(&extra);
        assert_eq!(repairs.remaining(), "1 with values that cannot be changed");
        assert_eq!(repairs.remaining_in_short(), "1 with fixed values");
    }
}
