//! The result of a comparison: its data, and the writers of the report formats. This layer does not depend on the
//! comparison or on the frontend.

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

pub use curve::{Curve, Deviation, Series};
pub use difference::{Difference, FieldDifference, FileFacts, FileSides, Mark, Totals};
pub use document::Report;
pub use format::Format;
pub use inline_diff::{Parts, parts};
pub use remark::{Remark, Remarks};
pub use repair::{Repair, Repairs};
