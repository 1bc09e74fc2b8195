//! Checks whether a server that could not be reached is available again.

use async_trait::async_trait;

use super::read::one_experiment;
use crate::error::Class;
use crate::io::Reachable;
use crate::rest::Client;

#[async_trait]
impl Reachable for Client {
    /// Asks for one experiment: MLflow answers this from its database, and a gateway in front of it cannot answer it.
    async fn is_there(&self) -> bool {
        let Ok(call) = one_experiment() else { return false };
        match self.ask_once(&call.question()).await {
            Ok(answer) => match answer.status {
                502..=504 => false,
                // An ingress that has lost its service also answers 404, but MLflow has this route.
                404 => answer.is_mlflow(),
                _ => true,
            },
            // Missing credentials are not an outage of the server.
            Err(error) => !matches!(error.class(), Class::Transient | Class::Ambiguous),
        }
    }
}
