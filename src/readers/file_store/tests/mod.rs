mod damage;
mod fixture;
mod layouts;
mod parsers;
mod traces;

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::artifacts::ArtifactStores;
use crate::io::Meter;

fn artifacts(root: &Path) -> StoreArtifacts {
    StoreArtifacts::beside(root, Arc::new(ArtifactStores::new(Arc::new(Meter::default()), None)))
}
