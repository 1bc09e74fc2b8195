//! Objects that REST cannot move, counted. One table holds the kind, its list route and the reason why it is not
//! migrated. A release without the route has no such objects.

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value, json};

use super::probe::has_none;
use crate::entities::{Count, ExperimentId, Unsupported};
use crate::error::{Cause, Class, Error, Result};
use crate::rest::{Call, Client};

/// Every list accepts this page size (MLflow 3.18); lists without pages ignore it.
const PER_PAGE: usize = 1_000;
/// The limit is low because a user waits for the count.
const MAX_PAGES: usize = 5;
/// The most experiments that are queried one by one, and how many at the same time.
const MAX_EXPERIMENTS: usize = 100;
const MAX_CONCURRENT_REQUESTS: usize = 8;
/// Ids of scorers in one request line; see `RUNS_PER_BULK_CALL`.
const SCORERS_PER_CALL: usize = 50;

/// From MLflow 3.18, `genai/optimize/job.py`.
const OPTIMIZES: [(&str, &str); 1] = [("job_name", "optimize_prompts")];

/// Shown instead of a count.
pub const NOT_ALLOWED: &str = "not allowed to look";

const SCORERS: &str = "/api/3.0/mlflow/scorers/list";

struct Route {
    title: &'static str,
    route: &'static str,
    /// The field of the answer that holds the list.
    list: &'static str,
    lookup: Lookup,
    reason: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lookup {
    Get,
    Post,
    /// Only jobs that optimize prompts; then all other jobs.
    Job,
    OtherJobs,
    EachExperiment,
    /// By the ids of scorers.
    EachScorer,
    /// The list, without the default object that every server has.
    BesidesDefault,
    /// The list is not requested: this route writes missing objects (MLflow 3.18, `store/tracking/sqlalchemy_store.py`,
    /// `_ensure_default_label_schema`), and a source is only read. Instead, a request without an experiment is sent:
    /// its refusal shows that the route exists.
    Never,
}

const JOBS: &str = "/ajax-api/3.0/jobs/search";
const RUN_AGAIN: &str = "a job cannot be written without running it again";
const NEEDS_SECRETS: &str = "they need the gateway's secrets, which are never shown";
const NEEDS_ENDPOINTS: &str = "they use gateway endpoints, which are not migrated";
const MADE_BY: &str = "their author and creation time cannot be set";

/// Routes and fields of MLflow 3.18, `protos/*.proto` and `server/`.
#[rustfmt::skip]
const TABLE: [Route; 18] = [
    route("webhooks", "/api/2.0/mlflow/webhooks", "webhooks", Lookup::Get, "their secret is never shown"),
    route("gateway secrets", "/api/3.0/mlflow/gateway/secrets/list", "secrets", Lookup::Get, "their values are never shown"),
    route("gateway model definitions", "/api/3.0/mlflow/gateway/model-definitions/list", "model_definitions", Lookup::Get, NEEDS_SECRETS),
    route("gateway endpoints", "/api/3.0/mlflow/gateway/endpoints/list", "endpoints", Lookup::Get, NEEDS_SECRETS),
    route("gateway budgets", "/api/3.0/mlflow/gateway/budgets/list", "budget_policies", Lookup::Get, NEEDS_ENDPOINTS),
    route("gateway guardrails", "/api/3.0/mlflow/gateway/guardrails/list", "guardrails", Lookup::Get, NEEDS_ENDPOINTS),
    route("online scoring configurations", "/api/3.0/mlflow/scorers/online-configs", "configs", Lookup::EachScorer, NEEDS_ENDPOINTS),
    route("issues", "/api/3.0/mlflow/issues/search", "issues", Lookup::Post, "their ids, which assessments name, cannot be set"),
    route("label schemas", "/api/3.0/mlflow/label-schemas/list", "label_schemas", Lookup::Never, "their ids, which review queues name, cannot be set"),
    route("review queues", "/api/3.0/mlflow/review-queues/list", "review_queues", Lookup::EachExperiment, "their owners cannot be set"),
    route("gateway endpoint bindings", "/api/3.0/mlflow/gateway/endpoints/bindings/list", "bindings", Lookup::Get, NEEDS_ENDPOINTS),
    route("prompt-optimization jobs", JOBS, "jobs", Lookup::Job, RUN_AGAIN),
    route("other jobs", JOBS, "jobs", Lookup::OtherJobs, RUN_AGAIN),
    route("MCP servers", "/api/3.0/mlflow/mcp-servers", "mcp_servers", Lookup::Get, MADE_BY),
    route("skills", "/api/3.0/mlflow/skills", "skills", Lookup::Get, MADE_BY),
    route("users", "/api/2.0/mlflow/users/list", "users", Lookup::Get, "their passwords are never shown; their permissions are not migrated either"),
    route("roles", "/api/3.0/mlflow/roles/list", "roles", Lookup::Get, "they belong to users, who are not migrated"),
    route("other workspaces", "/api/3.0/mlflow/workspaces", "workspaces", Lookup::BesidesDefault, "only the default workspace is read"),
];

const fn route(
    title: &'static str,
    route: &'static str,
    list: &'static str,
    lookup: Lookup,
    reason: &'static str,
) -> Route {
    Route { title, route, list, lookup, reason }
}

impl Route {
    fn call(&self, fields: &[(&'static str, &str)]) -> Result<Call> {
        if matches!(self.lookup, Lookup::Post | Lookup::Job | Lookup::OtherJobs) {
            let mut body = json!({ "max_results": PER_PAGE });
            fields.iter().for_each(|(name, value)| body[*name] = (*value).into());
            return Ok(Call::post(self.route, &body)?.only_unsent().question());
        }
        let call = Call::get(self.route).query("max_results", PER_PAGE);
        // The call is not repeated: a release may answer 500 for a list that it does not support.
        let call = call.only_unsent().question();
        Ok(fields.iter().fold(call, |call, (name, value)| call.query(name, value)))
    }
}

impl Client {
    /// The number of objects of each kind, if the server has a list of this kind. `experiments` are the active ones. A
    /// failed count is data and not an error. `over_files`: the server stores everything in files.
    pub async fn others(&self, experiments: &[ExperimentId], over_files: bool) -> Vec<Unsupported> {
        let asked = TABLE.iter().map(|listed| self.other(listed, experiments, over_files));
        let asked: Vec<_> = asked.collect();
        let found: Vec<Option<Unsupported>> =
            stream::iter(asked).buffered(MAX_CONCURRENT_REQUESTS).collect().await;
        found.into_iter().flatten().collect()
    }

    async fn other(
        &self,
        listed: &Route,
        experiments: &[ExperimentId],
        over_files: bool,
    ) -> Option<Unsupported> {
        let tally = self.tally(listed, experiments).await;
        let tally = tally.map_or_else(|error| tolerated(&error, over_files), Some)?;
        Some(Unsupported { title: listed.title, tally, reason: listed.reason.into() })
    }

    async fn tally(&self, listed: &Route, experiments: &[ExperimentId]) -> Result<Count> {
        match listed.lookup {
            Lookup::Get | Lookup::Post => self.count(listed, &[]).await,
            Lookup::Job => self.count(listed, &OPTIMIZES).await,
            Lookup::OtherJobs => {
                let (all, known) = (self.count(listed, &[]).await?, self.count(listed, &OPTIMIZES).await?);
                let others = all.count.zip(known.count).map(|(all, known)| all.saturating_sub(known));
                Ok(Count { count: others, ..all })
            }
            Lookup::BesidesDefault => {
                let all = self.count(listed, &[]).await?;
                Ok(Count { count: all.count.map(|count| count.saturating_sub(1)), ..all })
            }
            Lookup::EachExperiment => {
                let first = experiments.iter().take(MAX_EXPERIMENTS);
                let asked: Vec<_> = first.map(|id| self.count_owned(listed, id)).collect();
                let counts: Vec<Count> =
                    stream::iter(asked).buffered(MAX_CONCURRENT_REQUESTS).try_collect().await?;
                let seen = Count::counted(0, experiments.len() > MAX_EXPERIMENTS);
                Ok(counts.into_iter().fold(seen, Count::plus))
            }
            Lookup::EachScorer => self.online_scoring(listed, experiments).await,
            Lookup::Never => match self.answer(&Call::get(listed.route).only_unsent().question()).await {
                Err(e) if e.is_code("INVALID_PARAMETER_VALUE") => {
                    Ok(Count::unknown("listing them would write to the server"))
                }
                Err(error) => Err(error),
                // The request names no experiment, but the server answered it.
                Ok(_) => Ok(Count::unknown("listing them would write to the server")),
            },
        }
    }

    async fn count_owned(&self, listed: &Route, experiment: &ExperimentId) -> Result<Count> {
        self.count(listed, &[("experiment_id", experiment.as_str())]).await
    }

    async fn count(&self, listed: &Route, fields: &[(&'static str, &str)]) -> Result<Count> {
        let (mut count, mut token) = (0, None::<String>);
        for _ in 0..MAX_PAGES {
            let mut fields = fields.to_vec();
            fields.extend(token.as_deref().map(|token| ("page_token", token)));
            let answer = self.answer(&listed.call(&fields)?).await?;
            count += answer.get(listed.list).and_then(Value::as_array).map_or(0, Vec::len) as u64;
            token = answer.get("next_page_token").and_then(Value::as_str).map(str::to_owned);
            if token.as_ref().is_none_or(String::is_empty) {
                return Ok(Count::exactly(count));
            }
        }
        Ok(Count::counted(count, true))
    }

    /// The list of scorers contains their ids: one list for all experiments, or one per experiment before MLflow 3.12
    /// or so.
    async fn online_scoring(&self, listed: &Route, experiments: &[ExperimentId]) -> Result<Count> {
        let list = || Call::get(SCORERS).only_unsent().question();
        let (mut lists, mut more) = (Vec::new(), false);
        match self.answer(&list()).await {
            Ok(all) => lists.push(all),
            Err(e) if e.is_code("INVALID_PARAMETER_VALUE") => {
                more = experiments.len() > MAX_EXPERIMENTS;
                let first = experiments.iter().take(MAX_EXPERIMENTS);
                let calls = first.map(|id| list().query("experiment_id", id));
                let asked: Vec<_> = calls.map(|call| async move { self.answer(&call).await }).collect();
                lists = stream::iter(asked).buffered(MAX_CONCURRENT_REQUESTS).try_collect().await?;
            }
            Err(e) => return Err(e),
        }
        let scorers = lists.iter().filter_map(|list| list.get("scorers")?.as_array()).flatten();
        let ids: Vec<&str> = scorers.filter_map(|scorer| scorer.get("scorer_id")?.as_str()).collect();
        let mut tally = Count::counted(0, more);
        for ids in ids.chunks(SCORERS_PER_CALL) {
            let fields: Vec<_> = ids.iter().map(|id| ("scorer_ids", *id)).collect();
            tally = tally.plus(self.count(listed, &fields).await?);
        }
        Ok(tally)
    }

    async fn answer(&self, call: &Call) -> Result<Map<String, Value>> {
        serde_json::from_slice(&self.bytes(call).await?)
            .map_err(|_| Error::permanent("the server did not answer as MLflow does"))
    }
}

/// The count that a refusal implies; none when the release does not have the feature, or not over this store. A file
/// store without the feature fails without a message (MLflow 3.10 and 3.18).
fn tolerated(error: &Error, over_files: bool) -> Option<Count> {
    match error.class() {
        _ if has_none(error) => None,
        _ if over_files && error.cause() == Some(Cause::Unhandled) => None,
        Class::Auth | Class::Forbidden => Some(Count::unknown(NOT_ALLOWED)),
        _ => Some(Count::unknown(error.to_string())),
    }
}
