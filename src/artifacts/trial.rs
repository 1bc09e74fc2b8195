//! Whether an artifact store in S3 can be used: tried with one small object and one upload in parts, both taken away
//! again. What files themselves are written with is elsewhere.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;

use crate::aws::{Asked, Session, failure};
use crate::error::{Class, Error, Result};

const CONTENT: &[u8] = b"written by mlferry to see whether it may; it can be deleted\n";

/// A bucket, and a client for its region.
pub struct Bucket {
    client: Client,
    name: String,
    /// None when S3 did not tell.
    region: Option<String>,
}

/// One thing that was tried.
pub struct Trial {
    pub what: &'static str,
    /// What IAM calls it.
    pub action: &'static str,
    pub result: Result<()>,
}

impl Bucket {
    /// Looks for the bucket in a region; S3 tells in which one it is, also to those whom it refuses.
    ///
    /// # Errors
    /// When there is none, or S3 cannot be reached.
    pub async fn find(session: &Session, name: &str, expected: &str) -> Result<Self> {
        let here = client(session, expected);
        let answer = here.head_bucket().bucket(name).send().await;
        let region = match &answer {
            Ok(told) => told.bucket_region().map(str::to_owned),
            Err(SdkError::ServiceError(said)) if said.raw().status().as_u16() == 404 => {
                return Err(Error::new(Class::NotFound, format!("there is no bucket {name}")).hint(
                    "it was deleted: make it anew under the same name, or create an App with another one",
                ));
            }
            Err(SdkError::ServiceError(said)) => {
                said.raw().headers().get("x-amz-bucket-region").map(str::to_owned)
            }
            Err(error) => return Err(failure(asked("s3:ListBucket", name, expected), error)),
        };
        let client = client(session, region.as_deref().unwrap_or(expected));
        Ok(Self { client, name: name.to_owned(), region })
    }

    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Whether what lies below the prefix can be listed.
    pub async fn look(&self, prefix: &str) -> Result<()> {
        let list = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).max_keys(1);
        self.done("s3:ListBucket", list.send().await)
    }

    /// Writes, reads and deletes an object under this key, and begins and aborts an upload to it. What depends on a
    /// step that failed is not tried.
    pub async fn trials(&self, key: &str) -> Vec<Trial> {
        let mut trials = Vec::new();
        let mut tried = |what, action, result: Result<()>| {
            let is_done = result.is_ok();
            trials.push(Trial { what, action, result });
            is_done
        };
        let (client, name) = (&self.client, self.name.as_str());
        let put =
            client.put_object().bucket(name).key(key).body(ByteStream::from_static(CONTENT)).send().await;
        if tried("put object", "s3:PutObject", self.done("s3:PutObject", put)) {
            tried("get object", "s3:GetObject", self.read(key).await);
            let delete = client.delete_object().bucket(name).key(key).send().await;
            let deleted = self.done("s3:DeleteObject", delete);
            let deleted = deleted.map_err(|error| error.at(format!("s3://{name}/{key} stays behind")));
            tried("delete object", "s3:DeleteObject", deleted);
        }
        let begun = client.create_multipart_upload().bucket(name).key(key).send().await;
        let id = begun.as_ref().ok().and_then(|begun| begun.upload_id()).map(str::to_owned);
        if tried("multipart upload", "s3:PutObject", self.done("s3:PutObject", begun))
            && let Some(id) = id
        {
            let abort = client.abort_multipart_upload().bucket(name).key(key).upload_id(id).send().await;
            tried("abort upload", "s3:AbortMultipartUpload", self.done("s3:AbortMultipartUpload", abort));
        }
        trials
    }

    async fn read(&self, key: &str) -> Result<()> {
        let got = self.client.get_object().bucket(&self.name).key(key).send().await;
        let got = got.map_err(|error| failure(self.asked("s3:GetObject"), &error))?;
        let bytes = got.body.collect().await.map_err(|e| Error::transient(e.to_string()))?.into_bytes();
        match bytes == CONTENT {
            true => Ok(()),
            false => Err(Error::permanent(format!(
                "s3://{}/{key} was read otherwise than it was written",
                self.name
            ))),
        }
    }

    fn done<T, E>(&self, action: &'static str, answer: Result<T, SdkError<E>>) -> Result<()>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        answer.map(drop).map_err(|error| failure(self.asked(action), &error))
    }

    fn asked(&self, action: &'static str) -> Asked<'_> {
        asked(action, &self.name, self.region.as_deref().unwrap_or("its region"))
    }
}

fn asked<'a>(action: &'static str, of: &'a str, region: &'a str) -> Asked<'a> {
    Asked { action, of, region }
}

/// Names of buckets are no host names anywhere but at AWS.
fn client(session: &Session, region: &str) -> Client {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let config = Builder::from(session.sdk()).region(Region::new(region.to_owned()));
    let config = match get("MLFLOW_S3_ENDPOINT_URL") {
        Some(url) => config.endpoint_url(url).force_path_style(true),
        None => config.force_path_style(
            ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].into_iter().any(|n| get(n).is_some()),
        ),
    };
    Client::from_conf(config.build())
}
