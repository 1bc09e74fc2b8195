use std::io;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// A larger file in a folder is not a certificate. The bundle of all authorities of the Web has 220 kB.
const MAX_BYTES: u64 = 4 << 20;

/// The certificates in a PEM file, or in all files of a folder. In a folder, files that are not certificates are
/// skipped. OpenSSL also reads only some of the files (the links that `c_rehash` creates, named after a hash).
pub fn read(place: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let nothing = || io::Error::new(io::ErrorKind::InvalidData, "it holds no certificate");
    if !place.is_dir() {
        let certificates = of_file(place)?;
        return if certificates.is_empty() { Err(nothing()) } else { Ok(certificates) };
    }
    let mut all = Vec::new();
    for entry in std::fs::read_dir(place)? {
        let path = entry?.path();
        // Links are followed, because an OpenSSL folder consists of links.
        let is_small_file = path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_BYTES);
        if is_small_file && let Ok(certificates) = of_file(&path) {
            all.extend(certificates);
        }
    }
    // A link and its target give the same certificate twice.
    all.sort_by(|one, other| one.as_ref().cmp(other));
    all.dedup();
    if all.is_empty() { Err(nothing()) } else { Ok(all) }
}

fn of_file(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let text = std::fs::read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    all.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))
}
