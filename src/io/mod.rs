//! Code that readers, writers and stores share, for any protocol: pages of objects, streams of bytes, counters of
//! traffic, and waits for servers and credentials.

mod byte_source;
mod credential_wait;
mod health;
mod meter;
mod outage;
mod pages;
mod task;
mod thread;

pub use byte_source::{ByteSource, FolderFile};
pub use credential_wait::CredentialWait;
pub use health::{Absence, Health, Slowdown};
pub use meter::{Meter, OpenRequest, Traffic};
pub use outage::{Outage, Reachable};
pub use pages::{Listing, Pages, circle, listing, pages, strict};
pub use task::OwnTask;
pub use thread::{from_thread, in_thread};
