use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::credentials::says_ended;
use super::{Arn, ControlPlane, Session};
use crate::error::{Error, Result};

/// Signs requests, with the hash of the body in a header. Each try is signed again. Requests to managed MLflow are
/// signed as in the official plugin (sagemaker-mlflow 0.5.0, `auth.py`), requests to API Gateway in front of a server
/// as in MLflow with `MLFLOW_TRACKING_AWS_SIGV4` (`utils/rest_utils.py`).
pub struct Signer {
    /// The session for the control plane.
    session: Session,
    /// The session that signs calls to MLflow: the same session, or the assumed role.
    caller: Session,
    scope: Scope,
    /// How many seconds the clock of AWS is ahead of local_time.
    ahead: AtomicI64,
}

/// The target of the signatures.
enum Scope {
    /// The region and the service of the ARN, which is sent in a header.
    Managed(Arn),
    Gateway {
        region: String,
    },
}

impl Scope {
    fn region(&self) -> &str {
        match self {
            Self::Managed(arn) => arn.region(),
            Self::Gateway { region } => region,
        }
    }

    fn service(&self) -> &str {
        match self {
            Self::Managed(arn) => arn.signing_name(),
            Self::Gateway { .. } => "execute-api",
        }
    }

    fn header(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Managed(arn) => Some((arn.header_name(), arn.to_string())),
            Self::Gateway { .. } => None,
        }
    }
}

/// A request exactly as it is sent, with the same URL and body.
pub struct Unsigned<'a> {
    pub method: &'a str,
    /// Encoded, with `%20` for a space: a `+` would be signed as a space and sent as a plus.
    pub url: &'a str,
    /// The headers to sign. The headers that the HTTP client adds are not signed.
    pub headers: &'a [(&'static str, String)],
    pub body: &'a [u8],
}

/// The headers that a signature adds to a request.
pub struct Signature {
    /// They must not appear in a log.
    pub headers: Vec<(String, String)>,
    got: Instant,
}

/// The parts of a refusal that show whether a new signature would succeed.
pub struct Refusal<'a> {
    pub body: &'a str,
    /// The server's clock: its `Date` header.
    pub date: Option<&'a str>,
}

/// AWS rejects a signature as stale when the clocks differ by more than 5 minutes. This is that time, minus the time
/// that a request may take.
const MAX_SKEW_SECONDS: u64 = 240;

impl Signer {
    pub fn new(session: Session, caller: Session, arn: Arn) -> Self {
        Self { session, caller, scope: Scope::Managed(arn), ahead: AtomicI64::new(0) }
    }

    /// Signs for API Gateway at a host. The region is that of the session, otherwise the one in
    /// `ID.execute-api.REGION.amazonaws.com`.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage) when there is no region.
    pub fn for_gateway(session: Session, host: &str) -> Result<Self> {
        let of_host = || host.split_once(".execute-api.")?.1.split('.').next().map(str::to_owned);
        let region = session.region().map(str::to_owned).or_else(of_host).ok_or_else(|| {
            Error::usage("no AWS region to sign requests for").hint("set AWS_REGION, or one in the profile")
        })?;
        let caller = session.clone();
        Ok(Self { session, caller, scope: Scope::Gateway { region }, ahead: AtomicI64::new(0) })
    }

    /// The ARN of managed MLflow. `None` for a gateway.
    pub fn arn(&self) -> Option<&Arn> {
        match &self.scope {
            Scope::Managed(arn) => Some(arn),
            Scope::Gateway { .. } => None,
        }
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The MLflow version that the control plane reports. `None` when these credentials have no permission to ask.
    pub async fn mlflow_version(&self) -> Option<String> {
        let arn = self.arn()?;
        let described = ControlPlane::new(&self.session, arn.region()).describe(arn).await;
        described
            .inspect_err(|e| tracing::warn!("the version of {arn} is not known: {e}"))
            .ok()?
            .listed
            .mlflow_version
    }

    /// # Errors
    /// [`Class::Auth`](crate::error::Class::Auth) when there are no credentials, and this does not wait for new ones.
    pub async fn sign(&self, request: &Unsigned<'_>) -> Result<Signature> {
        let got = Instant::now();
        let credentials = self.caller.credentials().await?;
        let headers = headers(&self.scope, credentials, request, self.now())?;
        Ok(Signature { headers, got })
    }

    /// Returns true when the cause of a refusal is removed, so that the same request with a new signature may succeed:
    /// the clock is corrected, or the expired credentials are discarded.
    pub async fn repair(&self, refusal: &Refusal<'_>, signature: &Signature) -> bool {
        if says_ended(refusal.body) && !refusal.body.contains("Signature expired") {
            self.caller.refused(signature.got).await;
            return true;
        }
        let Some(server_time) = refusal.date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok())
        else {
            return false;
        };
        let local_time = DateTime::from(SystemTime::now());
        let ahead = server_time.secs() - local_time.secs();
        let is_new = ahead.abs_diff(self.ahead.load(Relaxed)) > MAX_SKEW_SECONDS;
        if is_new {
            tracing::warn!(
                "this machine's clock is {} s off the time of AWS: signatures are corrected",
                -ahead
            );
            self.ahead.store(ahead, Relaxed);
        }
        is_new
    }

    fn now(&self) -> SystemTime {
        let (now, ahead) = (SystemTime::now(), self.ahead.load(Relaxed));
        let apart = Duration::from_secs(ahead.unsigned_abs());
        if ahead < 0 { now - apart } else { now + apart }
    }
}

/// The header with the ARN, and the headers of the signature.
fn headers(
    scope: &Scope,
    credentials: Credentials,
    request: &Unsigned<'_>,
    now: SystemTime,
) -> Result<Vec<(String, String)>> {
    let cannot = |e: &dyn std::error::Error| Error::permanent(format!("the request cannot be signed: {e}"));
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region())
        .name(scope.service())
        .time(now)
        .settings(settings)
        .build()
        .map_err(|e| cannot(&e))?
        .into();
    let arn_header = scope.header();
    let signed = request.headers.iter().chain(&arn_header).map(|(name, value)| (*name, value.as_str()));
    let body = SignableBody::Bytes(request.body);
    let signable = SignableRequest::new(request.method, request.url, signed, body).map_err(|e| cannot(&e))?;
    let (instructions, _) = sign(signable, &params).map_err(|e| cannot(&e))?.into_parts();
    let made = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let arn_header = arn_header.map(|(name, value)| (name.to_owned(), value));
    Ok(made.chain(arn_header).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signatures of botocore 1.44.5 for the same requests (`SigV4Auth`, which the official plugin signs with).
    #[test]
    fn signatures_are_those_of_the_official_client() {
        let app = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-ABCDEFGHIJKL";
        let server = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/my-server";
        let json = ("content-type", "application/json".to_owned());
        let workspace = ("x-mlflow-workspace", "team a".to_owned());
        let by_name = "https://mlflow.sagemaker.us-east-1.app.aws/api/2.0/mlflow/experiments/get-by-name?experiment_name=exp%20a%2Bb%2Fc%20%2520%20%C3%A9";
        let tag = "http://127.0.0.1:27600/api/3.0/mlflow/traces/tr-1/tags/a%20b/c%25d?z=1&a=2&a=1";
        let create = "https://eu-west-1.experiments.sagemaker.aws/api/2.0/mlflow/runs/create";
        let delete = "https://eu-west-1.experiments.sagemaker.aws/api/2.0/mlflow/registered-models/delete";
        let table: [(_, _, _, &[_], _, _, _); 4] = [
            (
                app,
                "GET",
                by_name,
                &[],
                "",
                true,
                "a4cd5bc15da1437c11ef611c8e109ac3e214fac483787f356e80b3fa2504844a",
            ),
            (
                app,
                "GET",
                tag,
                &[],
                "",
                true,
                "b24816f684ec5087ff9d17c0dc38d0ed74aa1548c7851ea83724c74f24e2d761",
            ),
            (
                server,
                "POST",
                create,
                &[json.clone(), workspace],
                r#"{"run_name":"é"}"#,
                false,
                "b5d1f1cecf936b3b32ec527570640cb696b9849b2c7b27aaba2e0090503d42af",
            ),
            (
                server,
                "DELETE",
                delete,
                &[json],
                r#"{"name":"m"}"#,
                true,
                "bcf029b325bfac7bf3fc52d3a17251e440b3bb0e44f001478550ba6371adb6ab",
            ),
        ];
        // 2026-05-24T08:00:00Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_779_609_600);
        for (arn, method, url, more, body, temporary, signature) in table {
            let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
            let token = temporary.then(|| "tok".to_owned());
            let credentials = Credentials::new("AKIDEXAMPLE", secret, token, None, "test");
            let unsigned = Unsigned { method, url, headers: more, body: body.as_bytes() };
            let headers =
                headers(&Scope::Managed(Arn::parse(arn).unwrap()), credentials, &unsigned, now).unwrap();
            let (_, authorization) = headers.iter().find(|(name, _)| name == "authorization").unwrap();
            assert!(
                authorization.ends_with(&format!("Signature={signature}")),
                "{method} {url}: {authorization}"
            );
        }
    }

    /// Computed by hand from the description of Signature Version 4 (hashlib and hmac of Python).
    #[test]
    fn requests_to_a_gateway_are_signed() {
        let credentials =
            Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None, None, "test");
        let unsigned = Unsigned {
            method: "POST",
            url: "https://abc.execute-api.eu-west-1.amazonaws.com/prod/api/2.0/mlflow/experiments/search",
            headers: &[("content-type", "application/json".to_owned())],
            body: br#"{"max_results":1}"#,
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_779_609_600);
        let scope = Scope::Gateway { region: "eu-west-1".to_owned() };
        let headers = headers(&scope, credentials, &unsigned, now).unwrap();
        let (_, authorization) = headers.iter().find(|(name, _)| name == "authorization").unwrap();
        assert!(authorization.contains("/20260524/eu-west-1/execute-api/aws4_request"), "{authorization}");
        assert!(
            authorization
                .ends_with("Signature=670af06e54fe76d5a3fa3448bb305e5a6e801bbb588d4c548ddef0d2ccb8f88f"),
            "{authorization}"
        );
    }
}
