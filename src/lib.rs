//! mlferry moves an MLflow tracking server and proves that nothing was lost.
//!
//! Whatever can be read is a [`snapshot::Snapshot`]; whatever can be written is a [`target::Target`]. Export and
//! import copy the one into the other, validation compares two of the first.
//!
//! Imports go downwards only (`tests/layering.rs` holds the rule):
//!
//! ```text
//! tui | commands | demo  →  config, engine  →  report  →  snapshot | target  →  archive  →  artifacts  →  rest  →  aws  →
//! entities, tls, error, limits
//! ```

pub mod archive;
pub mod artifacts;
pub mod aws;
pub mod cli;
pub mod commands;
pub mod config;
pub mod demo;
pub mod engine;
pub mod entities;
pub mod error;
pub mod limits;
#[cfg(test)]
mod memory;
pub mod report;
pub mod rest;
pub mod snapshot;
pub mod target;
pub mod tls;
pub mod tui;
