use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};

use super::failure;
use super::failure::ErrorResponse;
use super::send::unsendable;
use crate::error::Result;
use crate::limits;
use crate::rest::{Call, Client};

/// Any answer of a server.
pub struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    pub body: Bytes,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// True for an error of MLflow itself, which has a code.
    pub(in crate::rest) fn is_mlflow(&self) -> bool {
        failure::names_error(&self.body)
    }
}

impl Client {
    /// Sends a call once and returns its answer: a refusal is also an answer.
    pub async fn ask_once(&self, call: &Call) -> Result<Answer> {
        let request = match self.signer() {
            Some(signer) => self.signed(call, None, signer).await?.0,
            None => {
                let (headers, _) = self.sign_in.headers().await?;
                self.request(call).headers(headers).build().map_err(unsendable)?
            }
        };
        match self.execute(call, request).await.map_err(|failure| failure.error)? {
            Ok(reply) => {
                let (status, content_type) =
                    (reply.response.status().as_u16(), content_type(reply.response.headers()));
                let body =
                    reply.whole(limits::MAX_INTERACTIVE_BYTES).await.map_err(|failure| failure.error)?;
                Ok(Answer { status, content_type, body })
            }
            Err(ErrorResponse { status, headers, body }) => {
                Ok(Answer { status: status.as_u16(), content_type: content_type(&headers), body })
            }
        }
    }
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    headers.get(CONTENT_TYPE)?.to_str().ok().map(str::to_owned)
}
