mod damage;
mod fixture;
mod layouts;
mod parsers;
#[cfg(unix)]
mod replaced;
mod traces;

use std::path::Path;

use super::*;
use crate::rest::ArtifactRoots;

fn artifacts(root: &Path) -> StoreArtifacts {
    StoreArtifacts::beside(root.parent().unwrap(), Some(root), ArtifactRoots::default())
}
