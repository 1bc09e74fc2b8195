//! A scan of the sizes of runs.

use crate::entities::ExperimentId;

/// Runs of one experiment that are being measured.
#[derive(Debug)]
pub struct SizeScan {
    pub(in crate::tui) experiment: ExperimentId,
    pub done: usize,
    pub total: usize,
    /// The reason why some runs could not be measured.
    pub(in crate::tui) trouble: Option<String>,
}
