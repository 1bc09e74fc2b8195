use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::super::server::Place;
use super::address::PostgresAddress;

/// The password in `~/.pgpass` (PostgreSQL 18, "The Password File"), and a note if the file is not used because other
/// users can read it.
pub fn read(
    address: &PostgresAddress,
    variable: &dyn Fn(&str) -> Option<String>,
) -> (Option<SecretString>, Option<String>) {
    let path = variable("PGPASSFILE").map(PathBuf::from);
    let path = path.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".pgpass")));
    let Some((path, text)) = path.and_then(|path| Some((path.clone(), std::fs::read_to_string(path).ok()?)))
    else {
        return (None, None);
    };
    let (host, port) = match &address.place {
        Place::Tcp { host, port } => (host.clone(), port.to_string()),
        Place::Socket(path) => {
            let port = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            ("localhost".to_owned(), port)
        }
    };
    let wanted = [host.as_str(), port.as_str(), address.database.as_str(), address.user()];
    let Some(password) = text.lines().find_map(|line| matching(line, &wanted)) else { return (None, None) };
    if !is_private(&path) {
        let path = path.display();
        let note = format!("{path} is not used, because other users may read it: chmod 600 {path}");
        return (None, Some(note));
    }
    (Some(password.into()), None)
}

/// The password of a line `host:port:database:user:password`, if its other fields match.
fn matching(line: &str, wanted: &[&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let (mut fields, mut is_escaped) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '\\' if !is_escaped => {
                is_escaped = true;
                continue;
            }
            ':' if !is_escaped && fields.len() < 5 => fields.push(String::new()),
            c => fields.last_mut()?.push(c),
        }
        is_escaped = false;
    }
    let password = fields.get(4)?.clone();
    let is_match = fields.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
    is_match.then_some(password)
}

#[cfg(unix)]
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|about| about.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_path: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_matches_counts() {
        let wanted = ["h", "5432", "d", "u"];
        assert_eq!(matching(r"h:5432:*:u:a\:b\\c", &wanted).as_deref(), Some(r"a:b\c"));
        assert_eq!(matching("h:5432:d:u:a:b", &wanted).as_deref(), Some("a:b"));
        for other in ["h:5433:*:u:p", "#h:5432:d:u:p", "h:5432:d:u", ""] {
            assert_eq!(matching(other, &wanted), None, "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_password_file_must_be_private() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "*:*:*:u:secret\n").unwrap();
        let get = |name: &str| (name == "PGPASSFILE").then(|| file.path().display().to_string());
        let address = PostgresAddress::parse("postgresql://u@h/d", &|_| None).unwrap();
        for (mode, is_used) in [(0o600, true), (0o644, false)] {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            let (password, note) = read(&address, &get);
            assert_eq!((password.is_some(), note.is_some()), (is_used, !is_used));
        }
    }
}
