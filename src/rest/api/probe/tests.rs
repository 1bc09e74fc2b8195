use std::sync::Arc;

use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::rest::{Access, Address};

const LOGGED: &str = "/api/2.0/mlflow/logged-models/search";
const MODELS: &str = "/api/2.0/mlflow/registered-models/search";
const PROXY: &str = "/api/2.0/mlflow-artifacts/artifacts";
/// MLflow 3.10 over files.
const FEATURE: &str =
    r#"{"error_code": "FEATURE_DISABLED", "message": "search_datasets is not supported with FileStore."}"#;
/// MLflow 1.30 over files.
const NO_REGISTRY: &str = r#"{"error_code": "INVALID_PARAMETER_VALUE", "message": " Model registry functionality is unavailable; got unsupported URI '/mlruns' for model registry data storage."}"#;
/// A route that MLflow does not have.
const NO_ROUTE: &str = "<!doctype html><title>404 Not Found</title>";
const REFUSED: &str = r#"{"error_code": "INTERNAL_ERROR", "message": "could not connect to server"}"#;

/// A server of this version that gives these answers for these routes, and an empty object for all others.
async fn look(version: &str, answers: &[(&str, u16, &str)]) -> Result<Probe> {
    let server = MockServer::start().await;
    for (route, status, body) in answers {
        let answer = ResponseTemplate::new(*status).set_body_string(*body);
        Mock::given(path(*route)).respond_with(answer).mount(&server).await;
    }
    let version_answer =
        ResponseTemplate::new(if version.is_empty() { 404 } else { 200 }).set_body_string(version);
    Mock::given(path("/version")).respond_with(version_answer).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("{}")).mount(&server).await;
    let (address, _) = Address::parse(&server.uri()).unwrap();
    let client = Arc::new(crate::rest::Client::new(address, Access::default()).unwrap());
    probe(&client).await
}

fn refused(probe: &Probe) -> Vec<&'static str> {
    probe.refused.iter().map(|refused| refused.what).collect()
}

#[tokio::test]
async fn a_refused_feature_may_exist() {
    // A proxy that refuses everything, a plugin that allows nothing, a registry without its database.
    for (status, body) in [(403, ""), (400, "{}"), (500, REFUSED), (500, "<html>"), (502, ""), (503, "")] {
        let answers: Vec<_> = [LOGGED, MODELS, traces::SEARCH, evaluation::SEARCH, PROXY]
            .into_iter()
            .map(|route| (route, status, body))
            .collect();
        let found = look("3.10.1", &answers).await.unwrap();
        assert_eq!(
            refused(&found),
            [ARTIFACT_PROXY, REGISTRY, LOGGED_MODELS, EVALUATION, TRACES],
            "{status}"
        );
        let can = found.capabilities;
        assert!(can.model_registry && can.prompts && can.logged_models && can.evaluation, "{status}");
        assert!(can.traces && can.traces_v3 && can.trace_links, "{status}");
        assert!(!can.artifact_proxy, "{status}: files can take another route");
    }
}

#[tokio::test]
async fn a_feature_that_the_server_reports_as_missing_is_missing() {
    let table = [
        (LOGGED, 404, NO_ROUTE, "2.22.4"),
        (LOGGED, 405, "", "2.22.4"),
        (LOGGED, 501, "", "3.10.1"),
        (evaluation::SEARCH, 500, FEATURE, "3.10.1"),
        (MODELS, 400, NO_REGISTRY, "1.30.1"),
        (PROXY, 503, "disabled by --no-serve-artifacts", "3.10.1"),
        (traces::SEARCH, 404, NO_ROUTE, "3.1.4"),
        // The release does not have the route, whatever a gateway answers.
        (LOGGED, 403, "", "2.9.2"),
    ];
    for (route, status, body, version) in table {
        let found = look(version, &[(route, status, body)]).await.unwrap();
        assert!(found.refused.is_empty(), "{route} {status}: {:?}", found.refused);
        let can = found.capabilities;
        let has = match route {
            LOGGED => can.logged_models,
            MODELS => can.model_registry,
            PROXY => can.artifact_proxy,
            evaluation::SEARCH => can.evaluation,
            _ => can.traces_v3,
        };
        assert!(!has, "{route} {status}");
    }
}

#[tokio::test]
async fn a_gateway_may_hide_a_route_that_the_release_has() {
    let found = look("3.10.1", &[(LOGGED, 404, "default backend - 404")]).await.unwrap();
    assert_eq!(refused(&found), [LOGGED_MODELS]);
    assert!(found.refused[0].reason.contains("MLflow 3.10.1 has it"), "{:?}", found.refused);
    assert!(found.capabilities.logged_models);
}

#[tokio::test]
async fn a_refused_feature_of_an_unknown_version_may_exist() {
    let found = look("", &[(LOGGED, 403, "")]).await.unwrap();
    assert_eq!((refused(&found), found.capabilities.logged_models), (vec![LOGGED_MODELS], true));
}

#[tokio::test]
async fn a_refused_sign_in_ends_the_probe() {
    assert_eq!(look("3.10.1", &[(MODELS, 401, "")]).await.unwrap_err().class(), Class::Auth);
}
