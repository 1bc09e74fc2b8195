//! Generated stores, served by real releases, arrive completely. The import is killed twice on the way. MLflow's own
//! client checks the result.
//!
//! The long form takes a number of seeds for each layout, and a filter that selects one layout:
//! `MLFERRY_SEEDS=200 cargo test --test servers long:: -- --ignored --nocapture`.

mod bench;
mod faults;
mod long;
mod machine;
mod short;
