use serde_json::json;

use super::{Answered, Prober};
use crate::rest::Call;

const SEARCH: &str = "/api/2.0/mlflow/experiments/search";
/// The sizes to test, in megabytes. OSS MLflow documents a limit of 1 MB for its largest request. AWS load balancers
/// usually accept 1 or 10 MB.
const SIZES: [usize; 7] = [1, 2, 5, 10, 20, 32, 64];

impl Prober<'_> {
    /// Sends searches with an unused field of increasing size, until a search is refused. The searches change nothing
    /// on the server.
    pub(super) async fn limits(&self) -> Vec<Answered> {
        let mut answers = Vec::new();
        for size in SIZES {
            let body = json!({ "max_results": 1, "mlferry_padding": "x".repeat(size * 1_000_000) });
            let Ok(call) = Call::post(SEARCH, &body) else { break };
            let answer = self.ask("POST", SEARCH, call, Some(size * 1_000_000)).await;
            let was_accepted = answer.status == Some(200);
            answers.push(answer);
            if !was_accepted {
                break;
            }
        }
        answers
    }
}
