//! A proxy between the program and a real server. It speaks HTTP/1.1 with both and injects the faults of networks and
//! gateways.

pub mod fault;
mod http;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use fault::Fault;
pub use http::Message;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;

/// Selects the fault for a request and its number, which starts at 0.
type Script = Box<dyn FnMut(&Message, usize) -> Option<Fault> + Send>;

/// The proxy ends when this value is dropped.
pub struct Proxy {
    pub url: String,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    to: String,
    script: Mutex<Script>,
    seen: AtomicUsize,
    faults: AtomicUsize,
    arrived: Notify,
}

impl Proxy {
    pub async fn start(to: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            to: to.trim_start_matches("http://").to_owned(),
            script: Mutex::new(Box::new(|_, _| None)),
            seen: AtomicUsize::new(0),
            faults: AtomicUsize::new(0),
            arrived: Notify::new(),
        });
        let listening = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Self { url: format!("http://{address}"), shared, listening }
    }

    /// Applies from the next request on. The count of requests starts again at 0.
    pub async fn script(&self, script: impl FnMut(&Message, usize) -> Option<Fault> + Send + 'static) {
        let mut current = self.shared.script.lock().await;
        *current = Box::new(script);
        self.shared.seen.store(0, Ordering::SeqCst);
    }

    /// Passes on all requests without faults.
    pub async fn heal(&self) {
        self.script(|_, _| None).await;
    }

    /// The number of requests that had a fault, among all requests so far.
    pub fn faults(&self) -> usize {
        self.shared.faults.load(Ordering::SeqCst)
    }

    /// Waits until this many requests have arrived.
    pub async fn until(&self, count: usize) {
        loop {
            let arrived = self.shared.arrived.notified();
            if self.shared.seen.load(Ordering::SeqCst) >= count {
                return;
            }
            arrived.await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(serve(client, Arc::clone(&shared)));
    }
}

/// Serves one connection until the first fault that ends it. A client that disconnects in the middle is ignored.
async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    while let Ok(Some(request)) = Message::read(&mut client, None).await {
        let fault = {
            let mut script = shared.script.lock().await;
            let number = shared.seen.fetch_add(1, Ordering::SeqCst);
            script(&request, number)
        };
        shared.arrived.notify_waiters();
        let done = match fault {
            None => fault::pass_on(&mut client, &request, &shared.to).await,
            Some(fault) => {
                shared.faults.fetch_add(1, Ordering::SeqCst);
                fault.befall(&mut client, &request, &shared.to).await
            }
        };
        if !matches!(done, Ok(true)) {
            return;
        }
    }
}
