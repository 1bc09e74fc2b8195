use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::entities::S3Object;
use crate::error::{Error, Result};

/// A SHA-256 in the form of S3.
pub fn of(bytes: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(bytes))
}

/// The checksum of a multipart object: the checksum of the checksums of its parts, and the number of parts (AWS:
/// composite checksums).
pub fn of_parts<'a>(parts: impl Iterator<Item = &'a str>) -> Option<String> {
    let (mut all, mut count) = (Sha256::new(), 0);
    for part in parts {
        all.update(STANDARD.decode(part).ok()?);
        count += 1;
    }
    Some(format!("{}-{count}", STANDARD.encode(all.finalize())))
}

/// The checksum of a whole object in hexadecimal. `None` for a composite one, which is not a hash of the bytes in
/// sequence.
pub fn whole(checksum: Option<&str>) -> Option<String> {
    let bytes = STANDARD.decode(checksum.filter(|text| !text.contains('-'))?).ok()?;
    (bytes.len() == 32).then(|| hex::encode(bytes))
}

/// Compares the checksum that S3 reports with that of the sent bytes. S3-compatible stores may report none.
pub fn check(at: &S3Object, sent: &str, taken: Option<&str>) -> Result<()> {
    match taken.filter(|taken| *taken != sent) {
        None => Ok(()),
        Some(taken) => Err(Error::transient(format!(
            "{at}: S3 received other bytes than were sent (SHA-256 {taken}, not {sent})"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_written_as_s3_does() {
        let abc = of(b"abc");
        assert_eq!(abc, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        assert_eq!(
            whole(Some(&abc)).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let both = of_parts([abc.as_str(), abc.as_str()].into_iter()).unwrap();
        assert!(both.ends_with("=-2") && whole(Some(&both)).is_none(), "{both}");
    }
}
