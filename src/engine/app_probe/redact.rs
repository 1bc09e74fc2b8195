use crate::aws::{AppDescription, Arn};

/// The maximum number of characters of a refusal that are kept.
const MAX_TEXT_LENGTH: usize = 1_000;

/// Removes from a text everything that identifies the owner of the App.
pub struct Redactor {
    /// The words to replace, the longest first.
    words: Vec<(String, &'static str)>,
}

impl Redactor {
    pub fn new(arn: &Arn, there: &AppDescription) -> Self {
        let store = there.artifact_store_uri.trim_end_matches('/').to_owned();
        let bucket = store.trim_start_matches("s3://").split('/').next().unwrap_or_default().to_owned();
        let mut words = vec![
            (arn.to_string(), "<arn>"),
            (there.role_arn.clone(), "<role>"),
            (store, "<artifact store>"),
            (bucket, "<bucket>"),
            (arn.id().to_owned(), "<id>"),
            (there.listed.name.clone(), "<name>"),
            (arn.account().to_owned(), "<account>"),
        ];
        words.retain(|(word, _)| !word.is_empty());
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        Self { words }
    }

    pub fn clean(&self, text: &str) -> String {
        let known = self.words.iter().fold(text.to_owned(), |text, (word, with)| text.replace(word, with));
        let rest: Vec<&str> =
            known.split(' ').map(|word| if is_identifying(word) { "<…>" } else { word }).collect();
        rest.join(" ").chars().take(MAX_TEXT_LENGTH).collect()
    }
}

/// True for ARNs of callers, access keys, accounts and signed addresses, with any characters around them.
fn is_identifying(word: &str) -> bool {
    let digits = word.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() == 12);
    let signs = ["arn:aws", "X-Amz-", "AKIA", "ASIA", "AROA", "Credential="];
    digits || signs.iter().any(|sign| word.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{AppSummary, Resource};

    #[test]
    fn the_owner_of_the_app_is_removed() {
        let arn = Arn::parse("arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL").unwrap();
        let there = AppDescription {
            listed: AppSummary {
                resource: Resource::App,
                arn: arn.to_string(),
                name: "our-app".into(),
                status: "Created".into(),
                mlflow_version: None,
                creation_time: None,
            },
            artifact_store_uri: "s3://our-bucket/mlflow/".into(),
            role_arn: "arn:aws:iam::123456789012:role/our-role".into(),
            kms_key_id: None,
            registers_models: false,
            weekly_maintenance_window_start: None,
            maintenance_status: None,
            last_modified_time: None,
            is_active: None,
        };
        let text = "User: arn:aws:sts::123456789012:assumed-role/Admin/ann is not authorized to perform X on \
                    arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL, s3://our-bucket/mlflow/1 of \
                    our-app in 210987654321: https://x?X-Amz-Signature=abc ASIAABC";
        let clean = Redactor::new(&arn, &there).clean(text);
        for secret in ["123456789012", "210987654321", "ABCDEFGHIJKL", "our-", "Admin", "Signature", "ASIA"] {
            assert!(!clean.contains(secret), "{secret}: {clean}");
        }
        assert!(clean.contains("is not authorized to perform X on <arn>"), "{clean}");
    }
}
