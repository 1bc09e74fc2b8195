//! All settings. Each has the same name as its option or its variable (`MLFERRY_…`).

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Text,
    /// The address of a server. It must not contain a password here.
    Address,
    /// `~/` is the home directory. Other paths are relative to the current directory, as on the command line.
    Path,
    Switch,
    /// A duration: `90`, `90s`, `10 min`, `1h`.
    Duration,
    OneOf(&'static [&'static str]),
}

/// The section of the file that a setting belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// In a profile or in `[defaults]`.
    Work,
    /// At the top level: settings of the wizard's look, which are the same for every profile.
    Display,
}

#[derive(Debug)]
pub struct Setting {
    pub key: &'static str,
    pub group: Group,
    pub shape: Shape,
    /// The default value.
    pub built_in: Option<&'static str>,
    /// A variable of MLflow or AWS that applies when no other value is set.
    pub last: Option<&'static str>,
    pub help: &'static str,
    pub example: &'static str,
}

impl Setting {
    pub fn find(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    pub fn variable(&self) -> String {
        format!("MLFERRY_{}", self.key.to_uppercase())
    }

    const fn last(self, variable: &'static str) -> Self {
        Self { last: Some(variable), ..self }
    }

    const fn built_in(self, value: &'static str) -> Self {
        Self { built_in: Some(value), ..self }
    }
}

const fn work(key: &'static str, shape: Shape, help: &'static str, example: &'static str) -> Setting {
    Setting { key, group: Group::Work, shape, built_in: None, last: None, help, example }
}

const fn display(key: &'static str, shape: Shape, help: &'static str, built_in: &'static str) -> Setting {
    let work = work(key, shape, help, built_in);
    Setting { group: Group::Display, built_in: Some(built_in), ..work }
}

pub const SETTINGS: &[Setting] = &[
    work("source", Shape::Address, "Where to read: a URL, an ARN, a folder of MLflow, a database, or an export directory", "http://old:5000")
        .last("MLFLOW_TRACKING_URI"),
    work("source_workspace", Shape::Text, "The workspace to read (MLflow 3.10)", "team-a")
        .last("MLFLOW_WORKSPACE"),
    work("source_username", Shape::Text, "The user name for the source", "reader")
        .last("MLFLOW_TRACKING_USERNAME"),
    work(
        "source_server_cert_path",
        Shape::Path,
        "PEM file or folder with the authority that signed the source's certificate, or with that certificate",
        "~/ca.pem",
    )
    .last("MLFLOW_TRACKING_SERVER_CERT_PATH"),
    work(
        "source_client_cert_path",
        Shape::Path,
        "PEM file with the client certificate and its key for the source",
        "~/me.pem",
    )
    .last("MLFLOW_TRACKING_CLIENT_CERT_PATH"),
    work("source_insecure_tls", Shape::Switch, "Accept any certificate of the source", "false")
        .last("MLFLOW_TRACKING_INSECURE_TLS")
        .built_in("false"),
    work(
        "source_token_command",
        Shape::Text,
        "A command that prints a token for the source; it runs again when the token expires or is refused",
        "gcloud auth print-identity-token",
    ),
    work("source_aws_sigv4", Shape::Switch, "Sign requests for API Gateway in front of the source", "false")
        .last("MLFLOW_TRACKING_AWS_SIGV4")
        .built_in("false"),
    work(
        "artifact_root",
        Shape::Text,
        "Where the artifacts of a folder or database are now: the beginning of their locations, and what replaces it",
        "/home/ada/mlruns=/data/mlruns",
    ),
    work(
        "artifacts_destination",
        Shape::Text,
        "Where the server of a database kept the artifacts that it proxied",
        "/data/mlartifacts",
    ),
    work(
        "target",
        Shape::Address,
        "Where to write: a URL or an ARN",
        "arn:aws:sagemaker:eu-central-1:123456789012:mlflow-app/app-ABCDEFGHIJKL",
    ),
    work("target_workspace", Shape::Text, "The workspace to write to (MLflow 3.10)", "team-a"),
    work("target_username", Shape::Text, "The user name for the target", "writer"),
    work(
        "target_server_cert_path",
        Shape::Path,
        "PEM file or folder with the authority that signed the target's certificate, or with that certificate",
        "~/ca.pem",
    ),
    work(
        "target_client_cert_path",
        Shape::Path,
        "PEM file with the client certificate and its key for the target",
        "~/me.pem",
    ),
    work("target_insecure_tls", Shape::Switch, "Accept any certificate of the target", "false")
        .built_in("false"),
    work(
        "target_token_command",
        Shape::Text,
        "A command that prints a token for the target; it runs again when the token expires or is refused",
        "databricks auth token --profile prod",
    ),
    work("target_aws_sigv4", Shape::Switch, "Sign requests for API Gateway in front of the target", "false")
        .built_in("false"),
    work("region", Shape::Text, "The AWS region of `mlferry app`", "eu-central-1").last("AWS_REGION"),
    work("artifact_store_uri", Shape::Text, "Where a new App keeps artifacts", "s3://my-bucket/mlflow"),
    work(
        "role_arn",
        Shape::Text,
        "The role that a new App uses",
        "arn:aws:iam::123456789012:role/mlflow-app",
    ),
    work(
        "output_dir",
        Shape::Path,
        "Export to this directory; `run` also uses it, unless --direct is given",
        "mlflow-export",
    ),
    work(
        "artifacts",
        Shape::OneOf(&["none", "size", "checksum"]),
        "How closely `validate` and `run` compare files",
        "checksum",
    )
    .built_in("size"),
    work(
        "wait",
        Shape::Duration,
        "How long a job waits for an unavailable server; with 0 it ends at once",
        "15 min",
    )
    .built_in("1h"),
    work("traces", Shape::OneOf(&["all", "none"]), "Whether traces are included", "none").built_in("all"),
    work(
        "append_versions",
        Shape::Switch,
        "Whether versions are appended to a model of the same name that has other versions on the target",
        "true",
    )
    .built_in("false"),
    work("export_deleted_runs", Shape::Switch, "Whether deleted experiments and runs are included", "false")
        .built_in("true"),
    display(
        "theme",
        Shape::OneOf(&["auto", "dark", "light", "16", "none"]),
        "Colours of the wizard: 16 uses the terminal's own colours, none uses no colours",
        "auto",
    ),
    display("ascii", Shape::Switch, "Draw with ASCII characters only; if this is not set, the locale decides", "false"),
    display(
        "mouse",
        Shape::Switch,
        "Enable mouse-wheel scrolling in the wizard; hold Shift to select text",
        "false",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_once_and_examples_are_true() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS[..index].iter().all(|other| other.key != setting.key), "{}", setting.key);
            for value in [Some(setting.example), setting.built_in].into_iter().flatten() {
                assert_eq!(setting.shape.of(value).unwrap(), value, "{}", setting.key);
            }
            assert!(!super::super::secret::is_for_one(setting.key), "{}", setting.key);
        }
    }
}
