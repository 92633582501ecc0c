//! A stream of events: what the feed has for its caller, for as long as the caller may follow.

use std::convert::Infallible;
use std::sync::Arc;

use axum::http::StatusCode;
use bytes::Bytes;
use fleetlink_core::{AdminRequest, Caller};
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::time::{Instant, sleep_until};

use super::super::Http;
use super::super::limits::{ASK_AGAIN, EVENTS_TOGETHER, PING};
use super::places::StreamPlace;
use crate::feed::{EventId, Read, Reader};
use crate::metrics::Meters;

/// A caller that follows the feed.
pub(super) struct Follower {
    http: Arc<Http>,
    caller: Caller,
    /// The request that asks whether the caller may follow.
    request: AdminRequest,
    reader: Reader,
    /// The time at which the core is asked again.
    ask: Instant,
    /// The time at which something has to be sent, so that the client sees a connection that lives.
    ping: Instant,
    /// Before this time no more events are taken: those that come are sent together.
    gather: Instant,
    begun: bool,
    _place: StreamPlace,
}

/// The next part of a stream.
enum Next {
    Events(Vec<Bytes>),
    /// The stream is over.
    End,
}

impl Follower {
    /// A caller that the core has just permitted by this request.
    pub(super) fn new(
        http: Arc<Http>,
        (caller, request): (Caller, AdminRequest),
        reader: Reader,
        place: StreamPlace,
    ) -> Self {
        let now = Instant::now();
        Follower {
            http,
            caller,
            request,
            reader,
            ask: now + ASK_AGAIN,
            ping: now + PING,
            gather: now,
            begun: false,
            _place: place,
        }
    }

    /// The events as they are sent.
    pub(super) fn events(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        let batches = stream::unfold(self, async |mut follower| match follower.next().await {
            Next::Events(events) => Some((stream::iter(events), follower)),
            Next::End => None,
        });
        // In a box: the futures within are large.
        Box::pin(batches.flatten().map(Ok))
    }

    async fn next(&mut self) -> Next {
        if !self.begun {
            self.begun = true;
            return Next::Events(vec![note("fleetlink", self.reader.seen())]);
        }
        loop {
            let gather = sleep_until(self.gather);
            let read = async {
                gather.await;
                self.reader.read().await
            };
            tokio::select! {
                biased;
                () = self.http.closing.cancelled() => return Next::End,
                () = sleep_until(self.ask) => {
                    if !self.is_permitted().await {
                        return Next::End;
                    }
                }
                () = sleep_until(self.ping) => {
                    self.ping = Instant::now() + PING;
                    return Next::Events(vec![note("ping", self.reader.seen())]);
                }
                read = read => {
                    // Behind a full read there may be more, which have gathered already.
                    if !self.reader.was_full() {
                        self.gather = Instant::now() + EVENTS_TOGETHER;
                    }
                    let events = texts(read, &self.http.meters);
                    if !events.is_empty() {
                        self.ping = Instant::now() + PING;
                        return Next::Events(events);
                    }
                }
            }
        }
    }

    /// Asks the core again. A hub that is too busy to reply ends no stream.
    async fn is_permitted(&mut self) -> bool {
        let asked = self.http.ask(&self.caller, self.request.clone()).await;
        self.ask = Instant::now() + ASK_AGAIN;
        let refusal = asked.err().map(|problem| problem.status());
        !matches!(
            refusal,
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        )
    }
}

fn texts(read: Read, meters: &Meters) -> Vec<Bytes> {
    match read {
        Read::Events(events) => events.iter().map(|event| event.text.clone()).collect(),
        Read::Reset(id) => {
            meters.feed_resets.one();
            let text = format!("event: reset\nid: {id}\ndata: {{}}\n\n");
            vec![Bytes::from(text)]
        }
    }
}

/// A comment, and the id of the last event that was passed: a client that comes back shows it, also if
/// none of the events was for it.
fn note(comment: &str, seen: EventId) -> Bytes {
    Bytes::from(format!(": {comment}\nid: {seen}\n\n"))
}
