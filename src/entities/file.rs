use serde::{Deserialize, Serialize};

/// A file below an artifact root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Relative to the root, `/` between the parts.
    pub path: String,
    /// Bytes, where the store tells.
    pub size: Option<u64>,
    /// Hexadecimal, where it was kept when the file was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// True when `path` stays below the root it is joined to. Servers choose these names, so they are not trusted.
pub fn is_safe_path(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\0', '\\'])
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
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\0b", "..\\x"] {
            assert!(!is_safe_path(bad), "{bad:?}");
        }
        for good in ["a", "a/b.txt", "sp ace/100%/ü…", "...", "a..b"] {
            assert!(is_safe_path(good), "{good:?}");
        }
    }
}
