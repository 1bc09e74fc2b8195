//! The addresses and logins of both ends, in the form that jobs and requests use.

use super::Model;
use crate::engine::{Access, Side};

/// The address of an end and its login.
#[derive(Clone)]
pub struct EndpointRef {
    pub end: Side,
    pub uri: String,
    /// The address without credentials.
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
    /// The source of the import. It is the export directory if the data goes through one.
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
            uri: self.absolute(end).unwrap_or_else(|| form.uri().to_owned()),
            location: self.side(end).location(),
            access: form.access(),
        }
    }

    /// The address of a folder or file, from any directory. `None` if the end is something else.
    pub fn absolute(&self, end: Side) -> Option<String> {
        let (scheme, path) = self.side(end).form.path().filter(|(_, path)| !path.is_empty())?;
        // Removes `.` within the path.
        let path: std::path::PathBuf = self.expand(path).components().collect();
        Some(format!("{scheme}{}", path.display()))
    }
}
