mod damage;
mod fixture;
mod layouts;
mod parsers;
mod traces;

use std::path::Path;

use super::*;
use crate::rest::ArtifactRoots;

fn artifacts(root: &Path) -> StoreArtifacts {
    StoreArtifacts::beside(root.parent().unwrap(), Some(root), ArtifactRoots::default())
}
