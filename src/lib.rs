//! mlferry migrates an MLflow tracking server and verifies that nothing was lost.
//!
//! A `Reader` reads a server, its store or an archive, and a `Writer` writes a server or an archive. Export and import
//! copy from a reader to a writer. Validation compares two readers.
//!
//! ```no_run
//! use mlferry::{Access, Import, Plan, Side, StateDir, import, open};
//!
//! # async fn example() -> mlferry::Result<()> {
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
//!
//! The modules are private, so that the compiler finds unused code. What this page lists is for users of the library.

mod archive;
mod artifacts;
mod aws;
mod cli;
pub mod commands;
mod config;
pub mod demo;
mod engine;
mod entities;
mod error;
mod io;
mod limits;
#[cfg(test)]
mod memory;
mod plan;
mod readers;
mod report;
mod rest;
mod tls;
mod tui;
mod writers;

pub use engine::validate::{ArtifactCheck, Validate, validate};
pub use engine::{Access, Export, Import, Job, Outcome, Side, StateDir, export, import, open};
pub use error::{Class, Error, Result};
pub use plan::Plan;

/// The parts that the integration tests use directly.
#[doc(hidden)]
pub mod testing {
    pub use crate::artifacts::s3::Limits;
    pub use crate::artifacts::{ArtifactStores, ByteStream};
    pub use crate::entities::S3Object;
    pub use crate::io::{ByteSource, Meter};
    pub use crate::tui::terminal::Screen;
}
