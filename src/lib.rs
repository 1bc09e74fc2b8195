//! mlferry moves an MLflow tracking server and proves that nothing was lost.
//!
//! A [`readers::Reader`] reads a server or an archive, a [`writers::Writer`] writes one. Export and import copy from a
//! reader to a writer; validation compares two readers.
//!
//! Imports go downwards only (`tests/layering.rs` holds the rule):
//!
//! ```text
//! commands | tui | demo  →  config, engine  →  report  →  readers | writers  →  archive  →  artifacts  →  rest  →  aws  →
//! io, plan, tls  →  entities, limits  →  error
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
pub mod io;
pub mod limits;
#[cfg(test)]
mod memory;
pub mod plan;
pub mod readers;
pub mod report;
pub mod rest;
pub mod tls;
pub mod tui;
pub mod writers;
