//! mlferry migrates an MLflow tracking server and verifies that nothing was lost.
//!
//! A [`readers::Reader`] reads a server or an archive, and a [`writers::Writer`] writes one. Export and import copy
//! from a reader to a writer. Validation compares two readers.
//!
//! ```no_run
//! use mlferry::engine::{Access, Import, Side, StateDir, import, open};
//! use mlferry::plan::Plan;
//!
//! # async fn example() -> mlferry::error::Result<()> {
//! let source = open("http://old:5000", Side::Source, Access::default()).await?;
//! let target = open("http://new:5000", Side::Target, Access::default()).await?;
//! let (source, plan, state) = (source.reader()?, Plan::default(), StateDir::find()?);
//! let job = import(Import { source, target, plan, state, journal: None, update: false, reread: false })?;
//! println!("{} failed", job.outcome().await?.failed());
//! # Ok(())
//! # }
//! ```
//!
//! Imports go downwards only (`tests/offline/layering.rs` enforces the rule):
//!
//! ```text
//! commands | tui | demo  →  config, engine  →  report  →  readers | writers  →  archive  →  artifacts  →  rest  →
//! aws  →  io, plan, tls  →  entities, limits  →  error
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
