//! Where the two ends are, as jobs and questions take them along.

use super::Model;
use crate::engine::{Access, Side};

/// Where an end is and how to sign in.
#[derive(Clone)]
pub struct EndpointRef {
    pub end: Side,
    pub uri: String,
    /// The same without credentials.
    pub location: String,
    pub access: Access,
}

impl EndpointRef {
    /// A directory, which needs no login.
    pub fn directory(path: &std::path::Path) -> Self {
        Self {
            end: Side::Source,
            uri: path.display().to_string(),
            location: path.display().to_string(),
            access: Access::default(),
        }
    }
}

impl Model {
    /// What the import reads: the export directory when the data goes through one.
    pub fn import_source(&self) -> EndpointRef {
        match self.route.by_directory {
            true => EndpointRef::directory(&self.directory()),
            false => self.at(Side::Source),
        }
    }

    pub fn at(&self, end: Side) -> EndpointRef {
        let form = &self.side(end).form;
        EndpointRef {
            end,
            uri: form.uri().to_owned(),
            location: self.side(end).location(),
            access: form.access(),
        }
    }
}
