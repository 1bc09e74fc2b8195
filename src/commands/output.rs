use std::io::{IsTerminal, Write, stderr, stdout};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::Output;
use crate::entities::{printable, printable_json};
use crate::error::Error;

/// The only place that decides where something is printed: results go to stdout, everything else goes to stderr. Names
/// and messages can come from untrusted sources, so control sequences are removed before they reach the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    pub json: bool,
    pub quiet: bool,
    /// stderr is a terminal.
    pub is_terminal: bool,
    colour: bool,
    /// The demo deletes its state directory when it ends, so hints that point to files there or to a second run are
    /// useless.
    pub is_demo: bool,
}

/// The environment variable that is set for the commands that the demo runs.
pub const DEMO: &str = "MLFERRY_DEMO";

impl Printer {
    pub fn new(output: Output) -> Self {
        let is_terminal = stderr().is_terminal();
        let colour = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let is_demo = std::env::var_os(DEMO).is_some();
        Self { json: output.json, quiet: output.quiet, is_terminal, colour, is_demo }
    }

    /// Results go to the same terminal as the progress messages, so the user reads them immediately.
    pub fn shares_terminal(&self) -> bool {
        self.is_terminal && stdout().is_terminal()
    }

    /// A line of the result for the user.
    pub fn result(&self, line: &str) {
        if !self.json {
            // If the reader has closed the pipe, the line is not needed.
            let _ = writeln!(stdout(), "{}", printable(line));
        }
    }

    /// A line of the result for programs (`--json`).
    pub fn object(&self, kind: &str, value: &impl Serialize) {
        if !self.json {
            return;
        }
        let mut object = serde_json::to_value(value).unwrap_or_default();
        if let Value::Object(fields) = &mut object {
            fields.insert("type".to_owned(), kind.into());
        }
        self.raw(&object);
    }

    /// A value that already contains its type.
    pub fn raw(&self, value: &impl Serialize) {
        if self.json
            && let Ok(text) = serde_json::to_string(value)
        {
            let _ = writeln!(stdout(), "{}", printable_json(&text));
        }
    }

    /// A progress message.
    pub fn news(&self, line: &str) {
        if !self.quiet && !self.json {
            let _ = writeln!(stderr(), "{}", printable(line));
        }
    }

    /// An item that failed. `--quiet` does not hide it. Programs get an event instead.
    pub fn problem(&self, line: &str) {
        if !self.json {
            let _ = writeln!(stderr(), "{}", printable(line));
        }
    }

    /// Copies the text to the clipboard with OSC 52 when stdout is a terminal. The terminal does not confirm it.
    pub fn copy(&self, text: &str) -> bool {
        let may = !self.json && stdout().is_terminal();
        if may {
            let _ = write!(stdout(), "\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text));
            let _ = stdout().flush();
        }
        may
    }

    /// Prints a question and leaves the cursor after it.
    pub fn ask(question: &str) {
        let _ = write!(stderr(), "{} ", printable(question));
        let _ = stderr().flush();
    }

    /// The causes of the error go into the log, which `--verbose` shows.
    pub fn error(&self, error: &Error) {
        error.log_chain();
        let hint = error.get_hint();
        self.raw(&json!({ "type": "error", "message": error.to_string(), "hint": hint, "exit_code": error.exit_code() }));
        if self.json {
            return;
        }
        let text = error.to_string();
        let _ = writeln!(stderr(), "{}: {}", self.painted("error", "31;1"), printable(&text));
        if let Some(hint) = hint {
            let _ = writeln!(stderr(), "\n{}: {}", self.painted("hint", "36;1"), printable(hint));
        }
    }

    fn painted(&self, word: &str, colour: &str) -> String {
        if self.colour { format!("\x1b[{colour}m{word}\x1b[0m") } else { word.to_owned() }
    }
}
