use serde::Serialize;
use serde_json::Value;

use super::OnLine;
use crate::engine::{Finding, Level};
use crate::error::{Class, Error};
use crate::rest::Side;

/// One line of a pre-flight check: the name of the check, its result, the consequence, and how to fix it.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    #[serde(serialize_with = "name")]
    pub end: Side,
    /// The name of the check in one or two words: `identity`, `data plane` …
    pub check: &'static str,
    #[serde(flatten)]
    pub finding: Finding,
    /// The IAM policy statement that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<Value>,
    /// For a failure: whether a later attempt may succeed.
    #[serde(skip)]
    pub(super) class: Class,
}

fn name<S: serde::Serializer>(end: &Side, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(end.name())
}

impl Line {
    /// Creates a line that is neither a denial nor a transient failure.
    pub fn new(end: Side, check: &'static str, finding: Finding) -> Self {
        Self { end, check, finding, statement: None, class: Class::Permanent }
    }

    pub fn is_failure(&self) -> bool {
        self.finding.level == Level::Failure
    }

    pub(super) fn end_name(&self) -> String {
        format!("{}, {}", self.end.name(), self.check)
    }
}

/// The lines of one end. Each line is reported as soon as it is known.
pub struct Report<'a> {
    end: Side,
    tell: OnLine<'a>,
    pub lines: Vec<Line>,
}

impl<'a> Report<'a> {
    pub fn new(end: Side, tell: OnLine<'a>) -> Self {
        Self { end, tell, lines: Vec::new() }
    }

    pub fn end(&self) -> Side {
        self.end
    }

    /// True for the target. Files are only written to the target.
    pub fn is_target(&self) -> bool {
        self.end == Side::Target
    }

    pub fn ok(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(check, Finding::new(Level::Ok, text), None, Class::Permanent);
    }

    pub fn warn(&mut self, check: &'static str, text: impl Into<String>, hint: impl Into<String>) {
        self.add(check, Finding::new(Level::Warning, text).hint(hint), None, Class::Permanent);
    }

    pub fn fail(&mut self, check: &'static str, text: impl Into<String>, hint: impl Into<String>) {
        self.add(check, Finding::new(Level::Failure, text).hint(hint), None, Class::Permanent);
    }

    pub fn found(&mut self, check: &'static str, finding: Finding) {
        self.add(check, finding, None, Class::Permanent);
    }

    /// Adds an error, and the missing policy statement if the error is a denial.
    pub fn error(&mut self, level: Level, check: &'static str, error: &Error, statement: Option<Value>) {
        let finding = Finding { level, text: error.to_string(), hint: error.get_hint().map(str::to_owned) };
        let statement = statement.filter(|_| error.class() == Class::Forbidden);
        self.add(check, finding, statement, error.class());
    }

    /// Adds a warning about actions that the policies do not allow.
    pub fn denied(&mut self, check: &'static str, text: impl Into<String>, statement: Option<Value>) {
        self.add(check, Finding::new(Level::Warning, text), statement, Class::Forbidden);
    }

    fn add(&mut self, check: &'static str, finding: Finding, statement: Option<Value>, class: Class) {
        let line = Line { statement, class, ..Line::new(self.end, check, finding) };
        (self.tell)(&line);
        self.lines.push(line);
    }
}
