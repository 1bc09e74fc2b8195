//! Uploads to addresses that the server signs (MLflow 3.12 on, `server/handlers.py`; SageMaker's plugin since 0.3.0).

use std::collections::BTreeMap;

use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;

use super::client::is_missing;
use super::failure::{self, Failure};
use super::{Call, Client, Opener, Repeat};
use crate::entities::RunId;
use crate::error::{Class, Error, Result};

const SIGN: &str = "/api/2.0/mlflow/artifacts/presigned-upload-url";
/// AWS: the most that one PutObject takes.
const MOST_BYTES: u64 = 5 << 30;
/// What sagemaker-mlflow 0.5.0 asks for, in seconds.
const EXPIRATION: u64 = 900;

/// An address that lets whoever knows it write one file: never shown, never logged.
#[derive(Deserialize)]
struct Signed {
    presigned_url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Client {
    /// Whether the server signs uploads: since MLflow 3.12, over S3 and other stores that can. Asked for a file of no run, as
    /// sagemaker-mlflow 0.5.0 does (`s3_presigned_artifact_repo.py`): a server that would sign says that there is no such
    /// run. Not part of the first look at a server, because only a target that takes no files otherwise needs it.
    pub async fn signs_uploads(&self) -> Result<bool> {
        let call = Call::post(SIGN, &json!({ "run_id": "probe", "path": "probe.txt" }))?;
        match self.bytes(&call).await {
            Ok(_) => Ok(true),
            Err(e) if e.class() == Class::Transient => Err(e),
            Err(e) => Ok(!is_missing(&e) || e.is_code("RESOURCE_DOES_NOT_EXIST")),
        }
    }

    /// Writes a file below a run's artifact root, in the store that the server keeps it in. The address is asked for
    /// anew at each try.
    pub async fn upload_presigned(
        &self,
        run: &RunId,
        path: &str,
        size: u64,
        opener: &dyn Opener,
    ) -> Result<()> {
        if size > MOST_BYTES {
            return Err(Error::permanent(format!(
                "{path}: {size} bytes are more than one presigned upload takes"
            ))
            .hint("allow these credentials to write to the artifact store itself: s3:PutObject"));
        }
        let body = json!({ "run_id": run, "path": path, "expiration": EXPIRATION });
        let call = Call::post(SIGN, &body)?;
        self.repeated(&call, || async {
            let answer = self.send(&call, None).await?.bytes().await;
            let answer = answer.map_err(|e| failure::transport(self.address(), &e, Repeat::Safe))?;
            let signed: Signed = serde_json::from_slice(&answer).map_err(Error::from)?;
            self.put_presigned(&signed, path, size, opener).await
        })
        .await
    }

    async fn put_presigned(
        &self,
        signed: &Signed,
        path: &str,
        size: u64,
        opener: &dyn Opener,
    ) -> Result<(), Failure> {
        self.meter().request();
        let meter = self.meter().clone();
        let chunks = opener.open().await?.inspect(move |chunk| {
            chunk.iter().for_each(|bytes| meter.moved(bytes.len()));
        });
        let mut request = self.plain_upload(&signed.presigned_url).header("content-length", size);
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        let sent = request.body(reqwest::Body::wrap_stream(chunks)).send().await;
        let response =
            sent.map_err(|e| failure::transport(self.address(), &e.without_url(), Repeat::Safe))?;
        let status = response.status();
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
