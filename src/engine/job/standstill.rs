//! Ends a job that makes no progress for any reason. The user then finds an error, and not a progress bar that has not
//! moved for hours.

use std::time::{Duration, Instant};

use super::context::CONTINUES;
use crate::engine::Context;
use crate::error::Error;
use crate::io::Traffic;

/// The values that change as long as the work makes progress: requests, retries, bytes on the wire, events.
type Marks = (u64, u64, u64, u64);

/// Checks a job at intervals.
pub struct Standstill {
    limit: Duration,
    marks: Marks,
    since: Instant,
}

impl Standstill {
    pub fn new(limit: Duration) -> Self {
        Self { limit, marks: Marks::default(), since: Instant::now() }
    }

    /// Returns an error when the job has made no progress for longer than the limit. The job must end with this error.
    pub fn check(&mut self, traffic: &[Traffic], context: &Context, now: Instant) -> Option<Error> {
        let (events, is_excused) = context.moves();
        let sum = |of: fn(&Traffic) -> u64| traffic.iter().map(of).sum();
        let marks = (sum(|t| t.requests), sum(|t| t.retries), sum(|t| t.bytes), events);
        if is_excused || marks != self.marks {
            (self.marks, self.since) = (marks, now);
        }
        if now.duration_since(self.since) < self.limit {
            return None;
        }
        let troubles: Vec<String> = context.progress().read().troubles().collect();
        let servers = if troubles.is_empty() { String::new() } else { format!("; {}", troubles.join("; ")) };
        let message = format!(
            "no progress for {:.0} min; unfinished: {}{servers}",
            self.limit.as_secs_f64() / 60.0,
            context.unfinished()
        );
        Some(Error::transient(message).hint(CONTINUES))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{mpsc, watch};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::engine::{Event, Progress};
    use crate::entities::Kind;
    use crate::io::Health;

    #[tokio::test]
    async fn only_a_job_without_progress_and_without_a_reason_is_ended() {
        let (events, _receiver) = mpsc::channel(9);
        let (pause, paused) = watch::channel(false);
        let progress = Arc::new(Progress::default());
        let context = Context::new(events, Arc::clone(&progress), None, CancellationToken::new(), paused);
        let (kind, id, name) = (Kind::Run, "1".to_owned(), "adam".to_owned());
        context.send(Event::ItemStarted { kind, id, name }).await;
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_secs(minutes * 60);
        let traffic = |bytes| [Traffic { bytes, ..Traffic::default() }];
        let mut standstill = Standstill::new(Duration::from_secs(900));
        assert!(standstill.check(&traffic(1), &context, at(0)).is_none());
        assert!(standstill.check(&traffic(1), &context, at(14)).is_none());
        assert!(standstill.check(&traffic(2), &context, at(16)).is_none(), "a byte came");
        pause.send_replace(true);
        assert!(standstill.check(&traffic(2), &context, at(60)).is_none(), "the user has paused the job");
        pause.send_replace(false);
        context.servers([Health::Fine, Health::Silent { seconds: 800 }]).await;
        let error = standstill.check(&traffic(2), &context, at(75)).unwrap();
        assert_eq!(error.exit_code(), 5);
        let message = error.to_string();
        assert!(
            message.contains("run \"adam\"") && message.contains("the target has been silent"),
            "{message}"
        );
    }
}
