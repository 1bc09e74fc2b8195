//! Databases as users leave them: edited by hand, restored in parts, or of another release.

mod damage;
mod fixture;
mod objects;
