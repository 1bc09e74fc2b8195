use std::path::PathBuf;

use rustls::pki_types::CertificateDer;

use super::bundle;
use crate::error::{Error, Result};

/// Certificates that are trusted in addition to those of the system: of a server itself, or of authorities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// PEM files, and folders of them.
    places: Vec<PathBuf>,
    /// The variable that names them.
    variable: String,
    /// Missing files and folders are skipped, as in OpenSSL.
    may_be_missing: bool,
    /// The certificates were named for one server only.
    is_for_one: bool,
}

/// The variables of requests, in the order of requests 2.34 (`sessions.py`, `merge_environment_settings`).
const OF_REQUESTS: [&str; 2] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
/// The variables of OpenSSL, which are used last.
const OF_OPENSSL: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

impl Trust {
    /// The certificates that the user has named for one server only.
    pub fn named(variable: &str, place: PathBuf) -> Self {
        Self { places: vec![place], variable: variable.to_owned(), may_be_missing: false, is_for_one: true }
    }

    /// The certificates that the environment names for every server. The first variable that is set is used. The
    /// variables in `first` come before those of requests.
    pub fn of_environment(first: &[&str], variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let one = first.iter().chain(&OF_REQUESTS).find_map(|name| Some((*name, get(name)?)));
        if let Some((name, place)) = one {
            return Self { is_for_one: false, ..Self::named(name, place.into()) };
        }
        let places = OF_OPENSSL.iter().filter_map(|name| get(name));
        let places: Vec<PathBuf> =
            places.flat_map(|list| std::env::split_paths(&list).collect::<Vec<_>>()).collect();
        match places.is_empty() {
            true => Self::default(),
            false => {
                Self { places, variable: OF_OPENSSL.join(" and "), may_be_missing: true, is_for_one: false }
            }
        }
    }

    /// The same for AWS. Its own variable comes before the general ones (botocore, `ca_bundle`).
    #[must_use]
    pub fn for_aws(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        if self.is_for_one { self } else { Self::of_environment(&["AWS_CA_BUNDLE"], variable) }
    }

    pub fn is_of_system_alone(&self) -> bool {
        self.places.is_empty()
    }

    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage) when a named place cannot be read or holds no certificate.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        let mut all = Vec::new();
        for place in &self.places {
            match bundle::read(place) {
                Ok(certificates) => all.extend(certificates),
                Err(e) if self.may_be_missing => {
                    tracing::warn!("{}: {}: {e}", self.variable, place.display());
                }
                Err(e) => {
                    return Err(Error::usage(format!("{}: {}: {e}", self.variable, place.display()))
                        .hint("it names a PEM file with certificates, or a folder of such files"));
                }
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)], first: &[&str]) -> Trust {
        let get = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Trust::of_environment(first, get)
    }

    #[test]
    fn the_first_variable_that_is_set_counts() {
        let all = [
            ("AWS_CA_BUNDLE", "/aws"),
            ("REQUESTS_CA_BUNDLE", ""),
            ("CURL_CA_BUNDLE", "/curl"),
            ("SSL_CERT_FILE", "/file"),
        ];
        assert_eq!(of(&all, &["AWS_CA_BUNDLE"]).places, [PathBuf::from("/aws")]);
        assert_eq!(of(&all, &[]).places, [PathBuf::from("/curl")]);
        let dirs = std::env::join_paths(["/a", "/b"]).unwrap().into_string().unwrap();
        let openssl = of(&[("SSL_CERT_FILE", "/file"), ("SSL_CERT_DIR", &dirs)], &[]);
        assert_eq!(openssl.places, ["/file", "/a", "/b"].map(PathBuf::from));
        assert!(of(&[], &[]).is_of_system_alone());
    }

    #[test]
    fn named_certificates_must_exist() {
        let missing = of(&[("REQUESTS_CA_BUNDLE", "/not/there")], &[]).certificates().unwrap_err();
        assert_eq!(missing.exit_code(), 2);
        assert!(missing.to_string().starts_with("REQUESTS_CA_BUNDLE: /not/there: "), "{missing}");
        assert!(of(&[("SSL_CERT_DIR", "/not/there")], &[]).certificates().unwrap().is_empty());
    }
}
