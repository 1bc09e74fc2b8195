//! Bytes of files: streamed, hashed on the way, never held whole. Local folders and the tracking server's own proxy;
//! S3 and other object stores will stand beside them.

mod hashed;
pub mod local;
mod proxy;

pub use hashed::{ByteStream, Digest, Hashed};
pub use proxy::{is_speakable, proxied_path, proxied_url_path};
