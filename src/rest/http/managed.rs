//! Refusals from AWS in front of managed MLflow, and hints for them.

use reqwest::StatusCode;

use crate::aws::{Arn, CUSTOM_ENDPOINT, Resource, says_ended};
use crate::error::{Class, Error};

/// AWS: common errors. The signature is wrong, or for another time, region or service.
const SIGNATURE: [&str; 5] = [
    "SignatureDoesNotMatch",
    "InvalidSignature",
    "signature we calculated",
    "Signature not yet",
    "Credential should be",
];
/// AWS: common errors. The keys do not exist, or the session token is missing.
const UNKNOWN: [&str; 6] = [
    "security token included in the request is invalid",
    "UnrecognizedClient",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "MissingAuthenticationToken",
    "Missing Authentication Token",
];

/// True for the error codes of throttling (AWS: error retries). Some services send them with a 400.
pub fn is_throttling(code: &str) -> bool {
    ["Throttling", "TooManyRequests", "RequestLimitExceeded", "SlowDown"]
        .iter()
        .any(|mark| code.contains(mark))
}

/// The error for a refusal by AWS itself. `None` if the answer comes from MLflow. `text` is the answer's text.
pub fn refusal(arn: &Arn, route: &str, status: StatusCode, text: &str) -> Option<Error> {
    if !matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return None;
    }
    let has = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    let error = |class, what: &str| Error::new(class, format!("{arn} {what} ({status}{text})"));
    match status {
        _ if text.contains("Signature expired") || has(&SIGNATURE) => {
            Some(error(Class::Auth, "refuses the signature").hint(
                "check the secret key, the region of the ARN, this machine's clock, and that nothing on the way to AWS \
                 rewrites requests (a proxy, SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT)",
            ))
        }
        _ if says_ended(text) => Some(
            error(Class::Auth, "refuses the AWS credentials: they have expired")
                .hint("renew them, and run the same command again: it continues"),
        ),
        _ if has(&UNKNOWN) => Some(error(Class::Auth, "does not know the AWS credentials").hint(
            "check that the key has not been deleted, that AWS_SESSION_TOKEN is set if it is temporary, and that it \
             belongs to the partition of the ARN",
        )),
        StatusCode::FORBIDDEN => Some(
            Error::new(Class::Forbidden, format!("{arn} {route} is forbidden to these credentials ({status}{text})"))
                .hint(permission(arn, route)),
        ),
        _ => None,
    }
}

/// The hint with the missing permission: an App has one permission for its whole API, a tracking server has one for
/// each call.
fn permission(arn: &Arn, route: &str) -> String {
    let action = match arn.resource() {
        Resource::App => "sagemaker:CallMlflowAppApi".to_owned(),
        Resource::TrackingServer => action(route).unwrap_or_else(|| "sagemaker-mlflow:*".to_owned()),
    };
    let others = match arn.resource() {
        Resource::App => "sagemaker-mlflow:* does not cover it",
        Resource::TrackingServer => "sagemaker-mlflow:* covers all of the server",
    };
    format!(
        "the identity needs {{\"Effect\": \"Allow\", \"Action\": \"{action}\", \"Resource\": \"{arn}\"}} ({others}); if it has \
         it, check service control policies, the policy of the VPC endpoint, and that the ARN is right and belongs to \
         this account"
    )
}

/// The IAM action of a call, named after MLflow's own (AWS: actions of sagemaker-mlflow).
fn action(route: &str) -> Option<String> {
    let (object, verb) = route.split_once("/mlflow/")?.1.split_once('/')?;
    let noun = match object {
        "experiments" => "Experiment",
        "runs" => "Run",
        "registered-models" => "RegisteredModel",
        "model-versions" => "ModelVersion",
        _ => "",
    };
    let name = match (object, verb) {
        ("experiments", "get-by-name") => "GetExperimentByName".to_owned(),
        ("experiments", "set-experiment-tag") => "SetExperimentTag".to_owned(),
        ("runs", "set-tag") => "SetTag".to_owned(),
        ("runs", "delete-tag") => "DeleteTag".to_owned(),
        ("runs", "log-batch") => "LogBatch".to_owned(),
        ("runs", "log-inputs") => "LogInputs".to_owned(),
        ("runs", "outputs") => "LogOutputs".to_owned(),
        ("metrics", "get-history") => "GetMetricHistory".to_owned(),
        ("artifacts", "list") => "ListArtifacts".to_owned(),
        ("registered-models", "alias") => "SetRegisteredModelAlias".to_owned(),
        ("model-versions", "transition-stage") => "TransitionModelVersionStage".to_owned(),
        (_, "set-tag") if !noun.is_empty() => format!("Set{noun}Tag"),
        (_, "search") if !noun.is_empty() => format!("Search{noun}s"),
        (_, "create" | "delete" | "get" | "restore" | "update" | "rename") if !noun.is_empty() => {
            let (first, rest) = verb.split_at(1);
            format!("{}{rest}{noun}", first.to_uppercase())
        }
        _ => return None,
    };
    Some(format!("sagemaker-mlflow:{name}"))
}

/// The hint for a host of a region that is not found or does not answer.
pub fn no_route(arn: &Arn) -> String {
    let (region, service) = match arn.resource() {
        Resource::App => (arn.region(), "mlflow"),
        Resource::TrackingServer => (arn.region(), "experiments"),
    };
    let gov = if arn.partition() == "aws-us-gov" { "; AWS may not offer it in GovCloud" } else { "" };
    format!(
        "check the region of the ARN and the network{gov}; a VPC without a way to the internet needs the interface \
         endpoints aws.sagemaker.{region}.{service} and com.amazonaws.{region}.sagemaker.api, private DNS on, and one for S3"
    )
}

/// The hint when requests go to a host other than AWS, and it does not answer, or not as MLflow.
pub fn custom_endpoint_hint(arn: &Arn) -> String {
    format!("{CUSTOM_ENDPOINT} sends requests there: correct it, or unset it to call {}", arn.endpoint())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(of: &str) -> Arn {
        Arn::parse(&format!("arn:aws:sagemaker:us-east-1:123456789012:{of}")).unwrap()
    }

    #[test]
    fn a_missing_permission_is_named_as_a_statement() {
        let server = arn("mlflow-tracking-server/s");
        let table = [
            ("/api/2.0/mlflow/experiments/search", "sagemaker-mlflow:SearchExperiments"),
            ("/api/2.0/mlflow/runs/log-batch", "sagemaker-mlflow:LogBatch"),
            ("/api/2.0/mlflow/registered-models/create", "sagemaker-mlflow:CreateRegisteredModel"),
            ("/api/2.0/mlflow/model-versions/set-tag", "sagemaker-mlflow:SetModelVersionTag"),
            ("/api/3.0/mlflow/traces", "sagemaker-mlflow:*"),
            ("/version", "sagemaker-mlflow:*"),
        ];
        for (route, action) in table {
            let error = refusal(&server, route, StatusCode::FORBIDDEN, "").unwrap();
            assert!(error.get_hint().unwrap().contains(&format!("\"Action\": \"{action}\"")), "{route}");
        }
        let app = refusal(&arn("mlflow-app/app-A"), "/version", StatusCode::FORBIDDEN, ": no").unwrap();
        assert!(app.get_hint().unwrap().contains("CallMlflowAppApi"));
        assert_eq!(app.class(), Class::Forbidden);
    }

    #[test]
    fn problems_with_credentials_are_distinguished() {
        let app = arn("mlflow-app/app-A");
        let of = |status, text| refusal(&app, "/r", status, text).map(|e| e.to_string()).unwrap_or_default();
        let forbidden = StatusCode::FORBIDDEN;
        assert!(
            of(forbidden, ": The request signature we calculated does not match")
                .contains("refuses the signature")
        );
        assert!(of(forbidden, ": Signature expired: 20200101T000000Z").contains("refuses the signature"));
        assert!(
            of(forbidden, ": The security token included in the request is expired").contains("have expired")
        );
        assert!(
            of(forbidden, ": The security token included in the request is invalid")
                .contains("does not know")
        );
        assert!(
            of(StatusCode::BAD_REQUEST, ": INVALID_PARAMETER_VALUE x").is_empty(),
            "it comes from MLflow"
        );
    }
}
