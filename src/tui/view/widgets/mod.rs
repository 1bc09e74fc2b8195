//! Parts of screens. Each part draws the model and makes no decisions.

pub mod changed;
pub mod dialog;
pub mod fields;
pub mod footer;
pub mod help;
pub mod paint;
pub mod pane;
pub mod plot;
pub mod step_help;
pub mod stepper;
pub mod store_contents;
