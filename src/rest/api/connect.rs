use super::probe::{Probe, probe};
use crate::error::Result;
use crate::rest::{Access, Address, Call, Client, Version};

/// From this release on, the prefix applies to all routes.
const PREFIX_ON_ALL_ROUTES: Version = Version::new(3, 12, 0);

/// The prefix that documentation and charts use.
const USUAL_PREFIX: &str = "/mlflow";

/// Opens a server, with or without `--static-prefix`. Before MLflow 3.12 the prefix applies to `/ajax-api`, `/version`
/// and `/get-artifact`, but not to `/api` (`server/handlers.py`, `_get_rest_path`). Every route below `/api` also
/// exists below `/ajax-api` (`_get_paths`). So all routes are reachable below the prefix, and only some without it.
pub async fn connect(address: Address, access: Access) -> Result<(Client, Probe)> {
    let client = Client::new(address, access.clone())?;
    let found = probe(&client).await;
    let Some(other) = other_address(&client, &found).await else {
        return Ok((client, found?));
    };
    let other = Client::new(other, access)?;
    match (probe(&other).await, found) {
        (Ok(probe), _) => Ok((other, probe)),
        (Err(_), found) => Ok((client, found?)),
    }
}

/// Another address that may reach the same server.
async fn other_address(client: &Client, found: &Result<Probe>) -> Option<Address> {
    let address = client.address();
    match found {
        Err(error) if !error.is_about_object() => return None,
        Ok(Probe { version: Some(_), .. }) => return None,
        Err(_) if address.below_prefix().is_some() => return address.below_prefix(),
        Err(_) | Ok(_) => {}
    }
    let below = address.with_prefix(USUAL_PREFIX)?;
    let version = Call::get("/mlflow/version").question();
    let body = client.bytes(&version).await.ok()?;
    // If the route does not exist, a web page may answer for any path.
    let version = Version::parse(&String::from_utf8_lossy(&body))?;
    if version < PREFIX_ON_ALL_ROUTES { below.below_prefix() } else { Some(below) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wiremock::matchers::{any, path, path_regex};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    /// MLflow with `--static-prefix PREFIX`; `bare` means that `/api` is reachable without the prefix.
    async fn server(release: &str, prefix: &str, bare: bool) -> MockServer {
        let server = MockServer::start().await;
        let fine = || ResponseTemplate::new(200).set_body_json(json!({}));
        let version = ResponseTemplate::new(200).set_body_string(release);
        Mock::given(path(format!("{prefix}/version"))).respond_with(version).mount(&server).await;
        Mock::given(path_regex(format!("^{prefix}/ajax-api/"))).respond_with(fine()).mount(&server).await;
        if release == "3.12.0" {
            Mock::given(path_regex(format!("^{prefix}/api/"))).respond_with(fine()).mount(&server).await;
        }
        if bare {
            Mock::given(path_regex("^/api/")).respond_with(fine()).mount(&server).await;
        }
        Mock::given(any()).respond_with(ResponseTemplate::new(404)).mount(&server).await;
        server
    }

    async fn open(url: String) -> Result<(Client, Probe)> {
        connect(Address::parse(&url)?.0, Access::default()).await
    }

    #[tokio::test]
    async fn a_prefix_is_found_in_either_spelling() {
        let table = [
            ("3.10.1", "/mlflow", "/mlflow", false),
            ("3.10.1", "/mlflow", "", true),
            ("3.10.1", "/ml/team", "/ml/team/", true),
            ("3.12.0", "/mlflow", "/mlflow", false),
            ("3.12.0", "/mlflow", "", false),
        ];
        for (release, prefix, spelled, bare) in table {
            let server = server(release, prefix, bare).await;
            let (client, probe) = open(format!("{}{spelled}", server.uri())).await.unwrap();
            assert_eq!(probe.version, Version::parse(release), "{prefix} {spelled}");
            assert!(probe.refused.is_empty(), "{:?}", probe.refused);
            assert!(probe.capabilities.logged_models && probe.capabilities.artifact_proxy);
            assert_eq!(client.address().to_string(), format!("{}{prefix}", server.uri()));
            let runs = Call::get("/api/2.0/mlflow/runs/get").question();
            assert!(client.json::<Value>(&runs).await.is_ok(), "{prefix} {spelled}");
        }
    }

    #[tokio::test]
    async fn a_page_that_is_not_a_server_is_not_one_below_a_prefix() {
        let server = server("3.10.1", "/mlflow", false).await;
        let error = open(format!("{}/elsewhere", server.uri())).await.map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("/elsewhere answers, but not as"), "{error}");
    }
}
