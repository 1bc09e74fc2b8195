//! Uploads to URLs that the server signs (MLflow 3.12 on, `server/handlers.py`; SageMaker's plugin since 0.3.0).

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::BoxStream;
use serde::Deserialize;
use serde_json::json;

use crate::entities::RunId;
use crate::error::{Class, Error, Result};
use crate::io::ByteSource;
use crate::io::OwnTask;
use crate::rest::http::client::is_missing;
use crate::rest::http::failure::Failure;
use crate::rest::{Call, Client};

const SIGN: &str = "/api/2.0/mlflow/artifacts/presigned-upload-url";
/// AWS: the largest file that one PutObject accepts.
const MAX_BYTES: u64 = 5 << 30;
/// The expiration that sagemaker-mlflow 0.5.0 requests, in seconds.
const EXPIRATION: u64 = 900;

/// A presigned URL. It allows anyone who has it to write one file: never shown, never logged.
#[derive(Deserialize)]
struct Signed {
    presigned_url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Client {
    /// Whether the server signs uploads: since MLflow 3.12, over S3 and other stores that support it. The request names
    /// a run that does not exist, as sagemaker-mlflow 0.5.0 does (`s3_presigned_artifact_repo.py`): a server that can
    /// sign then reports that the run does not exist. The first probe does not ask this, because only a target that
    /// accepts files in no other way needs it.
    pub async fn signs_uploads(&self) -> Result<bool> {
        let call = Call::post(SIGN, &json!({ "run_id": "probe", "path": "probe.txt" }))?;
        match self.bytes(&call).await {
            Ok(_) => Ok(true),
            Err(e) if e.class() == Class::Transient => Err(e),
            Err(e) => Ok(!is_missing(&e) || e.is_code("RESOURCE_DOES_NOT_EXIST")),
        }
    }

    /// Writes a file below a run's artifact root, in the server's own store. Each try requests a new URL.
    pub async fn upload_presigned(
        &self,
        run: &RunId,
        path: &str,
        size: u64,
        opener: &dyn ByteSource,
    ) -> Result<()> {
        if size > MAX_BYTES {
            return Err(Error::permanent(format!(
                "{path}: {size} bytes are more than one presigned upload accepts"
            ))
            .hint("allow these credentials to write to the artifact store itself: s3:PutObject"));
        }
        let body = json!({ "run_id": run, "path": path, "expiration": EXPIRATION });
        let call = Call::post(SIGN, &body)?;
        self.repeated(&call, || async {
            let (client, asked) = (self.clone(), call.clone());
            let answer = OwnTask::spawn(async move { client.bytes_once(&asked).await }).await??;
            let signed: Signed = serde_json::from_slice(&answer).map_err(Error::from)?;
            let chunks = opener.open().await?;
            let (client, call, path) = (self.clone(), call.clone(), path.to_owned());
            OwnTask::spawn(async move { client.put_presigned(&call, &signed, &path, size, chunks).await })
                .await?
        })
        .await
    }

    /// The request goes to another host than the server, so it carries no credentials of the server.
    async fn put_presigned(
        &self,
        call: &Call,
        signed: &Signed,
        path: &str,
        size: u64,
        chunks: BoxStream<'static, Result<Bytes>>,
    ) -> Result<(), Failure> {
        let mut request = self.http.put(&signed.presigned_url);
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        let status = self.put(call, request, Some(size), chunks).await?.status();
        if status.is_success() {
            return Ok(());
        }
        let class = if status.is_server_error() { Class::Transient } else { Class::Permanent };
        Err(Error::new(
            class,
            format!("{path}: the store answered {status} to the upload that the server had signed"),
        )
        .hint("the server's own role may lack s3:PutObject on its artifact store")
        .into())
    }
}
