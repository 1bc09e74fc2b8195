//! The faults that a request can have.

use std::io::Result;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::http::Message;

#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection ends before the server receives the request, or after the server has processed it.
    ResetBefore,
    ResetAfter,
    /// No data arrives for this long; then the connection ends. The server receives the request only in the second
    /// case.
    StalledBefore(Duration),
    StalledAfter(Duration),
    /// The request is processed, and the response is delayed.
    Late(Duration),
    /// The request is processed, and the response is cut in the middle.
    Truncated,
    /// The request is processed, and the response arrives in a few pieces.
    Pieces,
    /// The request is processed, and the response's length is wrong by this number of bytes.
    WrongLength(i64),
    /// A gateway compresses the response although the client did not ask for it.
    Gzip,
    /// A gateway sends this response instead, before or after the server has processed the request.
    Answer(Page),
    AnswerAfter(Page),
    /// A gateway sends this response, and the server processes the request later.
    AnswerBefore(Page, Duration),
}

#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub status: u16,
    pub headers: &'static [(&'static str, &'static str)],
    pub body: &'static str,
}

impl Page {
    pub const fn of(status: u16, body: &'static str) -> Self {
        Self { status, headers: &[], body }
    }

    fn message(&self) -> Message {
        let first_line = format!("HTTP/1.1 {} Of the gateway", self.status);
        let headers = self.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let length = ("content-length".to_owned(), self.body.len().to_string());
        Message { first_line, headers: headers.chain([length]).collect(), body: self.body.into() }
    }
}

impl Fault {
    /// Returns whether the connection stays open.
    pub async fn befall(self, client: &mut TcpStream, request: &Message, to: &str) -> Result<bool> {
        match self {
            Self::ResetBefore => reset(client),
            Self::ResetAfter => {
                ask(request, to).await?;
                reset(client)
            }
            Self::StalledBefore(time) => {
                sleep(time).await;
                Ok(false)
            }
            Self::StalledAfter(time) => {
                ask(request, to).await?;
                sleep(time).await;
                Ok(false)
            }
            Self::Late(time) => {
                let answer = ask(request, to).await?;
                sleep(time).await;
                answer.write(client).await?;
                Ok(true)
            }
            Self::Truncated => {
                let mut answer = ask(request, to).await?;
                answer.body.truncate(answer.body.len() / 2);
                answer.write(client).await?;
                Ok(false)
            }
            Self::Pieces => {
                let answer = ask(request, to).await?;
                client.write_all(&answer.head()).await?;
                for piece in answer.body.chunks(answer.body.len() / 5 + 1) {
                    sleep(Duration::from_millis(20)).await;
                    client.write_all(piece).await?;
                    client.flush().await?;
                }
                Ok(true)
            }
            Self::WrongLength(by) => {
                let answer = ask(request, to).await?;
                let length = i64::try_from(answer.body.len()).unwrap() + by;
                let answer = answer.without(&["content-length"]);
                answer.with("content-length", &length.max(0).to_string()).write(client).await?;
                Ok(false)
            }
            Self::Gzip => {
                let mut answer = ask(request, to).await?;
                if request.method() != "HEAD" && !answer.body.is_empty() {
                    answer.body = gzip(&answer.body);
                    let length = answer.body.len().to_string();
                    answer = answer.without(&["content-length"]).with("content-length", &length);
                    answer = answer.with("content-encoding", "gzip");
                }
                answer.write(client).await?;
                Ok(true)
            }
            Self::Answer(page) => {
                page.message().write(client).await?;
                Ok(true)
            }
            Self::AnswerBefore(page, time) => {
                let (request, to) = (request.clone(), to.to_owned());
                tokio::spawn(async move {
                    sleep(time).await;
                    ask(&request, &to).await
                });
                page.message().write(client).await?;
                Ok(true)
            }
            Self::AnswerAfter(page) => {
                ask(request, to).await?;
                page.message().write(client).await?;
                Ok(true)
            }
        }
    }
}

fn reset(client: &TcpStream) -> Result<bool> {
    client.set_zero_linger()?;
    Ok(false)
}

pub async fn pass_on(client: &mut TcpStream, request: &Message, to: &str) -> Result<bool> {
    ask(request, to).await?.write(client).await?;
    Ok(true)
}

/// Gets the server's response over a separate connection.
async fn ask(request: &Message, to: &str) -> Result<Message> {
    let mut server = TcpStream::connect(to).await?;
    let hops = ["host", "connection", "transfer-encoding", "content-length"];
    let length = request.body.len().to_string();
    let mut passed = request.clone().without(&hops).with("host", to).with("connection", "close");
    if !request.body.is_empty() || request.header("content-length").is_some() {
        passed = passed.with("content-length", &length);
    }
    passed.write(&mut server).await?;
    let answer = Message::read(&mut server, Some(request.method())).await?;
    let answer = answer.ok_or_else(|| std::io::Error::other("the server went away"))?;
    if request.method() == "HEAD" {
        return Ok(answer.without(&["connection", "transfer-encoding"]));
    }
    let length = answer.body.len().to_string();
    Ok(answer.without(&["connection", "transfer-encoding", "content-length"]).with("content-length", &length))
}

/// RFC 1952, with stored (uncompressed) blocks.
fn gzip(body: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks: Vec<&[u8]> = body.chunks(65_535).collect();
    for (at, block) in blocks.iter().enumerate() {
        let length = u16::try_from(block.len()).unwrap();
        out.push(u8::from(at + 1 == blocks.len()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&crc32(body).to_le_bytes());
    out.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}
