use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, Write};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::super::value::{Row, Value};
use super::row_file;
use crate::error::{Error, Result};

const ROWS_PER_BATCH: usize = 1_000;
/// Rows with spans can have a megabyte each.
const BYTES_PER_BATCH: usize = 1 << 20;
/// Batches that wait in memory for the consumer.
const BATCHES: usize = 4;

/// Receives the rows of one query as fast as the server sends them: a few batches wait in memory, the others in a
/// temporary file. So the connection is free for the next query, no matter how slowly the rows are used: MySQL has only
/// one connection for a snapshot, and it ends a connection whose results are not fetched for a minute
/// (`net_write_timeout`).
pub struct Sink {
    sender: Sender<Result<Vec<Row>>>,
    batch: Vec<Row>,
    bytes: usize,
    /// Batches after those in memory.
    file: Option<BufWriter<File>>,
    /// False when the consumer has gone.
    is_needed: bool,
}

impl Sink {
    pub fn new() -> (Self, Receiver<Result<Vec<Row>>>) {
        let (sender, receiver) = mpsc::channel(BATCHES);
        (Self { sender, batch: Vec::new(), bytes: 0, file: None, is_needed: true }, receiver)
    }

    /// False if no further rows are needed.
    pub fn is_needed(&self) -> bool {
        self.is_needed
    }

    pub fn push(&mut self, row: Row) -> Result<()> {
        self.bytes += row.0.iter().map(size).sum::<usize>();
        self.batch.push(row);
        match self.batch.len() >= ROWS_PER_BATCH || self.bytes >= BYTES_PER_BATCH {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        if batch.is_empty() || !self.is_needed {
            return Ok(());
        }
        if let Some(file) = &mut self.file {
            self.is_needed = !self.sender.is_closed();
            return row_file::write(file, &batch).map_err(temporary);
        }
        match self.sender.try_send(Ok(batch)) {
            Ok(()) => {}
            Err(TrySendError::Closed(_)) => self.is_needed = false,
            Err(TrySendError::Full(batch)) => {
                let batch = batch?;
                let file = self.file.insert(BufWriter::new(tempfile::tempfile().map_err(temporary)?));
                row_file::write(file, &batch).map_err(temporary)?;
            }
        }
        Ok(())
    }

    /// Passes the rest of the rows to the consumer, and then the error that ended the query.
    pub async fn finish(mut self, result: Result<()>) {
        let flushed = self.flush();
        let file = self.file.take();
        let sent = self.send_file(file).await;
        // The consumer needs one error only.
        if let Err(error) = result.and(flushed).and(sent) {
            let _ = self.sender.send(Err(error)).await;
        }
    }

    async fn send_file(&self, file: Option<BufWriter<File>>) -> Result<()> {
        let Some(mut file) = file else { return Ok(()) };
        file.flush().and_then(|()| file.rewind()).map_err(temporary)?;
        let mut file = BufReader::new(file.into_inner().map_err(|e| temporary(e.into_error()))?);
        while let Some(batch) = row_file::read(&mut file).map_err(temporary)? {
            if self.sender.send(Ok(batch)).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn temporary(error: std::io::Error) -> Error {
    Error::from(error).at(format!("a temporary file in {}", std::env::temp_dir().display()))
}

fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Int(_) | Value::Real(_) => 8,
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rows_that_nobody_fetches_yet_wait_in_a_file() {
        let (mut sink, mut receiver) = Sink::new();
        for number in 0..20_500 {
            sink.push(Row(vec![Value::Int(number), Value::Real(f64::NAN), Value::Null, "ä".into()])).unwrap();
        }
        assert!(sink.file.is_some());
        let last = Value::Bytes(vec![0xff]);
        sink.push(Row(vec![last.clone()])).unwrap();
        tokio::spawn(sink.finish(Err(Error::transient("lost"))));
        let mut rows = Vec::new();
        while let Some(Ok(batch)) = receiver.recv().await {
            rows.extend(batch);
        }
        assert_eq!(rows.len(), 20_501);
        assert_eq!(rows.pop().unwrap().0, [last]);
        for (number, row) in rows.into_iter().enumerate() {
            let [int, real, null, text] = row.columns();
            assert_eq!((int, null, text), (Value::Int(number as i64), Value::Null, "ä".into()));
            assert!(matches!(real, Value::Real(value) if value.is_nan()));
        }
    }

    #[tokio::test]
    async fn rows_for_nobody_are_dropped() {
        let (mut sink, receiver) = Sink::new();
        drop(receiver);
        for number in 0..10_000 {
            sink.push(Row(vec![Value::Int(number)])).unwrap();
        }
        assert!(!sink.is_needed() && sink.file.is_none());
        sink.finish(Ok(())).await;
    }
}
