//! Tests on real MLflow servers of several releases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on panics and says why"
)]

#[path = "../support/mod.rs"]
mod support;

mod appended;
mod artifacts;
mod check;
mod database;
mod edits;
mod export_import_tool;
mod faults;
mod fields;
mod file_store;
mod generated;
mod handed_on;
mod in_the_way;
mod late;
mod migration;
mod registry;
mod resume;
mod second_visit;
mod several_sources;
mod span_links;
mod sql_servers;
mod traces;
mod window;
mod wizard;
