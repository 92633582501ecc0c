//! One file on its way in: the protocol's receiver over a stream.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::limits::{Deadlines, GOODBYE_DEADLINE};
use fleetlink_proto::transfer::{
    End, Ended, Failure, FileName, Offer, Reason, Receipt, Received, Receiver,
};
use tokio::time::timeout;

use super::alarm::Alarm;
use super::control::Control;
use super::failure::failed;
use super::sink::Sink;
use super::transport::{RecvHalf, SendHalf, TransportError};
use crate::inbox::{Inbox, Incoming as Partial};

/// Pieces of the content that are read at once.
const PIECES: usize = 32;

/// A file that is here, verified and durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The name that its sender gave it.
    pub name: FileName,
    /// The name that it has in the inbox.
    pub stored_as: FileName,
    /// How many bytes it has.
    pub bytes: u64,
}

/// An offer, and what became of it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What was offered, if that came.
    pub(super) offer: Option<Offer>,
    pub(super) result: Result<Stored, Failure>,
}

struct Incoming<'a> {
    machine: Receiver,
    send: SendHalf,
    recv: RecvHalf,
    sender: &'a DeviceName,
    inbox: &'a Arc<Inbox>,
    offer: Option<Offer>,
    accepted: bool,
    file: Option<(FileName, Sink)>,
    came: u64,
    since: Instant,
    control: &'a Control,
}

/// Receives what is offered on this stream. `accepted` hears of it when it is.
pub(super) async fn receive(
    (send, recv): (SendHalf, RecvHalf),
    sender: &DeviceName,
    inbox: &Arc<Inbox>,
    deadlines: Deadlines,
    control: &Control,
    accepted: impl FnOnce(&Offer),
) -> Outcome {
    let since = Instant::now();
    let mut incoming = Incoming {
        machine: Receiver::new(deadlines, since),
        send,
        recv,
        sender,
        inbox,
        offer: None,
        accepted: false,
        file: None,
        came: 0,
        since,
        control,
    };
    let mut accepted = Some(accepted);
    let result = incoming.run(|offer| {
        if let Some(accepted) = accepted.take() {
            accepted(offer);
        }
    });
    let result = result.await;
    if let Err(failure) = &result {
        incoming.give_up(failure).await;
    }
    Outcome {
        offer: incoming.offer,
        result,
    }
}

impl Incoming<'_> {
    async fn run(&mut self, mut accepted: impl FnMut(&Offer)) -> Result<Stored, Failure> {
        let mut pieces: [Bytes; PIECES] = [const { Bytes::new() }; PIECES];
        let control = self.control;
        let mut cancelled = pin!(control.cancelled());
        let mut alarm = Alarm::new(self.until());
        loop {
            alarm.no_later_than(self.until());
            tokio::select! {
                biased;
                ended = &mut cancelled => return Err(Failure::Here(ended)),
                read = self.recv.read_some(&mut pieces) => {
                    if let Some(end) = self.heard(read, &pieces, &mut accepted).await? {
                        return self.store(end).await;
                    }
                }
                () = alarm.rings() => {
                    self.machine.handle_timeout(Instant::now()).map_or(Ok(()), Err)?;
                }
            }
        }
    }

    fn until(&self) -> Instant {
        let far = || Instant::now() + GOODBYE_DEADLINE;
        self.machine.poll_timeout().unwrap_or_else(far)
    }

    async fn heard(
        &mut self,
        read: Result<usize, TransportError>,
        pieces: &[Bytes],
        accepted: &mut impl FnMut(&Offer),
    ) -> Result<Option<End>, Failure> {
        let count = read.map_err(failed)?;
        if count == 0 {
            let early = self.machine.handle_end_of_stream();
            return Err(early.unwrap_or_else(|| Failure::violation("the stream ended")));
        }
        let ended = self.take(&pieces[..count], accepted).await;
        self.show_progress();
        ended
    }

    async fn take(
        &mut self,
        pieces: &[Bytes],
        accepted: &mut impl FnMut(&Offer),
    ) -> Result<Option<End>, Failure> {
        let now = Instant::now();
        for piece in pieces {
            let mut input = &piece[..];
            loop {
                match self.machine.handle_bytes(&mut input, now) {
                    Received::More => break,
                    Received::Offered(offer) => self.offered(offer, accepted).await?,
                    Received::Content(bytes) => self.content(bytes).await?,
                    Received::Ended(end) => return Ok(Some(end)),
                    Received::Failed(failure) => return Err(failure),
                }
            }
        }
        Ok(None)
    }

    fn show_progress(&self) {
        if let Some(offer) = &self.offer {
            self.control.moved(self.came, offer.size, self.since);
        }
    }

    async fn offered(
        &mut self,
        offer: Offer,
        accepted: &mut impl FnMut(&Offer),
    ) -> Result<(), Failure> {
        self.offer = Some(offer.clone());
        let partial = self.admit(offer.clone()).await.map_err(Failure::Here)?;
        self.since = Instant::now();
        let frame = self.machine.accept(self.since);
        self.accepted = true;
        self.file = Some((partial.name().clone(), Sink::new(partial)));
        self.show_progress();
        accepted(&offer);
        self.say(frame).await
    }

    async fn admit(&self, offer: Offer) -> Result<Partial, Ended> {
        let (inbox, sender) = (self.inbox.clone(), self.sender.clone());
        let admitted = tokio::task::spawn_blocking(move || inbox.admit(&sender, &offer));
        let failed = |e: tokio::task::JoinError| Ended::new(Reason::Internal, e.to_string());
        admitted.await.map_err(failed)?
    }

    async fn content(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        // The machine lets no content through before the file was accepted.
        if let Some((_, sink)) = &mut self.file {
            let waited = sink.take(bytes).await.map_err(Failure::Here)?;
            if waited {
                self.machine.held_up(Instant::now());
            }
        }
        self.came += bytes.len() as u64;
        Ok(())
    }

    async fn store(&mut self, end: End) -> Result<Stored, Failure> {
        let Some((name, sink)) = self.file.take() else {
            return Err(Failure::violation("an end without a file"));
        };
        let stored_as = sink.finish(end).await.map_err(Failure::Here)?;
        let receipt = self.machine.stored(Receipt {
            stored_as: stored_as.clone(),
            bytes: end.bytes,
        });
        // It is here, whether its sender hears of it or not.
        if self.say(receipt).await.is_ok() {
            self.send.finish();
            self.send.delivered(GOODBYE_DEADLINE).await;
        }
        Ok(Stored {
            name,
            stored_as,
            bytes: end.bytes,
        })
    }

    async fn say(&mut self, frame: Vec<u8>) -> Result<(), Failure> {
        let said = timeout(GOODBYE_DEADLINE, self.send.write_all(frame)).await;
        let late = |_| Err(TransportError::Silent);
        said.unwrap_or_else(late).map_err(failed)
    }

    /// Tells the sender why, where it does not know, and drops what came.
    async fn give_up(&mut self, failure: &Failure) {
        if let Failure::Here(ended) = failure {
            let frame = match self.accepted {
                false => self.machine.refuse(ended.clone()),
                true => self.machine.cancel(ended.clone()),
            };
            // Where it cannot be said, the stream's end says it.
            let _ = self.say(frame).await;
            self.recv.stop(ended.reason);
        }
        self.send.finish();
        if let Some((_, sink)) = self.file.take() {
            sink.discard().await;
        }
        self.send.delivered(GOODBYE_DEADLINE).await;
    }
}
