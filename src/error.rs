//! The one error type: what happened, where, and what to do next.

use std::fmt;

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

#[derive(Debug)]
pub struct Error {
    class: Class,
    message: String,
    hint: Option<String>,
}

impl Error {
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None }
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

    /// The same error once more, for a second reader.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { class: self.class, message: self.message.clone(), hint: self.hint.clone() }
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

    pub fn get_hint(&self) -> Option<&str> {
        self.hint.as_deref()
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let plain = Self::permanent(error.to_string());
        match error.kind() {
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
        Self::permanent(format!("journal: {error}"))
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::permanent(format!("not the JSON that was expected: {error}"))
    }
}
