//! Listings of Google's and Azure's stores with any names. The `object_store` crate (0.14, `path/mod.rs`) fails for a
//! whole listing at the first name with an empty part, a part `.` or `..` or a control character. It also treats a
//! folder marker (`a/`) as a file. So such names are packed before the crate reads an answer, and are unpacked after
//! that.

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::path::Path;
use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};
use crate::limits;
use crate::tls::{Trust, client_config};

/// The prefix of a packed name. It is a character of the private use area: no name below a root begins with it.
const PACKED: char = '\u{e000}';
/// The elements that hold names: S3's format of a listing, which Google uses too, and Azure's.
const ELEMENTS: [&str; 2] = ["Key", "Name"];

/// Connects with the crate's own client, or with a client that trusts the certificates named in the environment.
#[derive(Debug)]
pub struct AnyName(Option<reqwest::Client>);

impl AnyName {
    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage) when the named certificates cannot be read.
    pub fn of_environment() -> Result<Self> {
        let trust = Trust::of_environment(&[], |name| std::env::var(name).ok());
        if trust.is_of_system_alone() {
            return Ok(Self(None));
        }
        let client = reqwest::Client::builder()
            .connect_timeout(limits::CONNECT_TIMEOUT)
            .read_timeout(limits::STORE_READ_TIMEOUT)
            .tls_backend_preconfigured(client_config(&trust, false, None)?)
            .build();
        let client = client.map_err(|e| Error::permanent(format!("the HTTP client cannot start: {e}")))?;
        Ok(Self(Some(client)))
    }
}

impl HttpConnector for AnyName {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = match &self.0 {
            Some(client) => HttpClient::new(client.clone()),
            None => ReqwestConnector::default().connect(options)?,
        };
        Ok(HttpClient::new(Packing(client)))
    }
}

#[derive(Debug)]
struct Packing(HttpClient);

#[async_trait]
impl HttpService for Packing {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let is_listing = query.split('&').any(|pair| matches!(pair, "list-type=2" | "comp=list"));
        let response = self.0.execute(request).await?;
        if !is_listing || !response.status().is_success() {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let body = body.bytes().await?;
        let body = match std::str::from_utf8(&body) {
            Ok(text) => packed(text).into_bytes().into(),
            Err(_) => body,
        };
        parts.headers.remove("content-length");
        Ok(HttpResponse::from_parts(parts, body.into()))
    }
}

/// The listing, with all names packed that the crate would change or refuse.
fn packed(xml: &str) -> String {
    let mut packed = String::with_capacity(xml.len());
    let mut rest = xml;
    while let Some((before, tag, element, name, after)) = next_name(rest) {
        packed.push_str(before);
        let plain = unescaped(name);
        let plain = if tag.contains("Encoded=\"true\"") {
            percent_decode_str(&plain).decode_utf8_lossy().into()
        } else {
            plain
        };
        match Path::parse(&plain).is_ok_and(|path| path.as_ref() == plain) && !tag.contains(' ') {
            true => packed.push_str(&format!("{tag}{name}</{element}>")),
            false => packed.push_str(&format!("<{element}>{PACKED}{}</{element}>", hex::encode(plain))),
        }
        rest = after;
    }
    packed.push_str(rest);
    packed
}

/// The next element that holds a name: the text before it, its opening tag, its element name, the name, and the text
/// after it.
fn next_name(xml: &str) -> Option<(&str, &str, &'static str, &str, &str)> {
    let begins = |element: &&'static str| {
        let found = xml
            .match_indices(&format!("<{element}"))
            .find(|(at, begin)| xml[at + begin.len()..].starts_with(['>', ' ']));
        Some((found?.0, *element))
    };
    let (at, element) = ELEMENTS.iter().filter_map(begins).min()?;
    let inner = at + xml[at..].find('>')? + 1;
    let end = inner + xml[inner..].find(&format!("</{element}>"))?;
    Some((&xml[..at], &xml[at..inner], element, &xml[inner..end], &xml[end + element.len() + 3..]))
}

/// Decodes XML's five entities, and numeric character references.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split('&');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (entity, rest) = part.split_once(';').unwrap_or(("", part));
        let by_number = |digits: &str| match digits.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        };
        let meant = match entity {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => entity.strip_prefix('#').and_then(by_number).and_then(char::from_u32),
        };
        match meant {
            Some(meant) => plain.push(meant),
            None => plain.push_str(&format!("&{entity};")),
        }
        plain.push_str(rest);
    }
    plain
}

/// The name of an object in its store.
pub fn name_of(location: &Path) -> String {
    let unpacked = location.as_ref().strip_prefix(PACKED).and_then(|name| hex::decode(name).ok());
    unpacked.and_then(|name| String::from_utf8(name).ok()).unwrap_or_else(|| location.as_ref().to_owned())
}

/// The path for a request of an object with this name. `None` when the crate would change the name.
pub fn location_of(name: &str) -> Option<Path> {
    Path::parse(name).ok().filter(|path| path.as_ref() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_passes_through_the_crate() {
        let names = [
            ("r/a.txt", "r/a.txt"),
            ("r/a//b", "r/a//b"),
            ("r/./b", "r/./b"),
            ("r/../b", "r/../b"),
            ("r/folder/", "r/folder/"),
            ("/r/x", "/r/x"),
            ("r/a&amp;b&lt;&#x17;&#10;", "r/a&b<\u{17}\n"),
            ("r/100%25 é", "r/100%25 é"),
        ];
        let keys: String =
            names.map(|(key, _)| format!("<Contents><Key>{key}</Key><Size>0</Size></Contents>")).concat();
        let xml = packed(&format!("<ListBucketResult><Name>bucket</Name>{keys}</ListBucketResult>"));
        let mut found = Vec::new();
        let mut rest = xml.as_str();
        while let Some((_, _, element, name, after)) = next_name(rest) {
            let location = Path::parse(unescaped(name)).unwrap();
            if element == "Key" {
                found.push(name_of(&location));
            }
            rest = after;
        }
        assert_eq!(found, names.map(|(_, name)| name));
        assert!(xml.contains("<Size>0</Size>") && xml.ends_with("</ListBucketResult>"));
    }

    #[test]
    fn azure_encodes_characters_that_xml_cannot_contain() {
        let xml = packed("<Blob><Name Encoded=\"true\">r/a%EF%BF%BF</Name><Properties/></Blob>");
        let (_, tag, _, name, _) = next_name(&xml).unwrap();
        assert_eq!((tag, name_of(&Path::parse(name).unwrap()).as_str()), ("<Name>", "r/a\u{ffff}"));
    }
}
