//! Downloads from a server. Each one runs in its own task.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::concurrency::Slot;
use super::send::Reply;
use crate::error::{Error, Result};
use crate::io::OwnTask;
use crate::rest::{Call, Client};

/// The number of pieces of a file that are buffered for its reader.
const PIECES: usize = 8;

/// The next piece of a file. `None` at its end.
type Piece = Result<Option<Bytes>>;

/// A running download. Dropping it stops it.
struct Download {
    pieces: Receiver<Piece>,
    _pump: OwnTask<()>,
}

impl Client {
    /// Sends a call and returns its answer as a stream. The slot is held only while the server must send, and not while
    /// pieces wait for the reader.
    pub async fn stream(&self, call: &Call) -> Result<BoxStream<'static, Result<Bytes>>> {
        let (client, call) = (self.clone(), call.clone());
        let began = OwnTask::spawn(async move {
            client
                .repeated(&call, || async {
                    let slot = client.acquire(&call).await?;
                    let reply = client.send(&call).await?;
                    let (sender, pieces) = mpsc::channel(PIECES);
                    let pump = OwnTask::spawn(client.clone().pump(reply, slot, sender));
                    Ok(Download { pieces, _pump: pump })
                })
                .await
        });
        Ok(stream::unfold(Some(began.await??), Download::next).boxed())
    }

    async fn pump(self, mut reply: Reply, slot: Slot, pieces: Sender<Piece>) {
        let mut slot = Some(slot);
        loop {
            let piece = reply.chunk().await.map_err(|failure| failure.error);
            if let Ok(Some(bytes)) = &piece {
                self.meter.moved(bytes.len());
            }
            let is_last = !matches!(piece, Ok(Some(_)));
            match pieces.try_send(piece) {
                Ok(()) => {}
                Err(TrySendError::Closed(_)) => return,
                Err(TrySendError::Full(piece)) => {
                    drop(slot.take());
                    reply.set_server_acts(false);
                    if pieces.send(piece).await.is_err() {
                        return;
                    }
                    // A running download does not wait for a free slot, because servers end an answer that is not read
                    // (gunicorn after 30 s).
                    slot = self.pace.try_acquire();
                    reply.set_server_acts(true);
                }
            }
            if is_last {
                drop(slot);
                return;
            }
        }
    }
}

impl Download {
    /// A file that ends early without an error must not count as complete.
    async fn next(this: Option<Self>) -> Option<(Result<Bytes>, Option<Self>)> {
        let mut this = this?;
        match this.pieces.recv().await {
            Some(Ok(Some(bytes))) => Some((Ok(bytes), Some(this))),
            Some(Ok(None)) => None,
            Some(Err(error)) => Some((Err(error), None)),
            None => Some((Err(Error::transient("a download broke off inside this program")), None)),
        }
    }
}
