use std::fmt;

use crate::error::{Error, Result};

/// The ARN of a managed MLflow on SageMaker. All values for signing come from it, never from `AWS_REGION`: the host
/// depends on its region, and only the ARN identifies the App of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn {
    partition: String,
    region: String,
    account: String,
    resource: Resource,
    id: String,
}

/// The two kinds of managed MLflow. Each has its own host, header, signing name and IAM actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A serverless MLflow App.
    App,
    /// A managed tracking server, of a fixed size and version.
    TrackingServer,
}

impl Resource {
    /// The type in the ARN.
    fn name(self) -> &'static str {
        match self {
            Self::App => "mlflow-app",
            Self::TrackingServer => "mlflow-tracking-server",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::App => "MLflow App",
            Self::TrackingServer => "MLflow tracking server",
        })
    }
}

/// The variable of the official plugin for another endpoint.
pub const CUSTOM_ENDPOINT: &str = "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT";
/// AWS: DescribeMlflowApp, `Arn`.
const MAX_APP_ARN_LENGTH: usize = 128;
const HINT: &str = "an App looks like arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-ABCDEFGHIJKL; \
                    `aws sagemaker list-mlflow-apps` lists yours";

impl Arn {
    /// Reads and checks an ARN, as the official plugin and AWS's own model do (sagemaker-mlflow 0.5.0,
    /// `mlflow_sagemaker_helpers.py`).
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let bad = |why: String| Error::usage(format!("{text}: {why}"));
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let &["arn", partition, service, region, account, resource] = parts.as_slice() else {
            return Err(bad("an ARN has six parts, with colons between them".into()).hint(HINT));
        };
        if service != "sagemaker" {
            return Err(bad(format!("{service:?} is another service, not sagemaker")).hint(HINT));
        }
        check_partition(partition).map_err(|e| e.at(text))?;
        let is_region = !region.is_empty()
            && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !is_region {
            return Err(bad(format!("{region:?} is not a region")).hint(HINT));
        }
        if account.len() != 12 || !account.chars().all(|c| c.is_ascii_digit()) {
            return Err(bad(format!("{account:?} is not an account: those have 12 digits")).hint(HINT));
        }
        let (resource, id) = check_resource(resource).map_err(|e| e.at(text))?;
        if resource == Resource::App && text.len() > MAX_APP_ARN_LENGTH {
            return Err(
                bad(format!("longer than the {MAX_APP_ARN_LENGTH} characters of an App's ARN")).hint(HINT)
            );
        }
        let [partition, region, account, id] = [partition, region, account, id].map(str::to_owned);
        Ok(Self { partition, region, account, resource, id })
    }

    pub fn partition(&self) -> &str {
        &self.partition
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// The account of the owner. This is not the caller's account when the resource is shared (AWS RAM).
    pub fn account(&self) -> &str {
        &self.account
    }

    pub fn resource(&self) -> Resource {
        self.resource
    }

    /// `app-…`, which AWS generates, or the name of a tracking server.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The service that a signature is for (sagemaker-mlflow 0.5.0, `auth_provider.py`).
    pub fn signing_name(&self) -> &'static str {
        match self.resource {
            Resource::App => "sagemaker",
            Resource::TrackingServer => "sagemaker-mlflow",
        }
    }

    /// The header that carries the ARN (sagemaker-mlflow 0.5.0, `mlflow_sagemaker_request_header_provider.py`).
    pub fn header_name(&self) -> &'static str {
        match self.resource {
            Resource::App => "x-sm-mlflow-app-arn",
            Resource::TrackingServer => "x-mlflow-sm-tracking-server-arn",
        }
    }

    /// AWS's own endpoint: the host of the region.
    pub fn endpoint(&self) -> String {
        let region = &self.region;
        match self.resource {
            Resource::App => format!("https://mlflow.sagemaker.{region}.app.aws"),
            Resource::TrackingServer => format!("https://{region}.experiments.sagemaker.aws"),
        }
    }

    /// The address of requests: `SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT` if set, as in the official plugin, otherwise AWS's
    /// own endpoint.
    pub fn called_endpoint(&self) -> String {
        let custom = std::env::var(CUSTOM_ENDPOINT).ok();
        custom.filter(|url| !url.trim().is_empty()).unwrap_or_else(|| self.endpoint())
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, region, account, resource, id } = self;
        write!(f, "arn:{partition}:sagemaker:{region}:{account}:{}/{id}", resource.name())
    }
}

/// Accepts the partitions for which the official plugin has a host.
fn check_partition(partition: &str) -> Result<()> {
    match partition {
        "aws" | "aws-us-gov" => Ok(()),
        "aws-cn" => Err(Error::usage("SageMaker offers no MLflow in the regions of China")
            .hint("create the App in a region outside China, or run an MLflow server of your own there")),
        _ => {
            Err(Error::usage(format!("SageMaker offers no MLflow in the partition {partition:?}")).hint(HINT))
        }
    }
}

fn check_resource(text: &str) -> Result<(Resource, &str)> {
    let (kind, id) = text.split_once('/').unwrap_or((text, ""));
    let is_name = !id.is_empty()
        && !id.starts_with('-')
        && !id.ends_with('-')
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match kind {
        // AWS's own examples show a name here; `DescribeMlflowApp` accepts only the id.
        "mlflow-app" if !(is_name && id.starts_with("app-")) => {
            Err(Error::usage(format!("{id:?} is not the id of an App, which begins with app-")).hint(
                "an App's name is not part of its ARN: `aws sagemaker list-mlflow-apps` shows the ARN beside the name",
            ))
        }
        "mlflow-app" => Ok((Resource::App, id)),
        "mlflow-tracking-server" if is_name => Ok((Resource::TrackingServer, id)),
        "mlflow-tracking-server" => {
            Err(Error::usage(format!("{id:?} is not the name of a tracking server")).hint(HINT))
        }
        _ => Err(Error::usage(format!("{kind:?} is neither an MLflow App nor a tracking server")).hint(HINT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-ABCDEFGHIJKL";
    const SERVER: &str =
        "arn:aws-us-gov:sagemaker:us-gov-west-1:123456789012:mlflow-tracking-server/my-server";

    #[test]
    fn each_kind_has_its_own_host_header_and_signing_name() {
        let app = Arn::parse(APP).unwrap();
        assert_eq!(
            (app.region(), app.account(), app.id()),
            ("us-east-1", "123456789012", "app-ABCDEFGHIJKL")
        );
        assert_eq!((app.signing_name(), app.header_name()), ("sagemaker", "x-sm-mlflow-app-arn"));
        assert_eq!(app.to_string(), APP);
        let server = Arn::parse(SERVER).unwrap();
        assert_eq!(server.resource(), Resource::TrackingServer);
        assert_eq!((server.signing_name(), server.partition()), ("sagemaker-mlflow", "aws-us-gov"));
        assert_eq!(server.header_name(), "x-mlflow-sm-tracking-server-arn");
        assert_eq!(server.to_string(), SERVER);
    }

    #[test]
    fn the_error_for_a_bad_arn_names_the_reason() {
        let table = [
            ("arn:aws:sagemaker:us-east-1", "six parts"),
            ("arn:aws:s3:::bucket", "another service"),
            ("arn:aws-cn:sagemaker:cn-north-1:123456789012:mlflow-app/app-A", "China"),
            ("arn:aws-iso:sagemaker:us-iso-east-1:123456789012:mlflow-app/app-A", "partition"),
            ("arn:aws:sagemaker::123456789012:mlflow-app/app-A", "not a region"),
            ("arn:aws:sagemaker:us-east-1:12345:mlflow-app/app-A", "12 digits"),
            ("arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/my-app", "is not the id"),
            ("arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/", "is not the id"),
            ("arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/my_server", "is not the name"),
            ("arn:aws:sagemaker:us-east-1:123456789012:domain/d-abc", "neither an MLflow App"),
            ("arn:aws:sagemaker:us-east-1:123456789012:model-package-group/x", "neither an MLflow App"),
        ];
        for (text, why) in table {
            let error = Arn::parse(text).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
            assert!(error.get_hint().is_some() && error.exit_code() == 2, "{error}");
        }
        let long = format!("{APP}{}", "A".repeat(80));
        assert!(Arn::parse(&long).unwrap_err().to_string().contains("128"));
    }
}
