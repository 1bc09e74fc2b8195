//! All time limits, in one table. All code that waits for another machine takes its limit from here. A test compares
//! this table with the source.

use std::time::Duration;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A connection to a server or store that takes longer counts as refused.
pub const CONNECT_TIMEOUT: Duration = seconds(10);
/// The longest silence of a tracking server before or within an answer. MLflow's own client waits 120 s
/// (`MLFLOW_HTTP_REQUEST_TIMEOUT`), gateways 60 s.
pub const READ_TIMEOUT: Duration = seconds(90);
/// The same for an interactive request, for which the user waits.
pub const INTERACTIVE_READ_TIMEOUT: Duration = seconds(30);
/// A whole JSON answer. It is small, so an answer that takes longer, byte by byte, counts as failed.
pub const CALL_TIMEOUT: Duration = seconds(600);
/// The largest size of such an answer, decompressed, in bytes. A page of 500 runs with 1 000 params of 500 characters
/// has 300 MB.
pub const MAX_ANSWER_BYTES: usize = 1 << 30;
/// The same for an interactive request, which asks for one object, and for an error answer.
pub const MAX_INTERACTIVE_BYTES: usize = 64 << 20;
pub const MAX_ERROR_BYTES: usize = 1 << 20;
/// A whole answer to an interactive request, including a slow one; and the longest Retry-After that such a request
/// obeys.
pub const INTERACTIVE_TIMEOUT: Duration = seconds(60);
pub const MAX_INTERACTIVE_RETRY_AFTER: Duration = seconds(10);
/// A server that receives a file must accept the next piece of it within this time.
pub const UPLOAD_WRITE_TIMEOUT: Duration = seconds(90);
/// The time for the answer after a file was sent completely. The server may first write the file to another store, at
/// this many bytes per second. That time is added, up to the maximum.
pub const UPLOAD_READ_TIMEOUT: Duration = seconds(90);
pub const UPLOAD_STORE_RATE: u64 = 20_000_000;
pub const MAX_UPLOAD_READ_TIMEOUT: Duration = seconds(600);
/// S3 may take this long for one answer: in that time a part is sent, or S3 copies up to 5 GB in one request.
pub const S3_READ_TIMEOUT: Duration = seconds(300);
/// One try of a request to S3 until its answer begins, and all tries together. A request sends a part or a small file.
pub const S3_ATTEMPT_TIMEOUT: Duration = seconds(600);
pub const S3_OPERATION_TIMEOUT: Duration = seconds(1_800);
/// Google Cloud Storage and Azure: the longest silence of a connection.
pub const STORE_READ_TIMEOUT: Duration = seconds(90);
/// The check whether such a store can be reached. Without credentials, it asks the machine's metadata service for them.
pub const STORE_PROBE_TIMEOUT: Duration = seconds(20);
/// Control plane, IAM and STS: one try of a call, and all tries together.
pub const AWS_ATTEMPT_TIMEOUT: Duration = seconds(30);
pub const AWS_OPERATION_TIMEOUT: Duration = seconds(120);
/// The whole credential chain: files, SSO, the machine's metadata service, and processes that may ask the user.
pub const CREDENTIALS_TIMEOUT: Duration = seconds(300);
/// The longest Retry-After of a server that is obeyed.
pub const MAX_RETRY_AFTER: Duration = seconds(600);
/// For an unreachable server: the interval of probes, the time limit of one probe, and the longest wait unless `--wait`
/// sets another.
pub const PROBE_INTERVAL: Duration = seconds(5);
pub const PROBE_TIMEOUT: Duration = seconds(10);
pub const DEFAULT_OUTAGE_WAIT: Duration = seconds(3_600);
/// A job without progress ends after this time. It is longer than any silence above.
pub const STANDSTILL_TIMEOUT: Duration = seconds(900);
/// A silence of this length is shown. After an overload, a server is shown as slow for `SLOWDOWN_SHOWN_FOR`.
pub const SILENCE_SHOWN_AFTER: Duration = seconds(10);
pub const SLOWDOWN_SHOWN_FOR: Duration = seconds(60);

/// The maximum duration: the system's clock could not add a longer one.
const YEAR: Duration = seconds(31_536_000);

/// `90`, `90s`, `10 min`, `1h30m`; a number alone means seconds.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(seconds(number).min(YEAR));
    }
    let signed: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(signed).ok().map(|time| time.min(YEAR))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    /// Collects the text of each file below `src`, without tests.
    fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod").next().unwrap_or_default().to_owned();
                found.push((path, text));
            }
        }
    }

    #[test]
    fn every_limit_is_in_force_and_every_client_has_one() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut all = Vec::new();
        sources(&root, &mut all);
        let (table, rest): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(path, _)| *path == root.join("limits.rs"));
        let names: Vec<&str> = table[0]
            .1
            .lines()
            .filter_map(|line| line.strip_prefix("pub const ")?.split(':').next())
            .collect();
        assert!(names.len() > 20, "{names:?}");
        for name in names {
            let used = format!("limits::{name}");
            assert!(rest.iter().any(|(_, text)| text.contains(&used)), "{name} bounds nothing");
        }
        // Each call that can wait for another machine, and a file that may contain it, with limits of this table.
        let makers = [
            ("reqwest::Client::builder()", "rest/http/access.rs"),
            ("reqwest::Client::builder()", "aws/http.rs"),
            ("reqwest::Client::builder()", "artifacts/listing.rs"),
            ("http.execute(request)", "rest/http/send.rs"),
            ("http.execute(request)", "rest/http/upload.rs"),
            ("ClientOptions::new()", "artifacts/object_store.rs"),
            ("aws_config::defaults(", "aws/credentials.rs"),
            ("TimeoutConfig::builder()", "aws/credentials.rs"),
            ("TimeoutConfig::builder()", "artifacts/s3/mod.rs"),
            ("read_timeout(", "artifacts/object_store.rs"),
            ("read_timeout(", "artifacts/listing.rs"),
            ("read_timeout(", "artifacts/s3/mod.rs"),
            ("read_timeout(", "aws/http.rs"),
            ("connect_timeout(", "rest/http/access.rs"),
        ];
        for (maker, _) in makers {
            for (path, text) in rest.iter().filter(|(_, text)| text.contains(maker)) {
                let is_known = makers.iter().any(|(one, file)| *one == maker && path.ends_with(file));
                let is_known =
                    is_known || maker == "connect_timeout(" && text.contains("limits::CONNECT_TIMEOUT");
                assert!(is_known && text.contains("limits::"), "{}: {maker}", path.display());
            }
        }
        for (path, text) in &rest {
            let waits_bare =
                ["ureq::", "hyper::", "TcpStream::connect"].iter().any(|mark| text.contains(mark));
            let is_ours = path.starts_with(root.join("demo")) || path.ends_with("tests.rs");
            assert!(!waits_bare || is_ours, "{}", path.display());
        }
    }

    #[test]
    fn a_job_is_never_ended_while_something_may_still_be_silent() {
        for silence in [
            READ_TIMEOUT,
            UPLOAD_WRITE_TIMEOUT,
            MAX_UPLOAD_READ_TIMEOUT,
            S3_READ_TIMEOUT,
            S3_ATTEMPT_TIMEOUT,
            STORE_READ_TIMEOUT,
            CREDENTIALS_TIMEOUT,
            MAX_RETRY_AFTER,
        ] {
            assert!(silence < STANDSTILL_TIMEOUT, "{silence:?}");
        }
        assert!(INTERACTIVE_READ_TIMEOUT < READ_TIMEOUT && PROBE_TIMEOUT < INTERACTIVE_READ_TIMEOUT);
    }

    #[test]
    fn times_are_written_as_people_write_them() {
        let table = [("90", 90), ("90s", 90), (" 10 min", 600), ("1h", 3_600), ("1h30m", 5_400), ("0", 0)];
        for (text, expected) in table {
            assert_eq!(parse_duration(text), Some(seconds(expected)), "{text}");
        }
        for text in ["", "soon", "-5s", "1 fortnight"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
