//! Keeps passwords and tokens out of files.

const WORDS: [&str; 9] =
    ["password", "passwd", "passphrase", "token", "secret", "credential", "access_key", "api_key", "header"];

/// A hint that names the places for a secret.
pub const ELSEWHERE: &str = "no secret is read from a file: set MLFERRY_SOURCE_PASSWORD, MLFERRY_SOURCE_TOKEN or \
    MLFERRY_SOURCE_HEADERS (MLFERRY_TARGET_… for the target) in the environment, or type it into the wizard; AWS credentials stay where the AWS \
    CLI keeps them";

/// A key with this name is meant for a secret.
pub fn is_for_one(key: &str) -> bool {
    let plain = key.to_lowercase().replace('-', "_");
    // A command that prints a token is not a secret.
    let plain = plain.trim_end_matches("token_command");
    WORDS.iter().any(|word| plain.contains(word))
}

/// The address with its user name and password masked.
pub fn masked(address: &str) -> String {
    match sign_in(address) {
        Some((start, end)) => format!("{}…{}", &address[..start], &address[end..]),
        None => address.to_owned(),
    }
}

/// The position of the user name and password in an address: `http://[user:password]@host`.
pub fn sign_in(address: &str) -> Option<(usize, usize)> {
    let start = address.find("://")? + 3;
    let authority = address[start..].split(['/', '?', '#']).next()?;
    authority.rfind('@').map(|end| (start, start + end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_is_found_and_left_out() {
        assert_eq!(masked("https://ann:ge@heim@host:5000/x"), "https://…@host:5000/x");
        for plain in ["http://host/a@b", "arn:aws:sagemaker:x:1:mlflow-app/y", "mlflow-export"] {
            assert_eq!(masked(plain), plain);
        }
    }

    #[test]
    fn keys_for_secrets_are_known_by_their_names() {
        for key in ["password", "source_token", "aws-secret-access-key", "Target_Password", "source_headers"]
        {
            assert!(is_for_one(key), "{key}");
        }
        assert!(!is_for_one("source_username"));
        assert!(!is_for_one("source_token_command"));
    }
}
