use std::io;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Larger files in a folder are no certificates. The bundle of all authorities of the Web has 220 kB.
const LARGEST: u64 = 4 << 20;

/// The certificates in a PEM file, or in all files of a folder. In a folder whatever is no certificate is passed over:
/// OpenSSL, too, takes some of its files only (those that are called after a hash, which `c_rehash` makes links of).
pub fn read(place: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let nothing = || io::Error::new(io::ErrorKind::InvalidData, "it holds no certificate");
    if !place.is_dir() {
        let certificates = of_file(place)?;
        return if certificates.is_empty() { Err(nothing()) } else { Ok(certificates) };
    }
    let mut all = Vec::new();
    for entry in std::fs::read_dir(place)? {
        let path = entry?.path();
        // Links are followed: a folder of OpenSSL consists of them.
        let is_small_file = path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST);
        if is_small_file && let Ok(certificates) = of_file(&path) {
            all.extend(certificates);
        }
    }
    // The links and what they lead to.
    all.sort_by(|one, other| one.as_ref().cmp(other));
    all.dedup();
    if all.is_empty() { Err(nothing()) } else { Ok(all) }
}

fn of_file(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let text = std::fs::read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    all.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))
}
