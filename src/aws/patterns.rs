//! The patterns for inputs in SageMaker's service model. They are checked before the call, with an error that the user
//! can act on (AWS: CreateMlflowApp; service model of 2017-07-24).

use crate::error::{Error, Result};

const MAX_NAME_LENGTH: usize = 256;
const MAX_URI_LENGTH: usize = 1_024;
const MAX_ROLE_LENGTH: usize = 2_048;
const MAX_KEY_LENGTH: usize = 2_048;
const MAX_TAGS: usize = 50;
const MAX_TAG_KEY_LENGTH: usize = 128;
const MAX_TAG_VALUE_LENGTH: usize = 256;

/// `[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}`
pub fn name(text: &str) -> Result<()> {
    let why = match text {
        "" => "is empty".to_owned(),
        _ if text.len() > MAX_NAME_LENGTH => format!("is longer than {MAX_NAME_LENGTH} characters"),
        _ if text.starts_with('-') || text.ends_with('-') => "begins or ends with a dash".to_owned(),
        _ => match text.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
            Some(c) => format!("holds {c:?}: use letters, digits, dashes"),
            None => return Ok(()),
        },
    };
    Err(Error::usage(format!("the name {text:?} {why}"))
        .hint("an App's name has ASCII letters, digits and dashes: mlflow-production"))
}

/// `(https|s3)://([^/]+)/?(.*)`. Only `s3` is accepted, because clients write to it.
pub fn artifact_store(text: &str) -> Result<()> {
    let why = match text.strip_prefix("s3://").map(|rest| rest.split('/').next().unwrap_or_default()) {
        None => "does not begin with s3://".to_owned(),
        Some("") => "names no bucket".to_owned(),
        Some(_) if text.chars().count() > MAX_URI_LENGTH => {
            format!("is longer than {MAX_URI_LENGTH} characters")
        }
        Some(bucket) if !is_bucket(bucket) => {
            format!("names {bucket:?}, which is not a valid name of a bucket")
        }
        Some(_) => return Ok(()),
    };
    Err(Error::usage(format!("the artifact store {text:?} {why}"))
        .hint("it is a bucket in the App's own region, with an optional prefix: s3://my-bucket/mlflow"))
}

/// AWS: Amazon S3 User Guide, "General purpose bucket naming rules".
fn is_bucket(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&text.len())
        && text.chars().all(inside)
        && text.starts_with(edge)
        && text.ends_with(edge)
}

/// `arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`
pub fn role(text: &str) -> Result<()> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let why = match parts.as_slice() {
        ["arn", _, "sts", ..] => "is a session, not a role",
        ["arn", partition, "iam", "", account, resource] if partition.starts_with("aws") => {
            let is_account = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
            let name = resource.strip_prefix("role/").unwrap_or_default();
            match () {
                () if !is_account => "has no account of 12 digits",
                () if !resource.starts_with("role/") => "is not a role",
                () if name.is_empty() => "names no role",
                () if !name.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@-_/".contains(c)) => {
                    "holds characters that are not allowed in a role's name"
                }
                () if text.len() > MAX_ROLE_LENGTH => "is too long",
                () => return Ok(()),
            }
        }
        _ => "is not the ARN of a role",
    };
    Err(Error::usage(format!("the role {text:?} {why}"))
        .hint("it looks like arn:aws:iam::123456789012:role/mlflow-app; `aws iam list-roles` shows them"))
}

/// `[a-zA-Z0-9:/_-]*`
pub fn key(text: &str) -> Result<()> {
    let is_key = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || ":/_-".contains(c));
    match is_key && text.len() <= MAX_KEY_LENGTH {
        true => Ok(()),
        false => Err(Error::usage(format!("{text:?} is not the id of a KMS key"))
            .hint("give a key id, a key ARN or an alias: alias/mlflow")),
    }
}

/// At most 50 tags of letters, digits, spaces and `_.:/=+-@`.
pub fn tags<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Result<()> {
    let fits =
        |text: &str| text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c));
    let mut count = 0;
    for (key, value) in tags {
        count += 1;
        let length = |text: &str| text.chars().count();
        let why = match () {
            () if key.is_empty() || length(key) > MAX_TAG_KEY_LENGTH => {
                format!("keys have 1 to {MAX_TAG_KEY_LENGTH} characters")
            }
            () if key.starts_with("aws:") => "keys that begin with aws: are AWS's own".to_owned(),
            () if length(value) > MAX_TAG_VALUE_LENGTH => {
                format!("values have at most {MAX_TAG_VALUE_LENGTH} characters")
            }
            () if !fits(key) || !fits(value) => {
                "only letters, digits, spaces and _.:/=+-@ are allowed".to_owned()
            }
            () => continue,
        };
        return Err(Error::usage(format!("the tag {key:?}: {why}")));
    }
    match count > MAX_TAGS {
        true => Err(Error::usage(format!("{count} tags: an App can have at most {MAX_TAGS}"))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn valid_inputs_are_accepted() {
        for fine in ["a", "mlflow-production", "A--b", "7", &"x".repeat(256)] {
            name(fine).unwrap();
        }
        for fine in ["s3://my-bucket", "s3://my-bucket/", "s3://my.bucket-1/mlflow/a b"] {
            artifact_store(fine).unwrap();
        }
        role("arn:aws:iam::123456789012:role/mlflow-app").unwrap();
        role("arn:aws-us-gov:iam::123456789012:role/service-role/App+1@x").unwrap();
        for fine in ["alias/mlflow", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab"] {
            key(fine).unwrap();
        }
        tags(&BTreeMap::from([("Team".to_owned(), "Größe 1: a/b=c@d".to_owned())])).unwrap();
    }

    #[test]
    fn the_error_for_an_invalid_input_names_the_reason() {
        let table = [
            (name(""), "is empty"),
            (name("my_app"), "holds '_'"),
            (name("my app"), "holds ' '"),
            (name("app-"), "dash"),
            (name(&"x".repeat(257)), "longer"),
            (artifact_store("my-bucket/mlflow"), "s3://"),
            (artifact_store("https://my-bucket.s3.amazonaws.com"), "s3://"),
            (artifact_store("s3:///mlflow"), "no bucket"),
            (artifact_store("s3://My_Bucket/x"), "not a valid name"),
            (artifact_store(&format!("s3://bucket/{}", "x".repeat(1_024))), "longer"),
            (role("mlflow-app"), "not the ARN of a role"),
            (role("arn:aws:sts::123456789012:assumed-role/R/S"), "a session"),
            (role("arn:aws:iam::1:role/R"), "12 digits"),
            (role("arn:aws:iam::123456789012:user/ann"), "not a role"),
            (role("arn:aws:iam::123456789012:role/"), "names no role"),
            (role("arn:aws:iam::123456789012:role/a b"), "characters"),
            (key("my key"), "KMS"),
            (tags(&BTreeMap::from([(String::new(), String::new())])), "characters"),
            (tags(&BTreeMap::from([("aws:x".to_owned(), String::new())])), "AWS's own"),
            (tags(&BTreeMap::from([("x".to_owned(), "a*b".to_owned())])), "letters"),
            (
                tags(&(0..51).map(|n| (n.to_string(), String::new())).collect::<BTreeMap<_, _>>()),
                "at most 50",
            ),
        ];
        for (result, why) in table {
            let error = result.unwrap_err();
            assert!(error.to_string().contains(why) && error.exit_code() == 2, "{error}");
        }
    }
}
