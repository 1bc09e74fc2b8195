//! The result of a comparison: one model and its writers. This layer does not know how the two sides were compared or
//! who reads the report.

mod curve;
mod difference;
mod document;
mod escape;
mod format;
mod html;
mod inline_diff;
mod markdown;
mod remark;
mod repair;
mod spool;
#[cfg(test)]
mod tests;
mod write;

pub use curve::{COLUMNS, Curve, Deviation, Series};
pub use difference::{Difference, FieldDifference, FileFacts, FileSides, Mark, Totals};
pub use document::Report;
pub use format::Format;
pub use inline_diff::{Parts, parts};
pub use remark::{Remark, Remarks};
pub use repair::{Repair, Repairs};
