//! The bounded accept loop of every TCP service: a cap on its connections, a bound on the life of
//! each where the service has one, and a drain at the end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The pause of accepting when the machine has no file descriptors or memory left.
const PAUSE: Duration = Duration::from_millis(100);
/// The bounds of a service's connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The most connections at once; further ones wait in the kernel's queue.
    pub(crate) connections: usize,
    /// The longest life of a connection, whatever its peer does; none for a service whose sessions
    /// have deadlines of their own.
    pub(crate) lifetime: Option<Duration>,
    /// The time that connections are given after `shutdown`; then they are cut off.
    pub(crate) drain: Duration,
}

/// Accepts connections until `shutdown`. Returns when every connection has been served or cut off.
pub(crate) async fn accept_loop<F, S>(
    listener: TcpListener,
    bounds: Bounds,
    shutdown: CancellationToken,
    mut serve: F,
) where
    F: FnMut(TcpStream, SocketAddr) -> S,
    S: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(bounds.connections));
    let cut_off = CancellationToken::new();
    let tasks = TaskTracker::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                // In a box: each of the futures around it would have room for it twice.
                let service = Box::pin(serve(stream, peer));
                let service = within(bounds.lifetime, service);
                let cut_off = cut_off.clone();
                tasks.spawn(async move {
                    let _ = cut_off.run_until_cancelled(service).await;
                    drop(place);
                });
            }
            Err(error) => pause(&error).await,
        }
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(bounds.drain, tasks.wait())
        .await
        .is_err()
    {
        let left = tasks.len();
        tracing::warn!(left, "connections that did not end in time are cut off");
        cut_off.cancel();
        tasks.wait().await;
    }
}

async fn within(lifetime: Option<Duration>, service: impl Future<Output = ()>) {
    match lifetime {
        None => service.await,
        // Its connection closes with it; who waits for a reply sees that.
        Some(lifetime) => drop(tokio::time::timeout(lifetime, service).await),
    }
}

/// A connection that failed while it waited is no fault of ours; everything else needs time.
async fn pause(error: &io::Error) {
    if error.kind() == io::ErrorKind::ConnectionAborted {
        return;
    }
    tracing::warn!(%error, "cannot accept connections for now");
    tokio::time::sleep(PAUSE).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn bounds(connections: usize) -> Bounds {
        Bounds {
            connections,
            lifetime: None,
            drain: Duration::from_secs(60),
        }
    }

    #[tokio::test]
    async fn cuts_off_who_lives_too_long_and_who_does_not_end() {
        for (lifetime, drain) in [(Some(Duration::ZERO), 60), (None, 0)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let shutdown = CancellationToken::new();
            let bounds = Bounds {
                connections: 10,
                lifetime,
                drain: Duration::from_secs(drain),
            };
            let (entered, mut served) = tokio::sync::mpsc::channel(1);
            let service = move |mut stream: TcpStream, _| {
                let entered = entered.clone();
                async move {
                    entered.send(()).await.unwrap();
                    let _ = stream.read_u8().await;
                }
            };
            let accepting = tokio::spawn(accept_loop(listener, bounds, shutdown.clone(), service));
            let mut silent = TcpStream::connect(address).await.unwrap();
            served.recv().await.unwrap();
            if lifetime.is_none() {
                shutdown.cancel();
            }
            assert!(silent.read_u8().await.is_err(), "it is closed");
            shutdown.cancel();
            accepting.await.unwrap();
        }
    }

    #[tokio::test]
    async fn holds_no_more_connections_than_allowed_and_drains_at_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let service = |mut stream: TcpStream, _| async move {
            stream.write_all(b"!").await.unwrap();
            let _ = stream.read_u8().await;
        };
        let accepting = tokio::spawn(accept_loop(listener, bounds(1), shutdown.clone(), service));

        let mut first = TcpStream::connect(address).await.unwrap();
        first.read_u8().await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(50), second.read_u8()).await;
        assert!(early.is_err(), "the second waits for the first to go");
        drop(first);
        second.read_u8().await.unwrap();

        shutdown.cancel();
        assert!(!accepting.is_finished());
        drop(second);
        accepting.await.unwrap();
    }
}
