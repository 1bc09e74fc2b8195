//! The one error type: what happened, where, and what to do next.

use std::fmt;
use std::sync::Arc;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of trouble it is. Decides the exit code and whether a second try may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request itself is wrong: a bad URI, a plan that names what is not there.
    Usage,
    /// A permanent refusal: bad input for the server, a conflict, a full disk.
    Permanent,
    /// Credentials are missing, wrong or not sufficient.
    Auth,
    /// The credentials are fine, and this is not for them.
    Forbidden,
    /// The object does not exist.
    NotFound,
    /// A time-out, a reset, 429, 5xx: the same call may succeed later.
    Transient,
    /// The request may or may not have been carried out; look before repeating it.
    Ambiguous,
    /// The disk is full: nothing else can be written either.
    Full,
    /// Another migration holds the lock.
    Locked,
    /// The user asked to stop.
    Stopped,
}

/// What the other side called it, where it said so. Decisions rest on this and on [`Class`], never on our own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// An HTTP answer.
    Http(Answered),
    /// The error code of an AWS API, such as `ValidationException`, and what is known beyond it.
    Aws(String, Option<Cause>),
    /// The operating system's.
    Io(std::io::ErrorKind),
}

/// An HTTP answer that is no success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    /// MLflow's or AWS's error code; empty where the answer names none, as a gateway's page does.
    pub error_code: String,
    /// What is known to be meant beyond status and code.
    pub cause: Option<Cause>,
}

/// Causes that MLflow and AWS tell in words only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A point, or another row that only this caller writes, was sent and is there already: the server did not see it.
    PointExists,
    /// Two requests inserted the same row at once: the second may be repeated.
    InsertRace,
    /// The server's database has no connection left: requests wait for each other.
    PoolExhausted,
    /// The server's database is busy.
    DatabaseBusy,
    /// The store behind the server cannot keep it.
    NotInThisStore,
    /// The server was started without it; no waiting helps.
    SwitchedOff,
    /// A 404 that names no error of MLflow's: no such route, or the page of an ingress. It says nothing of objects.
    NoRoute,
    /// An exception in the server's own code.
    Unhandled,
    /// `get-history-bulk` takes so many runs only.
    MostRuns(usize),
    /// A role that was just made is not known everywhere yet.
    RoleNotKnownYet,
    /// It is about the KMS key that encrypts, not about the object.
    EncryptionKey,
}

type Source = Arc<dyn std::error::Error + Send + Sync>;

/// An error that can be shown, and shown again: clones share the cause.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    class: Class,
    message: String,
    hint: Option<String>,
    code: Option<Code>,
    source: Option<Source>,
}

impl Error {
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None, code: None, source: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Class::Usage, message)
    }

    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(Class::Permanent, message)
    }

    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(Class::Transient, message)
    }

    pub fn stopped() -> Self {
        Self::new(Class::Stopped, "stopped")
    }

    /// The same error, taken for another kind of trouble.
    #[must_use]
    pub fn of_class(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// Adds what the other side called it.
    #[must_use]
    pub fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds the error that led to this one: `--verbose` and the log show the chain.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Says what the reader can do next. The first hint wins: it is nearest to the cause.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Adds what to do after that, unless the hint says so already.
    #[must_use]
    pub fn and_then(mut self, next: &str) -> Self {
        self.hint = Some(match self.hint.take() {
            None => next.to_owned(),
            Some(hint) if hint.contains(next) => hint,
            Some(hint) => format!("{hint}; then {next}"),
        });
        self
    }

    /// Says where it happened, in front of what happened.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    pub fn class(&self) -> Class {
        self.class
    }

    /// It says something of the object that was asked for, not of the connection or of who asks: others may fare
    /// better.
    pub fn is_about_object(&self) -> bool {
        matches!(self.class, Class::Permanent | Class::NotFound | Class::Forbidden)
    }

    pub fn get_hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub fn get_code(&self) -> Option<&Code> {
        self.code.as_ref()
    }

    /// The HTTP answer that it is about.
    pub fn answered(&self) -> Option<&Answered> {
        match self.get_code() {
            Some(Code::Http(answered)) => Some(answered),
            _ => None,
        }
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.answered().map(|answered| answered.status)
    }

    /// True when MLflow or AWS gave it this error code.
    pub fn is_code(&self, code: &str) -> bool {
        match self.get_code() {
            Some(Code::Http(answered)) => answered.error_code == code,
            Some(Code::Aws(known, _)) => known == code,
            Some(Code::Io(_)) | None => false,
        }
    }

    /// True when the same request would be refused whenever it is made: a refusal of what was sent, not of the moment.
    /// Only such an item may be passed over by what comes after it.
    pub fn is_final(&self) -> bool {
        let refused =
            matches!(self.class, Class::Usage | Class::Permanent | Class::Forbidden | Class::NotFound);
        refused
            && self.answered().is_none_or(|answered| match answered.status {
                // Without a code it is the page of a gateway that does not know the server.
                404 => !answered.error_code.is_empty(),
                // Too early, too late, too large for a gateway, or held by another request.
                408 | 409 | 413 | 423 | 425 | 429 => false,
                // The store behind the server has no such thing.
                501 => true,
                status => status < 500,
            })
    }

    pub fn cause(&self) -> Option<Cause> {
        match self.get_code()? {
            Code::Http(answered) => answered.cause,
            Code::Aws(_, cause) => *cause,
            Code::Io(_) => None,
        }
    }

    /// Writes the errors below this one into the log, nearest first.
    pub fn log_chain(&self) {
        let below = std::iter::successors(std::error::Error::source(self), |error| error.source());
        for cause in below {
            tracing::info!("{self}: caused by: {cause}");
        }
    }

    /// The process exit code, as the README lists them.
    pub fn exit_code(&self) -> u8 {
        match self.class {
            Class::Usage => 2,
            Class::Transient | Class::Ambiguous => 5,
            Class::Locked => 11,
            Class::Stopped => 130,
            Class::Permanent | Class::Auth | Class::Forbidden | Class::NotFound | Class::Full => 1,
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let kind = error.kind();
        let plain = Self::permanent(error.to_string()).code(Code::Io(kind)).caused_by(error);
        match kind {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self { class: Class::Full, ..plain }.hint(
                "free some space, or choose another directory, and run the same command again: it continues",
            ),
            ErrorKind::PermissionDenied => plain.hint("check who owns the directory and its permissions"),
            ErrorKind::NotFound => Self { class: Class::NotFound, ..plain },
            _ => plain,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DiskFull, ReadOnly, SystemIoFailure};
        let plain = Self::permanent(format!("the journal in the state directory: {error}"));
        let known = match error.sqlite_error_code() {
            // SQLite says so of a full disk, too, when it cannot write its log.
            Some(DiskFull | SystemIoFailure) => Self { class: Class::Full, ..plain }.hint(
                "free some space there, or choose another state directory with MLFERRY_STATE_DIR, and run the same \
                 command again: it continues",
            ),
            Some(ReadOnly) => plain.hint("check who owns the state directory (MLFERRY_STATE_DIR) and its permissions"),
            _ => plain,
        };
        known.caused_by(error)
    }
}

impl From<csv::Error> for Error {
    fn from(error: csv::Error) -> Self {
        Self::permanent(format!("CSV: {error}")).caused_by(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::permanent(format!("not the JSON that was expected: {error}")).caused_by(error)
    }
}
