//! Settings that the user need not type each time: a file in the user's config directory, and `MLFERRY_…` variables
//! with the same names.
//!
//! One table ([`SETTINGS`]) defines the parser, `config show`, `config init` and the docs. Precedence: command line,
//! environment, profile, the file's defaults, built-in defaults. Credentials are never read from a file.

mod display;
mod example;
mod file;
mod place;
mod resolve;
mod secret;
mod suggestions;
mod table;

pub use display::{Display, Theme};
pub use example::example;
pub use file::Binding;
pub use place::DefaultPath;
pub use resolve::{Config, Origin};
pub use secret::masked;
pub use suggestions::did_you_mean;
pub use table::{SETTINGS, Setting};
