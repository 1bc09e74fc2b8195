//! The file names that a server's routes preserve: MLflow decodes a path again after HTTP has decoded it.

use percent_encoding::percent_decode_str;
use serde::Serialize;

use crate::rest::Version;

/// How `validate_path_is_safe` (MLflow, `utils/uri.py`) changes a path before the server uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathRules {
    /// It uses the path unchanged. Up to MLflow 2.9.0.
    Literal,
    /// It decodes %-sequences until the path no longer changes. MLflow 2.9.1 to 2.19; since 2.12.2 it also parses the
    /// path as a URL at each step, which changes a few more names.
    Decoded,
    /// The same, but control characters become %-sequences again: `%17` stays, `%20` does not. Since MLflow 2.20.
    #[default]
    Escaped,
}

/// Schemes that Python's `urlunparse` writes with `//` (3.11, `urllib/parse.py`, `uses_netloc`).
const WITH_HOST: [&str; 25] = [
    "ftp", "http", "gopher", "nntp", "telnet", "imap", "wais", "file", "mms", "https", "shttp", "snews",
    "prospero", "rtsp", "rtsps", "rtspu", "rsync", "svn", "svn+ssh", "sftp", "nfs", "git", "git+ssh", "ws",
    "wss",
];
/// MLflow decodes this many times before it refuses the path.
const MAX_DECODINGS: usize = 10;

impl PathRules {
    /// The rules of a release. An unknown release is treated as the newest.
    pub fn of(version: Option<Version>) -> Self {
        match version {
            Some(version) if version < Version::new(2, 9, 1) => Self::Literal,
            Some(version) if version < Version::new(2, 20, 0) => Self::Decoded,
            _ => Self::Escaped,
        }
    }

    /// The path that the server uses for a requested path. `None` when the server refuses it.
    pub fn used(self, path: &str) -> Option<String> {
        let mut now = path.to_owned();
        if self != Self::Literal {
            now = decoded(&now)?;
        }
        if self == Self::Escaped {
            now = escaped(&now);
        }
        let is_refused = self != Self::Literal && (now.contains('#') || now.starts_with("file:"));
        (!is_refused && !leaves_its_folder(&now)).then_some(now)
    }

    /// True when the server uses exactly this path.
    pub fn keeps(self, path: &str) -> bool {
        self.used(path).as_deref() == Some(path)
    }
}

/// MLflow's `_decode`.
fn decoded(path: &str) -> Option<String> {
    let mut now = path.to_owned();
    for _ in 0..MAX_DECODINGS {
        let next = parsed(&percent_decode_str(&now).decode_utf8_lossy());
        if next == now {
            return Some(now);
        }
        now = next;
    }
    None
}

/// The result of Python's `urlunparse(urlparse(…))`. Names with `#` are not handled: MLflow refuses them.
fn parsed(path: &str) -> String {
    let stripped = path.trim_start_matches(|c: char| c <= ' ').replace(['\t', '\r', '\n'], "");
    let (scheme, rest) = match scheme(&stripped) {
        Some(at) => (stripped[..at].to_ascii_lowercase(), &stripped[at + 1..]),
        None => (String::new(), stripped.as_str()),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query).filter(|query| !query.is_empty())),
        None => (rest, None),
    };
    let mut path = without_empty_params(path).to_owned();
    if WITH_HOST.contains(&scheme.as_str()) && !path.starts_with("//") {
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        path = format!("//{slash}{path}");
    }
    let (colon, mark) = (if scheme.is_empty() { "" } else { ":" }, if query.is_some() { "?" } else { "" });
    format!("{scheme}{colon}{path}{mark}{}", query.unwrap_or_default())
}

/// The position of the colon after the scheme, if the path begins like a URL with a scheme.
fn scheme(path: &str) -> Option<usize> {
    let at = path.find(':').filter(|at| *at > 0)?;
    let is_scheme = path.starts_with(|c: char| c.is_ascii_alphabetic())
        && path[..at].chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some(at)
}

/// Removes empty parameters. Parameters begin with the first `;` of the last part.
fn without_empty_params(path: &str) -> &str {
    let last = path.rfind('/').unwrap_or(0);
    match path[last..].find(';') {
        Some(at) if last + at + 1 == path.len() => &path[..last + at],
        _ => path,
    }
}

/// MLflow's `_escape_control_characters`.
fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '\0'..='\x1f' | '\x7f' => text.push_str(&format!("%{:02x}", u32::from(c))),
            _ => text.push(c),
        }
    }
    text
}

/// True for the paths that every release refuses, on servers that do not run on Windows.
fn leaves_its_folder(path: &str) -> bool {
    let has_drive = path.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && (path[1..].starts_with(":/") || path[1..].starts_with(":\\"));
    has_drive || path.starts_with('/') || path.starts_with("\\\\") || path.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_with_steps_are_taken_as_they_are_named() {
        let name = "images/KEY%step%0%timestamp%1724600000000%g1b2.png";
        assert!(PathRules::Escaped.keeps(name) && PathRules::Literal.keeps(name));
        assert_eq!(
            PathRules::Decoded.used(name).as_deref(),
            Some("images/KEY%step%0%timestamp\u{17}24600000000%g1b2.png")
        );
        assert!(!PathRules::Escaped.keeps("images/KEY%step%20%timestamp%1724600000000%g1b2.png"), "a space");
        assert!(PathRules::Escaped.keeps("images/KEY%step%10%timestamp%1824600000000%g1b2%compressed.webp"));
    }

    /// The expected values come from `validate_path_is_safe` of MLflow 3.10.1 under Python 3.11.
    #[test]
    fn names_are_changed_as_mlflow_changes_them() {
        let table = [
            ("100%.txt", Some("100%.txt")),
            ("a%20b", Some("a b")),
            ("a%2Fb", Some("a/b")),
            ("%25", Some("%")),
            ("%2541", Some("A")),
            ("x%1B", Some("x%1b")),
            ("x%0a", Some("x")),
            ("x\u{17}", Some("x%17")),
            ("a?", Some("a")),
            ("a?b", Some("a?b")),
            ("a;", Some("a")),
            ("a;/b", Some("a;/b")),
            ("a;b", Some("a;b")),
            (" a", Some("a")),
            ("a ", Some("a ")),
            ("Train:loss", Some("train:loss")),
            ("train:loss", Some("train:loss")),
            ("1:b", Some("1:b")),
            ("file:x", None),
            ("http:x", Some("http:///x")),
            ("c:/x", None),
            ("c:x", Some("c:x")),
            ("a#b", None),
            ("..a", Some("..a")),
            ("a..", Some("a..")),
            ("~", Some("~")),
            ("a\\b", Some("a\\b")),
            ("a\u{308}+&='\"", Some("a\u{308}+&='\"")),
            ("-x", Some("-x")),
        ];
        for (path, expected) in table {
            assert_eq!(PathRules::Escaped.used(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_release_has_its_rules() {
        let of = |text: &str| PathRules::of(Version::parse(text));
        assert_eq!(of("2.9.0"), PathRules::Literal);
        assert_eq!((of("2.9.2"), of("2.19.0")), (PathRules::Decoded, PathRules::Decoded));
        assert_eq!((of("2.20.0"), of("3.18.0"), PathRules::of(None)), {
            let newest = PathRules::Escaped;
            (newest, newest, newest)
        });
    }
}
