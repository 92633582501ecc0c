//! The number exchange as a service: by itself, or beside a hub.

mod exchange;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fleetlink_proto::number_exchange::limits::{
    DRAIN_TIME, LINGER, REPLY_DEADLINE, REQUEST_DEADLINE, ROUNDS_DEADLINE,
};
use fleetlink_proto::number_exchange::{Line, Service};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::accept::{Bounds, accept_loop};
use crate::descriptors::Descriptors;
use crate::metrics::Counter;

/// Lines that may wait for a slow reader; then clients wait.
pub const LINE_QUEUE: usize = 4096;

/// The settings with which a number exchange starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address to listen on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Its name, its number and what a number outside the range does.
    pub service: Service,
    /// The silence of a client after which its bytes count as its whole request.
    pub quiet_time: Duration,
}

/// The reader of the service's lines.
#[derive(Debug, Clone)]
pub enum Lines {
    /// To whoever prints them; none is left out, so clients wait for a reader that is slow.
    Printed(mpsc::Sender<Line>),
    /// To the log, per request at DEBUG.
    Logged,
}

impl Lines {
    async fn say(&self, line: Line) {
        match self {
            // Without its reader the service still serves.
            Lines::Printed(printer) => drop(printer.send(line).await),
            Lines::Logged => tracing::debug!(target: "number_exchange", "{line}"),
        }
    }
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", reason(source))]
pub struct ListenError {
    pub address: SocketAddr,
    pub source: io::Error,
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program has that port".to_owned(),
        _ => error.to_string(),
    }
}

/// A number exchange that runs.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stopping: CancellationToken,
    accepting: JoinHandle<()>,
    replies: Arc<Counter>,
}

/// Starts a number exchange that may use as many connections as the process may.
pub async fn start(config: Config, lines: Lines) -> Result<Server, ListenError> {
    let listening = Listening::bind(config).await?;
    let connections = Descriptors::found().connections();
    Ok(listening.start(lines, connections).await)
}

/// A number exchange that has its address. Whoever connects waits.
pub(crate) struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    config: Config,
}

impl Listening {
    pub(crate) async fn bind(config: Config) -> Result<Self, ListenError> {
        let error = |source| ListenError {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        Ok(Listening {
            listener,
            address,
            config,
        })
    }

    /// Begins to serve, at most `connections` at once.
    pub(crate) async fn start(self, lines: Lines, connections: usize) -> Server {
        let service = &self.config.service;
        lines
            .say(Line::listening(&service.name, self.address))
            .await;
        serve(self, lines, connections)
    }
}

fn serve(listening: Listening, lines: Lines, connections: usize) -> Server {
    let Listening {
        listener,
        address,
        config,
    } = listening;
    let Config {
        service,
        quiet_time,
        ..
    } = config;
    let stopping = CancellationToken::new();
    let context = Arc::new(exchange::Context {
        service,
        quiet_time,
        lines,
        stopping: stopping.clone(),
        last: OnceLock::new(),
        replies: Arc::default(),
    });
    let bounds = Bounds {
        connections,
        lifetime: Some(ROUNDS_DEADLINE + REQUEST_DEADLINE + REPLY_DEADLINE + LINGER),
        drain: DRAIN_TIME + REPLY_DEADLINE + LINGER,
    };
    let (serving, replies) = (Arc::clone(&context), Arc::clone(&context.replies));
    let accepting = accept_loop(listener, bounds, stopping.clone(), move |stream, peer| {
        let span = tracing::error_span!("connection", service = "number exchange", %peer);
        exchange::serve(stream, peer, Arc::clone(&serving)).instrument(span)
    });
    let accepting = tokio::spawn(async move {
        accepting.await;
        // Those who were accepted before have been answered.
        if let Some(line) = context.last.get() {
            context.lines.say(line.clone()).await;
        }
    });
    Server {
        address,
        stopping,
        accepting,
        replies,
    }
}

impl Server {
    /// The address of the service.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The count of its replies.
    pub(crate) fn replies(&self) -> Arc<Counter> {
        Arc::clone(&self.replies)
    }

    /// Resolves when a number outside the range has ended the service, every client that was
    /// accepted before has been answered, and nothing listens any more.
    ///
    /// # Panics
    /// Where the accept loop panicked: that is no good end, and must not look like one.
    pub async fn ended(&mut self) {
        if let Err(error) = (&mut self.accepting).await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }

    /// Ends the service: clients that were accepted are answered first.
    pub async fn close(self) {
        self.stopping.cancel();
        // [`Server::ended`] may have taken its result: a handle is not asked again.
        if !self.accepting.is_finished() {
            let _ = self.accepting.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::number_exchange::OnOutOfRange;

    use super::*;

    #[tokio::test]
    async fn a_service_that_has_ended_can_be_closed() {
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            service: Service {
                name: "sum".parse().unwrap(),
                number: Default::default(),
                on_out_of_range: OnOutOfRange::Stop,
                reply_sum: false,
            },
            quiet_time: Duration::from_secs(1),
        };
        let mut server = start(config, Lines::Logged).await.unwrap();
        server.stopping.cancel();
        server.ended().await;
        server.close().await;
    }
}
