//! Stores that nobody made by hand: from a seed and a layout comes what a tracking server holds, awkward in every way
//! that a real MLflow release can show, and it is written as the files or the rows of that release.

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

/// What a release keeps, and in which form.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub release: &'static str,
    /// A folder of files, or else a database.
    pub is_files: bool,
}

impl Layout {
    pub fn since(&self, major: u32, minor: u32) -> bool {
        let mut parts = self.release.split('.').map(|part| part.parse().unwrap());
        (parts.next().unwrap(), parts.next().unwrap()) >= (major, minor)
    }

    /// Params of at most so many characters.
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

/// The store of that seed.
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

/// Writes it to the directory of a server that has been started there once, in place of what it holds.
pub fn write(world: &World, layout: Layout, dir: &Path) {
    let artifacts = dir.join("artifacts");
    files::put_artifacts(world, &artifacts);
    if layout.is_files {
        files::write(world, layout, &dir.join("mlruns"));
    } else {
        rows::write(world, &dir.join("mlflow.db"));
    }
}

/// Makes a server's directory as empty as it was when the server began.
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
