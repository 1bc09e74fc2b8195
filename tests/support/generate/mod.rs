//! Generated stores: a seed and a layout determine the contents of a tracking server, with all the difficult cases that
//! a real MLflow release can have. The contents are written as the files or the rows of that release.

pub mod dice;
mod families;
mod files;
mod files_others;
mod models;
mod numbers;
mod registry;
mod rows;
mod rows_others;
mod runs;
pub mod shape;
mod traces;
mod words;
mod yaml;

use std::path::Path;

use dice::Dice;
use shape::World;

/// The release, and the form in which it stores its data.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub release: &'static str,
    /// True for a folder of files, false for a database.
    pub is_files: bool,
}

impl Layout {
    pub fn since(&self, major: u32, minor: u32) -> bool {
        let mut parts = self.release.split('.').map(|part| part.parse().unwrap());
        (parts.next().unwrap(), parts.next().unwrap()) >= (major, minor)
    }

    /// Maximum length of a param in characters.
    fn longest_param(&self) -> usize {
        if self.since(2, 8) { 6000 } else { 500 }
    }

    fn longest_tag(&self) -> usize {
        if self.since(2, 17) { 8000 } else { 5000 }
    }

    fn has_datasets(&self) -> bool {
        self.since(2, 4)
    }

    fn has_traces(&self) -> bool {
        self.since(2, 14)
    }

    fn has_models(&self) -> bool {
        self.since(3, 0)
    }

    fn has_registry(&self) -> bool {
        !self.is_files || self.since(2, 2)
    }
}

/// Generates the store for this seed.
pub fn world(seed: u64, layout: Layout) -> World {
    let mut dice = Dice::new(seed);
    let mut experiments = runs::experiments(&mut dice, layout);
    families::relate(&mut dice, &mut experiments);
    if layout.has_models() {
        models::add(&mut dice, &mut experiments);
    }
    if layout.has_traces() {
        traces::add(&mut dice, layout, &mut experiments);
    }
    let registered =
        if layout.has_registry() { registry::models(&mut dice, layout, &experiments) } else { Vec::new() };
    World { experiments, registered }
}

/// Replaces the data in the directory of a server. The server must have been started there once.
pub fn write(world: &World, layout: Layout, dir: &Path) {
    let artifacts = dir.join("artifacts");
    files::put_artifacts(world, &artifacts);
    if layout.is_files {
        files::write(world, layout, &dir.join("mlruns"));
    } else {
        rows::write(world, &dir.join("mlflow.db"));
    }
}

/// Makes the directory of a server as empty as after its first start.
pub fn empty(layout: Layout, dir: &Path) {
    let artifacts = dir.join("artifacts");
    let _ = std::fs::remove_dir_all(&artifacts);
    std::fs::create_dir_all(&artifacts).unwrap();
    if layout.is_files {
        files::empty(&dir.join("mlruns"));
    } else {
        rows::empty(&dir.join("mlflow.db"));
    }
}
