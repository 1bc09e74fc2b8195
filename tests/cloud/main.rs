//! Tests on stand-ins for AWS, Google Cloud Storage and Azure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on panics and says why"
)]

#[path = "../support/mod.rs"]
mod support;

mod app;
mod assumed_role;
mod connect;
mod data_plane;
mod other_stores;
mod s3;
mod sagemaker;
mod sandbox;
