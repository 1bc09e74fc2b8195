//! Finds the cause of a refusal in its text, because MLflow has few error codes. Only this file contains such texts.

use crate::error::Cause;

/// True for MLflow's answer to a route that it does not have: Flask's page, or FastAPI's object (MLflow 3.5 on).
pub fn is_of_mlflow(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    text.contains("The requested URL was not found on the server")
        || text.trim() == r#"{"detail":"Not Found"}"#
}

/// The cause of a refusal. MLflow uses one code for most refusals, so only the text shows the cause.
pub fn cause(body: &[u8], text: &str) -> Option<Cause> {
    let has = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    match () {
        () if has(&POINT_EXISTS) => Some(Cause::PointExists),
        () if has(&INSERT_RACE) => Some(Cause::InsertRace),
        () if has(&POOL_EXHAUSTED) => Some(Cause::PoolExhausted),
        () if has(&DATABASE_BUSY) => Some(Cause::DatabaseBusy),
        () if has(&SWITCHED_OFF) => Some(Cause::SwitchedOff),
        () if has(&NOT_IN_THIS_STORE) => Some(Cause::NotInThisStore),
        () if String::from_utf8_lossy(body).contains(UNHANDLED) => Some(Cause::Unhandled),
        () => most_runs(text).map(Cause::MostRuns),
    }
}

/// The number in "cannot specify more than 20 run_ids" (MLflow 2.9, `server/handlers.py`).
fn most_runs(text: &str) -> Option<usize> {
    let (number, after) = text.split_once("cannot specify more than ")?.1.split_once(' ')?;
    if after.starts_with("run_ids") { number.parse().ok() } else { None }
}

/// Two writers log the same dataset for the first time at the same time. One gets a 400 although its request is valid
/// (MLflow 3.10 on SQLite).
const INSERT_RACE: [&str; 3] = ["UNIQUE constraint failed", "duplicate key value", "Duplicate entry"];

/// See `Client::log_batch`.
const POINT_EXISTS: [&str; 12] = [
    "UNIQUE constraint failed: metrics.",
    "UNIQUE constraint failed: logged_model_metrics.",
    "UNIQUE constraint failed: logged_model_params.",
    "UNIQUE constraint failed: inputs.",
    "\"metric_pk\"",
    "\"logged_model_metrics_pk\"",
    "\"logged_model_params_pk\"",
    "\"inputs_pk\"",
    "'metrics.PRIMARY'",
    "'logged_model_metrics.PRIMARY'",
    "'logged_model_params.PRIMARY'",
    "'inputs.PRIMARY'",
];

/// A `log-batch` with tags holds one connection of the pool and requests two more. The answer is a 400 (MLflow 3.10,
/// `store/tracking/sqlalchemy_store.py`, `log_batch`, `set_tag`; its pool holds 5 + 10).
const POOL_EXHAUSTED: [&str; 1] = ["QueuePool limit"];

/// In a deadlock, one of two transactions is rolled back (PostgreSQL, MySQL): nothing of it is stored.
const DATABASE_BUSY: [&str; 4] =
    ["database is locked", "too many connections", "deadlock detected", "Deadlock found"];

/// A 503 that waiting does not fix: MLflow started without `--serve-artifacts` or without workspaces.
const SWITCHED_OFF: [&str; 3] = ["--serve-artifacts", "--no-serve-artifacts", "--enable-workspaces"];

/// Features that need a database, requested from a server over files (MLflow 1.30, `store/model_registry`; 3.10,
/// `store/tracking/file_store.py`, `server/jobs`).
const NOT_IN_THIS_STORE: [&str; 3] = [
    "Model registry functionality is unavailable",
    "is not supported with FileStore",
    "Job store requires a backend store URI",
];

/// Flask's page for an unhandled exception (MLflow over a file store with a torn file).
const UNHANDLED: &str = "The server encountered an internal error and was unable to complete";

/// The size of the pool: 15 for "QueuePool limit of size 5 overflow 10 reached" (SQLAlchemy).
pub fn pool_size(text: &str) -> Option<usize> {
    let (size, rest) = text.split_once("QueuePool limit of size ")?.1.split_once(" overflow ")?;
    let overflow: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(size.parse::<usize>().ok()? + overflow.parse::<usize>().ok()?)
}

/// SQLAlchemy's default, which MLflow does not change.
pub const DEFAULT_POOL: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_read_from_the_refusal() {
        let text = "INVALID_PARAMETER_VALUE GetMetricHistoryBulk request cannot specify more than 20 run_ids. Received 90";
        assert_eq!(cause(b"", text), Some(Cause::MostRuns(20)));
        assert_eq!(cause(b"", "something else"), None);
    }
}
