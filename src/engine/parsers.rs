//! Property tests for every parser of untrusted text. A parser must not panic for any text. A parsed value must be the
//! same after it is written and parsed again.

use std::io::{BufReader, Read};

use bytes::Bytes;
use proptest::prelude::*;

use crate::archive::{LoggedModelFile, ModelFile, RunFile, Strict, TraceFile, Wrapped};
use crate::aws::Arn;
use crate::entities::{S3Object, Spans, is_plain_id, is_safe_path};
use crate::plan::{Plan, UnixMillis};
use crate::rest::{Address, Version};

/// Texts that are almost valid input: pieces of valid input in any order, with any characters between them.
fn nearly(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => prop::sample::select(pieces).prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(piece, 0..12).prop_map(|parts| parts.concat())
}

const URL: &[&str] =
    &["http", "https", "://", "ann", ":", "@", "host", "[::1]", "%", "%2f", "/", "..", "?", "#", "5000", " "];
const ARN: &[&str] = &[
    "arn",
    ":",
    "aws",
    "aws-cn",
    "sagemaker",
    "eu-west-1",
    "123456789012",
    "mlflow-app",
    "/",
    "app-ABCDEFGHIJKL",
];
const TIME: &[&str] =
    &["2024", "-", "05", "01", "T", " ", "13", ":", "00", "Z", "+02:00", ".5", "99999999999999"];
const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "NaN",
    "-Infinity",
    "Infinity",
    "-",
    "1e999",
    "0",
    "null",
    "true",
    "\"mlflow\"",
    "\"info\"",
    "\"run_id\"",
    "\"metrics\"",
    "\"spans\"",
    "\"registered_model\"",
    "\"versions\"",
    "\"timestamp\"",
    "\"tags\"",
];
const TOML: &[&str] = &[
    "[[experiments]]",
    "\n",
    "name",
    "=",
    "\"a\"",
    "runs",
    "[",
    "]",
    "run_start_time",
    "2024-05-01",
    "{",
    "}",
    "true",
];

fn streamed(text: &[u8], buffer: usize) -> Vec<u8> {
    let mut out = Vec::new();
    Strict::new(BufReader::with_capacity(buffer, text)).read_to_end(&mut out).unwrap();
    out
}

proptest! {
    #[test]
    fn addresses(text in nearly(URL)) {
        if let Ok((address, _)) = Address::parse(&text) {
            let (again, login) = Address::parse(&address.to_string()).unwrap();
            prop_assert_eq!(&again, &address);
            prop_assert!(login.is_none(), "an address contains no credentials");
        }
    }

    #[test]
    fn a_password_is_in_no_address_and_in_no_error(
        password in "[a-zA-Z0-9!$&*+=._~-]{6,20}",
        scheme in "(http|https|ftp|HTTP)://",
        rest in "(host|host:port|host:1|\\[::1\\]|)(/x|)",
    ) {
        let text = format!("{scheme}ann:{password}@{rest}");
        let shown = match Address::parse(&text) {
            Ok((address, _)) => address.to_string(),
            Err(error) => format!("{error} {:?}", error.get_hint()),
        };
        prop_assert!(!shown.contains(&password), "{}", shown);
    }

    #[test]
    fn arns(text in nearly(ARN)) {
        if let Ok(arn) = Arn::parse(&text) {
            prop_assert_eq!(Arn::parse(&arn.to_string()).unwrap(), arn);
        }
    }

    #[test]
    fn times(text in nearly(TIME), millis in any::<i64>()) {
        if let Ok(moment) = text.parse::<UnixMillis>() {
            prop_assert_eq!(moment.to_string().parse::<UnixMillis>().unwrap(), moment);
        }
        // The milliseconds of the years that a date can express.
        let moment = UnixMillis(millis % 250_000_000_000_000);
        prop_assert_eq!(moment.to_string().parse::<UnixMillis>().unwrap(), moment);
    }

    #[test]
    fn plans(text in nearly(TOML)) {
        if let Ok(plan) = Plan::parse(&text) {
            prop_assert_eq!(Plan::parse(&plan.to_file().unwrap()).unwrap(), plan);
        }
    }

    #[test]
    fn versions_and_objects(text in any::<String>()) {
        if let Some(version) = Version::parse(&text) {
            prop_assert_eq!(Version::parse(&version.to_string()), Some(version));
        }
        S3Object::parse(&text);
        S3Object::parse(&format!("s3://{text}"));
    }

    /// Every accepted path stays below the folder that it is joined to.
    #[test]
    fn names_of_files(text in nearly(&["a", "/", ".", "..", "\\", "\0", "C:", " "])) {
        if is_safe_path(&text) {
            let path = crate::artifacts::local::below(std::path::Path::new("/root"), &text);
            let is_below = path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
            prop_assert!(is_below && path.starts_with("/root") && path != std::path::Path::new("/root"));
        }
        prop_assert!(!is_plain_id(&text) || !text.contains(['/', '.', '\\']));
    }

    #[test]
    fn documents_of_an_archive(text in nearly(JSON)) {
        let strict = streamed(text.as_bytes(), 8_192);
        let _ = serde_json::from_slice::<Wrapped<RunFile>>(&strict);
        let _ = serde_json::from_slice::<Wrapped<ModelFile>>(&strict).map(|file| file.mlflow.read());
        let _ = serde_json::from_slice::<Wrapped<LoggedModelFile>>(&strict);
        let _ = serde_json::from_slice::<TraceFile>(&strict);
        let _ = Spans(Bytes::from(text)).parse();
    }

    /// The result does not depend on where a buffer ends. JSON that is already strict is not changed.
    #[test]
    fn bare_words(text in nearly(JSON), buffer in 1_usize..20, bytes in any::<Vec<u8>>()) {
        prop_assert_eq!(streamed(text.as_bytes(), buffer), streamed(text.as_bytes(), 8_192));
        prop_assert_eq!(streamed(&bytes, buffer), streamed(&bytes, 8_192));
        let json = serde_json::json!({ text.as_str(): [text, -1, 0.5] }).to_string();
        prop_assert_eq!(String::from_utf8(streamed(json.as_bytes(), buffer)).unwrap(), json);
    }
}
