use serde::{Deserialize, Serialize};

use crate::entities::NotExported;

/// `not_exported.json`: the items that the export could not read, or not completely. Without this list, a directory that
/// lacks them would look complete.
#[derive(Default, Serialize, Deserialize)]
pub struct NotExportedFile {
    pub not_exported: Vec<NotExported>,
}
