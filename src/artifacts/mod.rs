//! Bytes of files: streamed, hashed on the way, never held whole. Local folders, the tracking server's own proxy, S3 and
//! other object stores. [`ArtifactStores`] decides which of them are reached without the server.

mod hashed;
mod listing;
pub mod local;
mod place;
mod proxy;
mod remote;
pub mod s3;
mod store;
mod stores;
mod walk;

pub use hashed::{ByteStream, Digest, Hashed};
pub use place::folder;
pub use proxy::{is_kept, proxied_path, proxied_url_path};
pub use s3::Broken;
pub use store::Root;
pub use stores::ArtifactStores;
