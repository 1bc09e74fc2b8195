//! Faults of networks, gateways and servers, each at both ends of a migration. The migration ends on its own, and every
//! item ends as done, failed or skipped. When the fault is over, the remaining items arrive, and nothing is duplicated.

use std::time::Duration;

use super::bench::Bench;
use crate::support::generate::dice::Dice;
use crate::support::proxy::fault::Page;
use crate::support::proxy::{Fault, Message};

/// The seed of a store with ten runs and their data.
pub const SEED: u64 = 3;

const HTML: &str = "<html><head><title>Gateway</title></head><body><h1>Sorry</h1></body></html>";
const JSON: &str = r#"{"error_code": "INTERNAL_ERROR", "message": "deadlock detected"}"#;
const OTHER_JSON: &str = r#"{"detail": [{"msg": "busy"}]}"#;
const EMPTY: &str = "";
const RETRY_NOW: &[(&str, &str)] = &[("retry-after", "0"), ("content-type", "text/html")];
const RETRY_ODD: &[(&str, &str)] = &[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")];

const fn page(status: u16, headers: &'static [(&'static str, &'static str)], body: &'static str) -> Page {
    Page { status, headers, body }
}

/// Faults that disappear when the request is sent again: a migration still arrives completely.
pub const PASSING: [Fault; 16] = [
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::Truncated,
    Fault::WrongLength(7),
    Fault::Late(Duration::from_millis(700)),
    Fault::Pieces,
    Fault::Answer(page(429, RETRY_NOW, HTML)),
    Fault::Answer(page(429, RETRY_ODD, EMPTY)),
    Fault::Answer(page(500, &[], JSON)),
    Fault::AnswerAfter(page(500, &[], HTML)),
    Fault::Answer(page(502, &[], HTML)),
    Fault::AnswerAfter(page(502, &[], EMPTY)),
    Fault::Answer(page(503, &[], OTHER_JSON)),
    Fault::Answer(page(503, &[], EMPTY)),
    Fault::AnswerAfter(page(504, &[], HTML)),
    Fault::Answer(page(408, &[], EMPTY)),
];

/// Faults that a gateway applies to every request from some point on, or to every n-th request.
pub const STAYING: [Fault; 13] = [
    Fault::Gzip,
    Fault::Answer(page(401, &[], EMPTY)),
    Fault::Answer(page(403, &[], HTML)),
    Fault::Answer(page(413, &[], HTML)),
    Fault::Answer(page(404, &[], HTML)),
    Fault::Answer(page(302, &[("location", "https://sign-in.example.com/")], EMPTY)),
    Fault::Answer(page(307, &[("location", "/elsewhere")], EMPTY)),
    Fault::Answer(page(200, &[("content-type", "text/html")], HTML)),
    Fault::Answer(page(200, &[], EMPTY)),
    Fault::Answer(page(200, &[("content-type", "application/json")], "{\"runs\": 5")),
    Fault::WrongLength(-3),
    Fault::Answer(page(500, &[], JSON)),
    Fault::ResetBefore,
];

/// Any of these faults, at about every fifth request.
pub fn storm(seed: u64) -> impl FnMut(&Message, usize) -> Option<Fault> + Send + 'static {
    let mut dice = Dice::new(seed);
    move |_, _| dice.chance(20).then(|| dice.pick(&PASSING).clone())
}

/// Applies the fault to every request from the n-th on, or to every n-th request from the first on.
pub fn of(
    fault: Fault,
    from: usize,
    every: usize,
) -> impl FnMut(&Message, usize) -> Option<Fault> + Send + 'static {
    move |_, number| (number >= from && number % every == 0).then(|| fault.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_faults_on_both_ends_lose_nothing() {
    let mut bench = Bench::start(super::short::ROWS, crate::support::TARGET).await;
    bench.fill(SEED);
    bench.source_proxy.script(storm(1)).await;
    bench.target_proxy.script(storm(2)).await;
    // Until now, an error page of a gateway that does not reach the server may make an item fail.
    let mut found = bench.import_through_faults(&[0, 3]).await;
    assert!(bench.target_proxy.faults() > 10, "only {} faults", bench.target_proxy.faults());
    found.extend(bench.resumed_and_compared().await);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes many minutes; see the top of this program"]
async fn a_temporary_fault_loses_nothing() {
    let mut bench = Bench::start(super::short::ROWS, crate::support::TARGET).await;
    let mut found = Vec::new();
    for fault in PASSING {
        for is_source in [false, true] {
            bench.fill(SEED);
            let proxy = if is_source { &bench.source_proxy } else { &bench.target_proxy };
            proxy.script(of(fault.clone(), 3, 5)).await;
            let mut these = bench.import_through_faults(&[0]).await;
            these.extend(bench.resumed_and_compared().await);
            let place = if is_source { "source" } else { "target" };
            eprintln!("{fault:?} at the {place}: {} problems", these.len());
            these.iter().for_each(|problem| eprintln!("    {problem}"));
            found.extend(these);
        }
    }
    assert!(found.is_empty(), "{} problems", found.len());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes many minutes; see the top of this program"]
async fn all_other_objects_arrive_despite_a_lasting_fault() {
    let mut bench = Bench::start(super::short::ROWS, crate::support::TARGET).await;
    let mut found = Vec::new();
    for fault in STAYING {
        for (from, every, is_source) in [(40, 1, false), (3, 6, false), (40, 1, true), (3, 6, true)] {
            bench.fill(SEED);
            let proxy = if is_source { &bench.source_proxy } else { &bench.target_proxy };
            proxy.script(of(fault.clone(), from, every)).await;
            let mut these = bench.import_through_faults(&[0, 1, 3, 5]).await;
            these.extend(bench.resumed_and_compared().await);
            let place = if is_source { "source" } else { "target" };
            eprintln!("{fault:?} at the {place}, every {every} from {from}: {} problems", these.len());
            these.iter().for_each(|problem| eprintln!("    {problem}"));
            found.extend(these);
        }
    }
    assert!(found.is_empty(), "{} problems", found.len());
}
