//! Stores that nobody made by hand, served by real releases, arrive whole: killed on the way, twice, and judged by
//! MLflow's own client.
//!
//! The long form takes a number of seeds for each layout, and a filter for one of them:
//! `MLFERRY_SEEDS=200 cargo test --test servers long:: -- --ignored --nocapture`.

mod bench;
mod faults;
mod long;
mod machine;
mod short;
