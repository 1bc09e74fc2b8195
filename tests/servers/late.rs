//! A gateway gives up on a request, and the server behind it processes the request later. The import has tried again
//! meanwhile: nothing is on the target twice.

use std::time::Duration;

use crate::support::proxy::fault::Page;
use crate::support::proxy::{Fault, Message, Proxy};
use crate::support::{Mlferry, TARGET, TestServer, differences};
use serde_json::Value;

const TIMED_OUT: Page = Page::of(504, "<html>Gateway Time-out</html>");
/// The import still looks for the object after the first time, and has made another one after the second.
const SOON: Duration = Duration::from_millis(1_500);
const LATE: Duration = Duration::from_secs(12);
const CREATING: [&str; 4] = [
    "/mlflow/runs/create",
    "/mlflow/logged-models",
    "/mlflow/model-versions/create",
    "/mlflow/scorers/register",
];

/// On each route, the first creation is processed soon, and two more are processed much later.
fn late() -> impl FnMut(&Message, usize) -> Option<Fault> + Send + 'static {
    let mut seen: Vec<&str> = Vec::new();
    move |request, _| {
        let route =
            CREATING.iter().find(|route| request.method() == "POST" && request.path().ends_with(*route))?;
        seen.push(route);
        let time = match seen.iter().filter(|one| *one == route).count() {
            1 => SOON,
            2 | 3 => LATE,
            _ => return None,
        };
        Some(Fault::AnswerBefore(TIMED_OUT, time))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn late_creations_are_not_duplicated() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.edge_cases(&["--all"]).await;
    let proxy = Proxy::start(target.url()).await;
    proxy.script(late()).await;
    let mlferry = Mlferry::new();
    // Both addresses are the same target: the second import has another journal, and looks at everything again.
    let through = ["import", "--source", source.url(), "--target", &proxy.url, "--json"];
    let first = mlferry.run(&through).await.exits(0).outcome();
    assert_eq!(proxy.faults(), 3 * CREATING.len());
    tokio::time::sleep(LATE).await;
    let ends = ["--source", source.url(), "--target", target.url(), "--json"];
    let second = mlferry.run(&[&["import"], &ends[..]].concat()).await.exits(0).outcome();
    let (validated, differences) = futures::join!(
        async { mlferry.run(&[&["validate"], &ends[..]].concat()).await },
        differences(&source, &target)
    );
    validated.exits(0);
    assert_eq!(differences, [""; 0]);
    let notes: Vec<String> = [first, second]
        .iter()
        .flat_map(|one| one["notes"].as_array().unwrap())
        .map(Value::to_string)
        .collect();
    for kind in ["run", "logged model"] {
        let start = format!("\"{kind} ");
        let is_said = |note: &&String| note.starts_with(&start) && note.contains("was on the target twice");
        assert!(notes.iter().any(|note| is_said(&note)), "{kind}: {notes:?}");
    }
}
