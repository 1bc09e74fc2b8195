//! The target of a redirect, and whether to follow it: only within one server, so that credentials do not leave it.

use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode};
use url::{Origin, Url};

use super::failure::ErrorResponse;
use crate::error::{Answered, Class, Code, Error};
use crate::rest::Address;

/// The most redirects that one request follows.
pub const MAX_REDIRECTS: usize = 5;

/// The address of the same resource on the same server. `None` for all other answers. A redirect that would turn a POST
/// into a GET is not followed, because that would be another request.
pub fn within(url: &Url, method: &Method, refusal: &ErrorResponse) -> Option<Url> {
    let next = location(url, refusal)?;
    let is_kept = matches!(refusal.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let same = next.origin() == url.origin() && !is_sign_in(url, &next);
    (same && (is_kept || method == Method::GET)).then_some(next)
}

/// True for an answer that requires another sign-in. This is MLflow's own 401, or the answer of a gateway: a redirect
/// to a sign-in page (Cloudflare Access, a load balancer of AWS) or a page with 403 (oauth2-proxy). MLflow's own 403 is
/// not a page.
pub fn wants_sign_in(url: &Url, refusal: &ErrorResponse) -> bool {
    let is_page = || refusal.body.trim_ascii_start().starts_with(b"<");
    match refusal.status {
        StatusCode::UNAUTHORIZED => true,
        StatusCode::FORBIDDEN => is_page(),
        _ => location(url, refusal).is_some_and(|next| is_sign_in(url, &next)),
    }
}

/// The error for a redirect that was not followed. `url` is the requested URL.
pub fn error(address: &Address, url: &Url, refusal: &ErrorResponse) -> Option<Error> {
    let next = location(url, refusal)?;
    let code = Code::Http(Answered { status: refusal.status.as_u16(), ..Answered::default() });
    let (from, to) = (host(url.origin()), host(next.origin()));
    let error = if is_sign_in(url, &next) {
        Error::new(Class::Auth, format!("{address} requires a sign-in: it redirects to the sign-in page at {}", bare(&next)))
            .hint(
                "a gateway in front of the server asks for it: give its headers with MLFERRY_SOURCE_HEADERS, or a \
                 command that gives tokens with MLFERRY_SOURCE_TOKEN_COMMAND (MLFERRY_TARGET_… for the target)",
            )
    } else if url.scheme() == "https" && next.scheme() == "http" {
        Error::permanent(format!(
            "{address} redirects from https to {}, without TLS: not followed",
            bare(&next)
        ))
        .hint("the server does not know that a proxy does TLS for it: let the proxy send X-Forwarded-Proto")
    } else {
        let base = base(url, &next, address);
        let what = match url.scheme() != next.scheme() && url.host_str() == next.host_str() {
            true => format!("{address} can only be reached over TLS: it redirects to {base}"),
            false if from == to => format!("{address} redirects to {base}"),
            false => format!("{address} redirects to another server, {base}"),
        };
        Error::permanent(what)
            .hint(format!("if you trust it, give that address: {base} (nothing was sent there yet)"))
    };
    Some(error.code(code))
}

fn location(url: &Url, refusal: &ErrorResponse) -> Option<Url> {
    if !refusal.status.is_redirection() {
        return None;
    }
    let location = refusal.headers.get(LOCATION)?.to_str().ok()?;
    url.join(location).ok().filter(|next| matches!(next.scheme(), "http" | "https"))
}

/// The address of the server behind a redirect: the redirect's target without the route.
fn base(url: &Url, next: &Url, address: &Address) -> String {
    let route = url.path().strip_prefix(address.path()).unwrap_or(url.path());
    let path = next.path().trim_end_matches('/');
    match path.strip_suffix(route.trim_end_matches('/')) {
        Some(prefix) => format!("{}{}", host(next.origin()), prefix.trim_end_matches('/')),
        None => bare(next),
    }
}

/// The URL without parts that may be secret, such as a state or a token.
fn bare(url: &Url) -> String {
    format!("{}{}", host(url.origin()), url.path())
}

fn host(origin: Origin) -> String {
    origin.unicode_serialization()
}

/// The usual names in addresses of sign-in pages: of hosts, and of parts of a path.
const HOSTS: [&str; 9] = [
    "login.",
    "accounts.",
    "auth.",
    "sso.",
    "idp.",
    "signin.",
    "okta.com",
    "cloudflareaccess.com",
    "amazoncognito.com",
];
const PATHS: [&str; 12] = [
    "login",
    "signin",
    "sign_in",
    "sign-in",
    "oauth2",
    "oauth",
    "authorize",
    "auth",
    "saml",
    "saml2",
    "sso",
    "openid-connect",
];

/// True when a redirect leads to a sign-in page. A name that the requested address already contains does not count.
fn is_sign_in(asked: &Url, next: &Url) -> bool {
    let lower = |url: &Url| {
        (url.host_str().unwrap_or_default().to_ascii_lowercase(), url.path().to_ascii_lowercase())
    };
    let ((known, asked), (host, path)) = (lower(asked), lower(next));
    let is_host = host != known
        && HOSTS.iter().any(|mark| match mark.strip_suffix('.') {
            Some(first) => host.split('.').next() == Some(first),
            None => host.ends_with(mark),
        });
    is_host
        || path.split('/').any(|part| PATHS.contains(&part) && asked.split('/').all(|known| known != part))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    const ASKED: &str = "http://ml.example/mlflow/api/2.0/mlflow/experiments/search";

    fn led(status: u16, to: &str) -> ErrorResponse {
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(to).unwrap())]);
        ErrorResponse { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::new() }
    }

    #[test]
    fn redirects_stay_on_the_server_and_keep_the_method() {
        let url = Url::parse(ASKED).unwrap();
        let follows = |method: Method, status, to: &str| within(&url, &method, &led(status, to)).is_some();
        assert!(follows(Method::GET, 302, "/mlflow/version/"));
        assert!(follows(Method::POST, 308, "http://ml.example/other"));
        assert!(!follows(Method::POST, 302, "/mlflow/version/"), "it would become a GET");
        assert!(!follows(Method::GET, 200, "/mlflow/version/"));
        for elsewhere in [
            "https://ml.example/mlflow/version",
            "http://ml.example:8080/",
            "http://other.example/",
            "//other.example/",
            "/login?next=x",
            "file:///etc/passwd",
        ] {
            assert!(!follows(Method::GET, 307, elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn the_error_for_a_redirect_names_the_address_to_use_and_no_secret() {
        let (address, _) = Address::parse("http://ml.example/mlflow").unwrap();
        let route = "/api/2.0/mlflow/experiments/search";
        for (to, class, expected) in [
            (
                format!("https://ml.example/mlflow{route}"),
                Class::Permanent,
                "reached over TLS: it redirects to https://ml.example/mlflow",
            ),
            (
                format!("https://new.example{route}?a=1"),
                Class::Permanent,
                "redirects to another server, https://new.example",
            ),
            (
                "https://new.example/start".to_owned(),
                Class::Permanent,
                "another server, https://new.example/start",
            ),
            (
                "https://team.cloudflareaccess.com/cdn-cgi/x?kid=hush".to_owned(),
                Class::Auth,
                "requires a sign-in",
            ),
            (
                "/oauth2/start?rd=hush".to_owned(),
                Class::Auth,
                "sign-in page at http://ml.example/oauth2/start",
            ),
            ("https://accounts.google.com/o?state=hush".to_owned(), Class::Auth, "requires a sign-in"),
            ("https://u:hush@idp.example/realms/a?x=hush#hush".to_owned(), Class::Auth, "requires a sign-in"),
        ] {
            let url = Url::parse(ASKED).unwrap();
            let error = error(&address, &url, &led(302, &to)).unwrap();
            let text = format!("{error} {}", error.get_hint().unwrap());
            assert_eq!(error.class(), class, "{to}: {text}");
            assert!(text.contains(expected), "{to}: {text}");
            assert!(!text.contains("hush"), "{text}");
        }
        let (address, _) = Address::parse("https://ml.example").unwrap();
        let url = Url::parse("https://ml.example/version").unwrap();
        let error = error(&address, &url, &led(301, "http://ml.example/version/")).unwrap();
        assert!(error.to_string().contains("without TLS: not followed"), "{error}");
    }

    #[test]
    fn a_page_with_403_comes_from_a_gateway() {
        let url = Url::parse(ASKED).unwrap();
        let with = |status, body: &'static str| ErrorResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        };
        assert!(wants_sign_in(&url, &with(401, "")));
        assert!(wants_sign_in(&url, &with(403, "\n<!DOCTYPE html>")));
        assert!(!wants_sign_in(&url, &with(403, "Permission denied")));
        assert!(!wants_sign_in(&url, &with(404, "<html>")));
        assert!(wants_sign_in(&url, &led(302, "https://login.example/x")));
        assert!(!wants_sign_in(&url, &led(302, "https://other.example/x")));
    }

    proptest::proptest! {
        #[test]
        fn nothing_leads_to_another_server(
            parts in proptest::collection::vec("(https?:|//|/|\\\\|@|ml\\.example|other|:80|:443|\\.\\.|\\?|#|%2f|[!-~]{0,3})", 0..8),
            status in proptest::sample::select(vec![301_u16, 302, 303, 307, 308]),
        ) {
            let url = Url::parse(ASKED).unwrap();
            let to = parts.concat();
            let refusal = led(status, &to);
            for method in [Method::GET, Method::POST] {
                if let Some(next) = within(&url, &method, &refusal) {
                    proptest::prop_assert_eq!(next.origin(), url.origin());
                }
            }
            let (address, _) = Address::parse("http://ml.example/mlflow").unwrap();
            let _ = error(&address, &url, &refusal);
        }
    }
}
