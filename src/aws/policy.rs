//! The minimum permissions in IAM, as templates under `assets/policies`; and single statements of them, for missing
//! permissions.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Arn, Resource};
use crate::error::{Error, Result};

/// A policy that some migrations need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// For the user or role that runs mlferry, at the target.
    MigrationPrincipal,
    /// For the role that the App itself uses.
    AppRole,
    /// The trust policy: who may assume that role.
    AppRoleTrust,
    /// For the user or role that runs mlferry, when the source is a SageMaker tracking server.
    TrackingServerSource,
}

/// The values for the placeholders of the templates. A placeholder without a value is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub partition: Option<String>,
    pub region: Option<String>,
    pub account: Option<String>,
    /// The id of an existing App. Without one the policy covers all Apps, and allows creating one.
    pub app: Option<String>,
    pub tracking_server: Option<String>,
    pub bucket: Option<String>,
    /// The prefix of the keys in the bucket, without a slash at either end.
    pub prefix: Option<String>,
    /// The name of the App's role, with its path.
    pub app_role: Option<String>,
    /// The name of the role that runs mlferry, with its path.
    pub migration_role: Option<String>,
    /// The ARN of a KMS key. Without one, the statements about keys are left out.
    pub key: Option<String>,
}

/// Statements that are needed only to create an App.
const CREATION: [&str; 2] = ["Creation", "PassRole"];

impl Policy {
    pub const ALL: [Self; 4] =
        [Self::MigrationPrincipal, Self::AppRole, Self::AppRoleTrust, Self::TrackingServerSource];

    fn template(self) -> &'static str {
        match self {
            Self::MigrationPrincipal => include_str!("../../assets/policies/migration-principal.json"),
            Self::AppRole => include_str!("../../assets/policies/app-role.json"),
            Self::AppRoleTrust => include_str!("../../assets/policies/app-role-trust.json"),
            Self::TrackingServerSource => include_str!("../../assets/policies/tracking-server-source.json"),
        }
    }

    /// The purpose of the policy, in one line.
    pub fn title(self) -> &'static str {
        match self {
            Self::MigrationPrincipal => "for the user or role that runs mlferry",
            Self::AppRole => "for the role of the App: what it may do",
            Self::AppRoleTrust => "for the role of the App: its trust policy",
            Self::TrackingServerSource => "for the user or role that reads a SageMaker tracking server",
        }
    }

    /// The whole policy, with its placeholders filled in.
    pub fn document(self, scope: &Scope) -> Result<Value> {
        let mut document: Value = serde_json::from_str(self.template())
            .map_err(|e| Error::permanent(format!("the policy template cannot be read: {e}")))?;
        if let Some(statements) = document["Statement"].as_array_mut() {
            statements.retain(|statement| scope.needs(statement["Sid"].as_str().unwrap_or_default()));
        }
        scope.fill(&mut document);
        Ok(document)
    }

    /// The statement that allows exactly these actions. All of them must be in one statement of the template.
    pub fn statement(self, actions: &[&str], scope: &Scope) -> Result<Value> {
        let template: Value = serde_json::from_str(self.template())
            .map_err(|e| Error::permanent(format!("the policy template cannot be read: {e}")))?;
        let statements = template["Statement"].as_array().cloned().unwrap_or_default();
        let found =
            statements.into_iter().find(|one| actions.iter().all(|action| allows(&one["Action"], action)));
        let mut statement = found.ok_or_else(|| {
            Error::permanent(format!("no statement of the policies is about {}", actions.join(", ")))
        })?;
        if let Some(fields) = statement.as_object_mut() {
            // A Sid must be unique within the policy that receives the statement.
            fields.shift_remove("Sid");
            if let [action] = actions {
                fields.insert("Action".to_owned(), json!(action));
            } else {
                fields.insert("Action".to_owned(), json!(actions));
            }
        }
        scope.fill(&mut statement);
        Ok(statement)
    }
}

impl Scope {
    /// The values that an ARN contains.
    pub fn of(arn: &Arn) -> Self {
        let id = Some(arn.id().to_owned());
        let (app, tracking_server) = match arn.resource() {
            Resource::App => (id, None),
            Resource::TrackingServer => (None, id),
        };
        Self {
            partition: Some(arn.partition().to_owned()),
            region: Some(arn.region().to_owned()),
            account: Some(arn.account().to_owned()),
            app,
            tracking_server,
            ..Self::default()
        }
    }

    /// Adds the bucket and the prefix of `s3://bucket/prefix`.
    #[must_use]
    pub fn with_store(self, artifact_store: &str) -> Self {
        let Some(rest) = artifact_store.strip_prefix("s3://") else { return self };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        Self { bucket: Some(bucket.to_owned()), prefix: Some(prefix.trim_matches('/').to_owned()), ..self }
    }

    fn needs(&self, statement: &str) -> bool {
        match statement {
            "Key" => self.key.is_some(),
            _ => self.app.is_none() || !CREATION.contains(&statement),
        }
    }

    fn fill(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.filled(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.fill(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.fill(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn filled(&self, text: &str) -> String {
        let prefix = self.prefix.as_deref().map(|prefix| match prefix {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        });
        let any = |id: &Option<String>| id.clone().or_else(|| Some("*".to_owned()));
        let values = [
            ("${Partition}", self.partition.clone().or_else(|| Some("aws".to_owned()))),
            ("${Region}", self.region.clone()),
            ("${Account}", self.account.clone()),
            ("${App}", any(&self.app)),
            ("${TrackingServer}", any(&self.tracking_server)),
            ("${Bucket}", self.bucket.clone()),
            ("${Prefix}", prefix),
            ("${AppRole}", self.app_role.clone()),
            ("${MigrationRole}", self.migration_role.clone()),
            ("${Key}", self.key.clone()),
        ];
        values.into_iter().fold(text.to_owned(), |text, (name, value)| match value {
            Some(value) => text.replace(name, &value),
            None => text,
        })
    }
}

/// The placeholders without a value.
pub fn unfilled(document: &Value) -> Vec<String> {
    let text = document.to_string();
    let mut names: Vec<String> = text
        .match_indices("${")
        .filter_map(|(at, _)| Some(text[at..].split_once('}')?.0.to_owned() + "}"))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Whether the list allows an action. A `*` at the end matches any ending.
fn allows(actions: &Value, wanted: &str) -> bool {
    let names = actions.as_array().map_or_else(|| std::slice::from_ref(actions), Vec::as_slice);
    names.iter().filter_map(Value::as_str).any(|name| match name.strip_suffix('*') {
        Some(beginning) => wanted.starts_with(beginning),
        None => name == wanted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL";

    fn scope() -> Scope {
        Scope::of(&Arn::parse(APP).unwrap()).with_store("s3://my-bucket/team/mlflow/")
    }

    fn sids(document: &Value) -> Vec<&str> {
        document["Statement"].as_array().unwrap().iter().filter_map(|one| one["Sid"].as_str()).collect()
    }

    #[test]
    fn every_template_is_filled_in_and_missing_values_are_listed() {
        for policy in Policy::ALL {
            let bare = policy.document(&Scope::default()).unwrap();
            assert_eq!(bare["Version"], "2012-10-17");
            let full = Scope {
                app_role: Some("r".into()),
                migration_role: Some("m".into()),
                key: Some("arn:aws:kms:eu-west-1:123456789012:key/k".into()),
                ..scope()
            };
            assert_eq!(unfilled(&policy.document(&full).unwrap()), [""; 0], "{policy:?}");
        }
        let missing = unfilled(&Policy::AppRole.document(&Scope::default()).unwrap());
        assert_eq!(missing, ["${Bucket}", "${Prefix}"]);
    }

    #[test]
    fn statements_that_are_not_needed_are_left_out() {
        let of_an_app = Policy::MigrationPrincipal.document(&scope()).unwrap();
        assert_eq!(sids(&of_an_app), ["List", "App", "Objects", "Probe", "Bucket", "Preflight"]);
        let any = Scope { app: None, key: Some("arn:aws:kms:…".into()), ..scope() };
        let to_create = Policy::MigrationPrincipal.document(&any).unwrap();
        for sid in ["Creation", "PassRole", "Key"] {
            assert!(sids(&to_create).contains(&sid), "{sid}");
        }
    }

    #[test]
    fn a_statement_has_only_the_missing_actions() {
        let policy = Policy::MigrationPrincipal;
        assert_eq!(
            policy.statement(&["sagemaker:CallMlflowAppApi"], &scope()).unwrap(),
            json!({ "Effect": "Allow", "Action": "sagemaker:CallMlflowAppApi", "Resource": APP })
        );
        assert_eq!(
            policy.statement(&["s3:PutObject", "s3:GetObject"], &scope()).unwrap(),
            json!({
                "Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"],
                "Resource": "arn:aws:s3:::my-bucket/team/mlflow/*"
            })
        );
        let whole_bucket = scope().with_store("s3://my-bucket");
        let statement = policy.statement(&["s3:PutObject"], &whole_bucket).unwrap();
        assert_eq!(statement["Resource"], "arn:aws:s3:::my-bucket/*");
        let search =
            Policy::TrackingServerSource.statement(&["sagemaker-mlflow:SearchRuns"], &scope()).unwrap();
        assert_eq!(search["Action"], "sagemaker-mlflow:SearchRuns");
        assert!(policy.statement(&["s3:DeleteBucket"], &scope()).is_err());
    }
}
