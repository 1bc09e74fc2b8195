//! A gateway gives up on a request, and the server behind it processes the request later. The import has tried again
//! meanwhile: nothing is on the target twice.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::proxy::fault::Page;
use crate::support::proxy::{Fault, Message, Proxy};
use crate::support::{Mlferry, Real, TARGET, differences};

const TIMED_OUT: Page = Page::of(504, "<html>Gateway Time-out</html>");
const CREATING: [&str; 4] = [
    "/mlflow/runs/create",
    "/mlflow/logged-models",
    "/mlflow/model-versions/create",
    "/mlflow/scorers/register",
];

/// The first two creations on each route are processed after this time.
fn late(time: Duration) -> impl FnMut(&Message, usize) -> Option<Fault> + Send + 'static {
    let mut seen: Vec<&str> = Vec::new();
    move |request, _| {
        let route =
            CREATING.iter().find(|route| request.method() == "POST" && request.path().ends_with(*route))?;
        seen.push(route);
        let count = seen.iter().filter(|one| *one == route).count();
        (count <= 2).then_some(Fault::AnswerBefore(TIMED_OUT, time))
    }
}

async fn migrated(time: Duration) -> (Real, Real, BTreeSet<String>) {
    let (source, target) = futures::join!(Real::start(TARGET), Real::start(TARGET));
    source.awkward(&["--all"]).await;
    let proxy = Proxy::start(target.url()).await;
    proxy.script(late(time)).await;
    let mlferry = Mlferry::new();
    // Both addresses are the same target: the second import has another journal, and looks at everything again.
    let through = ["import", "--source", source.url(), "--target", &proxy.url, "--json"];
    let first = mlferry.run(&through).await.exits(0).outcome();
    assert_eq!(proxy.faults(), 2 * CREATING.len());
    tokio::time::sleep(time).await;
    let direct = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    let second = mlferry.run(&direct).await.exits(0).outcome();
    let validate = ["validate", "--source", source.url(), "--target", target.url()];
    mlferry.run(&validate).await.exits(0);
    assert_eq!(differences(&source, &target).await, [""; 0]);
    let outcomes = [first, second];
    let notes = outcomes.iter().flat_map(|one| one["notes"].as_array().cloned().unwrap_or_default());
    let notes = notes.map(|note| note.as_str().unwrap().to_owned()).collect();
    (source, target, notes)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_makes_soon_after_is_found() {
    let (_source, _target, notes) = migrated(Duration::from_millis(1_500)).await;
    assert!(!notes.iter().any(|note| note.contains("twice")), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_makes_much_later_is_removed_again() {
    let (_source, _target, notes) = migrated(Duration::from_secs(12)).await;
    for kind in ["run ", "logged model "] {
        let is_said = |note: &String| note.starts_with(kind) && note.contains("was on the target twice");
        assert_eq!(notes.iter().filter(|note| is_said(note)).count(), 2, "{kind}: {notes:?}");
    }
}
