use tokio::sync::mpsc;

use super::Copy;
use crate::entities::{Kind, MetricChunk, Readable, Run, RunId};
use crate::error::{Error, Result};
use crate::target::RunWriter;

/// A run that is open on the target and waits for its histories and files.
pub(super) struct RunWork {
    pub run: Run,
    pub fingerprint: String,
    pub target: RunId,
    pub writer: Box<dyn RunWriter>,
}

impl Copy {
    /// Writes one run to its end. Gives its id when it is on the target, whole but for what was reported.
    pub(super) async fn write_run(
        &self,
        work: RunWork,
        chunks: mpsc::Receiver<Readable<MetricChunk>>,
    ) -> Result<Option<RunId>> {
        let RunWork { run, fingerprint, target, mut writer } = work;
        let (id, name) = (run.id.as_str(), run.label());
        self.context.started(Kind::Run, id, name).await;
        let unread = match self.write_metrics(writer.as_mut(), chunks).await {
            Ok(unread) => unread,
            Err(error) => return self.lose(&run, &error).await,
        };
        let files = self.write_files(run.owner(), target.as_str(), writer.files()).await?;
        // Without a fingerprint the run is visited again next time, for the files that it lacks.
        let fingerprint = Some(fingerprint.as_str()).filter(|_| files.missing.is_empty());
        let unlisted = files.unlisted.map(|error| error.at("its artifacts cannot be listed"));
        if let Err(error) = writer.close(files.there, files.missing).await {
            return self.lose(&run, &error).await;
        }
        // The rest of the run is there; what could not be read makes it a failed one all the same.
        if let Some(error) = unread.or(unlisted) {
            self.lose(&run, &error).await?;
            return Ok(Some(run.id));
        }
        self.journal.done(Kind::Run, id, Some(target.as_str()), fingerprint)?;
        self.context.done(Kind::Run, id, name).await;
        Ok(Some(run.id))
    }

    /// Gives what could not be read, if anything.
    async fn write_metrics(
        &self,
        writer: &mut dyn RunWriter,
        mut chunks: mpsc::Receiver<Readable<MetricChunk>>,
    ) -> Result<Option<Error>> {
        let mut unread = None;
        while let Some(chunk) = chunks.recv().await {
            match chunk {
                Ok(chunk) => {
                    let points = chunk.points.len() as u64;
                    writer.metrics(chunk).await?;
                    self.context.progress().add_points(points);
                }
                Err(unreadable) => unread = Some(Error::permanent(unreadable.reason)),
            }
        }
        Ok(unread)
    }

    async fn lose(&self, run: &Run, error: &Error) -> Result<Option<RunId>> {
        self.journal.failed(Kind::Run, run.id.as_str(), &error.to_string())?;
        self.context.failed(Kind::Run, run.id.as_str(), run.label(), error).await;
        Ok(None)
    }
}
