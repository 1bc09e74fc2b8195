use serde::{Deserialize, Serialize};

/// A file below an artifact root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The path relative to the root, with `/` between the parts.
    pub path: String,
    /// The size in bytes, if the store reports it.
    pub size: Option<u64>,
    /// The checksum in hexadecimal, if it was recorded when the file was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// A value of the store that changes with the bytes: a tag, or the modification time. Archives do not keep it.
    #[serde(skip)]
    pub stamp: Option<String>,
}

impl FileEntry {
    /// A file without a checksum or stamp.
    pub fn new(path: impl Into<String>, size: Option<u64>) -> Self {
        Self { path: path.into(), size, sha256: None, stamp: None }
    }
}

/// True when `path`, joined to a root, stays below it. Servers choose these names, so they are not trusted. A backslash
/// separates folders only on Windows; elsewhere it is an ordinary character.
pub fn is_safe_path(path: &str) -> bool {
    let forbidden: &[char] = if cfg!(windows) { &['\0', '\\', ':'] } else { &['\0'] };
    !path.is_empty()
        && !path.contains(forbidden)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// True when an id can be the name of a folder. Ids come from servers and from files, so they are not trusted.
pub fn is_plain_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_would_leave_the_directory_are_refused() {
        assert!(is_plain_id("0123abc") && is_plain_id("m-1_2"));
        for id in ["", "..", "../x", "a/b", "a\\b", "/etc", "a b"] {
            assert!(!is_plain_id(id), "{id}");
        }
    }

    #[test]
    fn names_that_would_leave_the_root_are_refused() {
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\0b"] {
            assert!(!is_safe_path(bad), "{bad:?}");
        }
        for good in ["a", "a/b.txt", "sp ace/100%/ü…", "...", "a..b", "..a", "-x", "~"] {
            assert!(is_safe_path(good), "{good:?}");
        }
        assert_eq!(is_safe_path("..\\x"), !cfg!(windows), "one name, or a way out");
    }
}
