//! Tests without servers: the rules for the source code and the responses to bad input.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on panics and says why"
)]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod layering;
mod locks;
