pub mod choose;
pub mod single;
pub mod unique;
