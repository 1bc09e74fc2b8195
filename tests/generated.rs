//! Stores that nobody made by hand, served by real releases, arrive whole: killed on the way, twice, and judged by
//! MLflow's own client.
//!
//! The long form takes a number of seeds for each layout, and a filter for one of them:
//! `MLFERRY_SEEDS=200 cargo test --test generated long:: -- --ignored --nocapture`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on panics and says why"
)]

mod support;

mod generated {
    mod bench;
    mod faults;
    mod long;
    mod machine;
    mod short;
}
