//! One HTTP/1.1 message, which is read completely.

use std::io::{Error, Result};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Clone, Debug)]
pub struct Message {
    /// `GET /path HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub first_line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    /// Returns `None` at the end of the connection. `method` is the method of the request that this message answers.
    pub async fn read(stream: &mut TcpStream, method: Option<&str>) -> Result<Option<Self>> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) if head.is_empty() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let text = String::from_utf8(head).map_err(Error::other)?;
        let mut lines = text.lines();
        let first_line = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut message = Self { first_line, headers, body: Vec::new() };
        message.read_body(stream, method).await?;
        Ok(Some(message))
    }

    async fn read_body(&mut self, stream: &mut TcpStream, method: Option<&str>) -> Result<()> {
        let status = self.status();
        if method == Some("HEAD") || status == "204" || status == "304" {
            return Ok(());
        }
        if self.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            return self.read_chunks(stream).await;
        }
        match self.header("content-length").map(|length| length.parse::<usize>().map_err(Error::other)) {
            Some(length) => {
                self.body = vec![0; length?];
                stream.read_exact(&mut self.body).await?;
            }
            // A response without a length ends with its connection. A request without a length has no body.
            None if method.is_some() => _ = stream.read_to_end(&mut self.body).await?,
            None => {}
        }
        Ok(())
    }

    async fn read_chunks(&mut self, stream: &mut TcpStream) -> Result<()> {
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(stream.read_u8().await?);
            }
            let text = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(text.split(';').next().unwrap_or_default().trim(), 16)
                .map_err(Error::other)?;
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk).await?;
            self.body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Ok(());
            }
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn method(&self) -> &str {
        self.first_line.split(' ').next().unwrap_or_default()
    }

    /// The path of a request, with its query.
    pub fn path(&self) -> &str {
        self.first_line.split(' ').nth(1).unwrap_or_default()
    }

    fn status(&self) -> &str {
        if self.first_line.starts_with("HTTP/") { self.path() } else { "" }
    }

    pub fn without(mut self, names: &[&str]) -> Self {
        self.headers.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn head(&self) -> Vec<u8> {
        let headers: String =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{}\r\n{headers}\r\n", self.first_line).into_bytes()
    }

    pub async fn write(&self, stream: &mut TcpStream) -> Result<()> {
        stream.write_all(&self.head()).await?;
        stream.write_all(&self.body).await?;
        stream.flush().await
    }
}
