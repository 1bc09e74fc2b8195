use serde_json::{Value, json};

use super::{Prober, Tried};
use crate::engine::selection::unique::unique;
use crate::error::Result;
use crate::rest::Call;

const CREATE: &str = "/api/2.0/mlflow/experiments/create";

/// The objects that were created and must be deleted again.
#[derive(Default)]
struct TrialExperiment {
    experiments: Vec<(String, String)>,
    traces: Vec<(String, String)>,
}

impl Prober<'_> {
    /// Creates experiments, a run and a trace, and deletes them. Returns the results, and the objects that remain.
    pub(super) async fn trials(&self, artifact_store: &str) -> (Vec<Tried>, Vec<String>) {
        let mut made = TrialExperiment::default();
        let mut tried = Vec::new();
        let id = unique();
        let inside = format!("{}/mlferry-probe-{id}", artifact_store.trim_end_matches('/'));
        let outside = format!("s3://mlferry-probe-{id}/elsewhere");
        let places = [
            ("artifact_location within the artifact store", "inside", Some(inside)),
            ("artifact_location elsewhere", "outside", Some(outside)),
            ("artifact_location left to the App", "own", None),
        ];
        for (question, suffix, location) in places {
            let name = format!("mlferry-probe-{id}-{suffix}");
            let answer = self.location(&name, location.as_deref(), artifact_store, &mut made).await;
            tried.push(self.tried(question, answer));
        }
        if let Some((experiment, _)) = made.experiments.last().cloned() {
            let answer = self.run(&experiment, artifact_store).await;
            tried.push(self.tried("a run's start_time and artifact_uri", answer));
            let answer = self.trace(&experiment, artifact_store, &mut made).await;
            tried.push(self.tried("the id of a trace that the client chose", answer));
        }
        let remaining = self.clean_up(made).await;
        (tried, remaining)
    }

    fn tried(&self, question: &'static str, answer: Result<String>) -> Tried {
        let answer = answer.unwrap_or_else(|error| format!("refused: {error}"));
        Tried { question, answer: self.redactor.clean(&answer) }
    }

    async fn location(
        &self,
        name: &str,
        location: Option<&str>,
        artifact_store: &str,
        made: &mut TrialExperiment,
    ) -> Result<String> {
        let body = json!({ "name": name, "artifact_location": location });
        let created: Value = self.client.json(&Call::post(CREATE, &body)?.only_unsent()).await?;
        let id = text(&created["experiment_id"]);
        made.experiments.push((id.clone(), name.to_owned()));
        let get = Call::get("/api/2.0/mlflow/experiments/get").query("experiment_id", &id);
        let there: Value = self.client.json(&get).await?;
        let returned = text(&there["experiment"]["artifact_location"]);
        Ok(match location {
            Some(wanted) if returned == wanted => "kept".to_owned(),
            _ => format!("the App chose {}", below(&returned, artifact_store, &id)),
        })
    }

    async fn run(&self, experiment: &str, artifact_store: &str) -> Result<String> {
        const START: i64 = 1_600_000_000_000;
        let body = json!({ "experiment_id": experiment, "start_time": START, "run_name": "mlferry-probe" });
        let call = Call::post("/api/2.0/mlflow/runs/create", &body)?.only_unsent();
        let info = self.client.json::<Value>(&call).await?["run"]["info"].take();
        let kept = if info["start_time"] == START { "kept" } else { "changed" };
        let root = text(&info["artifact_uri"]).replace(&text(&info["run_id"]), "<run>");
        Ok(format!("start_time {kept}, artifacts at {}", below(&root, artifact_store, experiment)))
    }

    async fn trace(
        &self,
        experiment: &str,
        artifact_store: &str,
        made: &mut TrialExperiment,
    ) -> Result<String> {
        let id = format!("tr-{}{}", unique(), unique());
        let info = json!({
            "trace_id": id,
            "trace_location": { "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": experiment } },
            "request_time": "2020-09-13T12:26:40Z",
            "execution_duration": "1s",
            "state": "OK",
        });
        let call = Call::post("/api/3.0/mlflow/traces", &json!({ "trace": { "trace_info": info } }))?;
        let answer: Value = self.client.json(&call.only_unsent()).await?;
        let returned = &answer["trace"]["trace_info"];
        let returned_id = text(&returned["trace_id"]);
        made.traces.push((experiment.to_owned(), returned_id.clone()));
        let kept = if returned_id == id { "kept" } else { "changed" };
        let spans = text(&returned["tags"]["mlflow.trace.spansLocation"]);
        let location = text(&returned["tags"]["mlflow.artifactLocation"]).replace(&returned_id, "<trace>");
        Ok(format!(
            "{kept}, spansLocation {:?}, artifacts at {}",
            spans,
            below(&location, artifact_store, experiment)
        ))
    }

    /// Deletes the created objects. Returns the objects that remain. Experiments and runs are only soft-deleted, so
    /// their names stay in use.
    async fn clean_up(&self, made: TrialExperiment) -> Vec<String> {
        let mut left = Vec::new();
        for (experiment, trace) in made.traces {
            let body = json!({ "experiment_id": experiment, "request_ids": [trace] });
            if let Err(error) = self.send("/api/3.0/mlflow/traces/delete-traces", &body).await {
                left.push(self.redactor.clean(&format!("the trace {trace}: {error}")));
            }
        }
        for (id, name) in made.experiments {
            let deleted =
                self.send("/api/2.0/mlflow/experiments/delete", &json!({ "experiment_id": id })).await;
            left.push(match deleted {
                Ok(()) => {
                    format!("the experiment {name}, deleted: MLflow keeps it, and its name stays in use")
                }
                Err(error) => self.redactor.clean(&format!("the experiment {name}: {error}")),
            });
        }
        left
    }

    async fn send(&self, route: &'static str, body: &Value) -> Result<()> {
        self.client.bytes(&Call::post(route, body)?).await.map(drop)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Replaces the artifact store and the experiment in a location by placeholders.
fn below(location: &str, artifact_store: &str, experiment: &str) -> String {
    let location = location.replace(artifact_store.trim_end_matches('/'), "<artifact store>");
    location.replace(&format!("/{experiment}/"), "/<experiment>/")
}
