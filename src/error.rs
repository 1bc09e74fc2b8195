//! The only error type. It holds the failure, its place, and a hint for the user's next step.

use std::fmt;
use std::sync::Arc;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error. It decides the exit code and whether a second try may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request itself is wrong: a bad URI, or a plan that names missing objects.
    Usage,
    /// A permanent refusal: bad input for the server, a conflict, a full disk.
    Permanent,
    /// Credentials are missing, wrong or not sufficient.
    Auth,
    /// The credentials are valid, but do not allow this request.
    Forbidden,
    /// The object does not exist.
    NotFound,
    /// A timeout, a connection reset, 429 or 5xx: the same call may succeed later.
    Transient,
    /// It is unknown whether the request took effect. Check this before repeating it.
    Ambiguous,
    /// The disk is full: nothing else can be written either.
    Full,
    /// Another migration holds the lock.
    Locked,
    /// The user asked to stop.
    Stopped,
}

/// The code of the error on the other side, if there is one. Decisions use it and [`Class`], never our own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// An HTTP answer.
    Http(Answered),
    /// The error code of an AWS API, such as `ValidationException`, and a more precise cause if known.
    Aws(String, Option<Cause>),
    /// A code of the operating system.
    Io(std::io::ErrorKind),
    /// The target has an experiment of the same name that holds runs of another source.
    NameTaken,
}

/// An HTTP error answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    /// MLflow's or AWS's error code; empty if the answer names none, such as a gateway's page.
    pub error_code: String,
    /// A more precise cause than status and code, if known.
    pub cause: Option<Cause>,
}

/// Causes that MLflow and AWS report only in the message text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A point, or another row that only this caller writes, already exists. The server did not notice that it is the
    /// same one.
    PointExists,
    /// Two requests inserted the same row at the same time. The second may be repeated.
    InsertRace,
    /// The server's database has no connection left: requests wait for each other.
    PoolExhausted,
    /// The server's database is busy.
    DatabaseBusy,
    /// The store behind the server does not support the object.
    NotInThisStore,
    /// The server was started without this feature. Waiting does not help.
    SwitchedOff,
    /// A 404 without an error code of MLflow: the route does not exist, or this is the page of an ingress. It does not
    /// show whether an object exists.
    NoRoute,
    /// An exception in the server's own code.
    Unhandled,
    /// `get-history-bulk` accepts only this many runs.
    MostRuns(usize),
    /// A new role is not visible everywhere yet.
    RoleNotKnownYet,
    /// The error is about the KMS key for encryption, not about the object.
    EncryptionKey,
}

type Source = Arc<dyn std::error::Error + Send + Sync>;

/// An error that can be cloned and shown several times. Clones share the cause.
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

    /// The same error with another class.
    #[must_use]
    pub fn of_class(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// Adds the code of the other side.
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

    /// Adds a hint for the user's next step. The first hint wins, because it is nearest to the cause.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Adds a further step to the hint, unless the hint already contains it.
    #[must_use]
    pub fn and_then(mut self, next: &str) -> Self {
        self.hint = Some(match self.hint.take() {
            None => next.to_owned(),
            Some(hint) if hint.contains(next) => hint,
            Some(hint) => format!("{hint}; then {next}"),
        });
        self
    }

    /// Puts the place of the error in front of the message.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    pub fn class(&self) -> Class {
        self.class
    }

    /// True when the error is about the requested object, not about the connection or the credentials. Other objects
    /// may succeed.
    pub fn is_about_object(&self) -> bool {
        matches!(self.class, Class::Permanent | Class::NotFound | Class::Forbidden)
    }

    pub fn get_hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub fn get_code(&self) -> Option<&Code> {
        self.code.as_ref()
    }

    /// The HTTP answer that caused the error.
    pub fn answered(&self) -> Option<&Answered> {
        match self.get_code() {
            Some(Code::Http(answered)) => Some(answered),
            _ => None,
        }
    }

    /// The HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.answered().map(|answered| answered.status)
    }

    /// True when MLflow or AWS returned this error code.
    pub fn is_code(&self, code: &str) -> bool {
        match self.get_code() {
            Some(Code::Http(answered)) => answered.error_code == code,
            Some(Code::Aws(known, _)) => known == code,
            Some(Code::Io(_) | Code::NameTaken) | None => false,
        }
    }

    /// True when the server would always refuse the same request: the refusal is about its content, not about the
    /// moment. Only after such an error may later steps skip the item.
    pub fn is_final(&self) -> bool {
        let refused =
            matches!(self.class, Class::Usage | Class::Permanent | Class::Forbidden | Class::NotFound);
        refused
            && self.answered().is_none_or(|answered| match answered.status {
                // A 404 without a code is the page of a gateway that cannot find the server.
                404 => !answered.error_code.is_empty(),
                // Too early, too late, too large for a gateway, or locked by another request.
                408 | 409 | 413 | 423 | 425 | 429 => false,
                // The store behind the server does not support this.
                501 => true,
                status => status < 500,
            })
    }

    pub fn cause(&self) -> Option<Cause> {
        match self.get_code()? {
            Code::Http(answered) => answered.cause,
            Code::Aws(_, cause) => *cause,
            Code::Io(_) | Code::NameTaken => None,
        }
    }

    /// Writes the causes of this error into the log, nearest first.
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
        // An error of this program passed through a reader or writer of the standard library.
        let error = match error.downcast::<Self>() {
            Ok(own) => return own,
            Err(error) => error,
        };
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
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase, ReadOnly, SystemIoFailure};
        let plain = Self::permanent(format!("the journal in the state directory: {error}"));
        let known = match error.sqlite_error_code() {
            // SQLite also returns this for a full disk, when it cannot write its log.
            Some(DiskFull | SystemIoFailure) => Self { class: Class::Full, ..plain }.hint(
                "free some space there, or choose another state directory with MLFERRY_STATE_DIR, and run the same \
                 command again: it continues",
            ),
            Some(NotADatabase | DatabaseCorrupt) => plain.hint(
                "the journal is damaged: move it away and run the same command again; the copies on the target are \
                 found by their tags",
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
