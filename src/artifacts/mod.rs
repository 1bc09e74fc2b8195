//! The bytes of files. They come from and go to local folders, the tracking server's own proxy, S3 and other object
//! stores. They are streamed and hashed in the same pass; a file is never in memory as a whole. [`ArtifactStores`]
//! decides which stores this machine reads without the server.

mod hashed;
mod listing;
pub mod local;
mod object_store;
mod proxy;
mod root;
pub mod s3;
mod store;
mod stores;
mod walk;

pub use hashed::{ByteStream, Digest, Hashed, differs_from_record};
pub use proxy::{is_kept, proxied_path, proxied_url_path};
pub use root::folder;
pub use s3::Broken;
pub use store::Root;
pub use stores::ArtifactStores;
pub use walk::without_links;
