use crate::commands::{Printer, format};
use crate::engine::Provisioning;

/// Seconds between two messages while the status does not change.
const LINE_INTERVAL: f64 = 60.0;

/// Reports how a creation proceeds: each change of the status, and a message every minute.
pub struct Reporter<'a> {
    printer: &'a Printer,
    last: Option<(String, f64)>,
}

impl<'a> Reporter<'a> {
    pub fn new(printer: &'a Printer) -> Self {
        Self { printer, last: None }
    }

    pub fn show(&mut self, progress: &Provisioning) {
        self.printer.raw(progress);
        match progress {
            Provisioning::AppRoleAwaited { reason, seconds } => self.printer.news(&format!(
                "the role is not available everywhere yet, trying again ({}): {reason}",
                format::seconds(*seconds)
            )),
            Provisioning::AppStatus { status, seconds, .. } => {
                let is_news = self
                    .last
                    .as_ref()
                    .is_none_or(|(known, shown)| known != status || seconds - shown >= LINE_INTERVAL);
                if is_news {
                    self.printer.news(&format!("{status}, {}", format::seconds(*seconds)));
                    self.last = Some((status.clone(), *seconds));
                }
            }
        }
    }
}
