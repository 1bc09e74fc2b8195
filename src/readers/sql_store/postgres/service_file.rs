use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The settings of a service (PostgreSQL 18, "The Connection Service File").
///
/// # Errors
/// [`Class::Usage`](crate::error::Class::Usage) when no file names the service.
pub fn read(service: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Vec<(String, String)>> {
    let own = variable("PGSERVICEFILE").map(PathBuf::from);
    let own = own.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".pg_service.conf")));
    let general = variable("PGSYSCONFDIR").map(|folder| Path::new(&folder).join("pg_service.conf"));
    let texts = own.into_iter().chain(general).filter_map(|path| std::fs::read_to_string(path).ok());
    texts.map(|text| section(&text, service)).find(|found| !found.is_empty()).ok_or_else(|| {
        Error::usage(format!("no service {service:?} is defined"))
            .hint("services are defined in ~/.pg_service.conf")
    })
}

fn section(text: &str, service: &str) -> Vec<(String, String)> {
    let header = format!("[{service}]");
    let lines = text.lines().map(str::trim).skip_while(|line| *line != header).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_one_section() {
        let text = "[a]\nhost=x\n[b]\n# y\nhost = h\nport=7\n[c]\nuser=u\n";
        assert_eq!(
            section(text, "b"),
            [("host", "h"), ("port", "7")].map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
        assert!(section(text, "d").is_empty());
    }
}
