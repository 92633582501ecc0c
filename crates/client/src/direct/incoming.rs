//! One file on its way in: the protocol's receiver over a stream.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::limits::{Deadlines, GOODBYE_DEADLINE, STATE_STEP};
use fleetlink_proto::transfer::{
    End, Ended, FileName, Message, Offer, Reason, Receipt, Received, Receiver, State,
    TransferFailure, WaitsFor,
};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::alarm::Alarm;
use super::control::Control;
use super::failure::failed;
use super::places::Place;
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
    /// The path of the file: the inbox as it was named, made absolute, and `stored_as`. Somebody may
    /// have moved the folder since.
    pub path: PathBuf,
    /// The number of bytes.
    pub bytes: u64,
}

/// An offer and its end: the stored file, or the failure.
#[derive(Debug)]
pub(super) struct OfferEnd {
    /// The offer, if it came.
    pub(super) offer: Option<Offer>,
    pub(super) result: Result<Stored, TransferFailure>,
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
    /// Bytes that the sender was told of.
    told: u64,
    stall: Duration,
    control: &'a Control,
    place: Place,
}

/// Receives what is offered on this stream. `accepted` hears of it when it is.
pub(super) async fn receive(
    (send, recv): (SendHalf, RecvHalf),
    sender: &DeviceName,
    inbox: &Arc<Inbox>,
    deadlines: Deadlines,
    control: &Control,
    place: Place,
    accepted: impl FnOnce(&Offer),
) -> OfferEnd {
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
        told: 0,
        stall: deadlines.stall,
        control,
        place,
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
    OfferEnd {
        offer: incoming.offer,
        result,
    }
}

impl Incoming<'_> {
    async fn run(&mut self, mut accepted: impl FnMut(&Offer)) -> Result<Stored, TransferFailure> {
        let mut pieces: [Bytes; PIECES] = [const { Bytes::new() }; PIECES];
        let control = self.control;
        let mut cancelled = pin!(control.cancelled());
        let mut alarm = Alarm::new(self.until());
        let mut steps = steps();
        loop {
            alarm.no_later_than(self.until());
            tokio::select! {
                biased;
                ended = &mut cancelled => return Err(TransferFailure::Here(ended)),
                read = self.recv.read_some(&mut pieces) => {
                    if let Some(end) = self.heard(read, &pieces, &mut accepted).await? {
                        return self.store(end).await;
                    }
                }
                _ = steps.tick() => self.report(None).await?,
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
    ) -> Result<Option<End>, TransferFailure> {
        let count = read.map_err(failed)?;
        if count == 0 {
            let early = self.machine.handle_end_of_stream();
            return Err(early.unwrap_or_else(|| TransferFailure::violation("the stream ended")));
        }
        let ended = self.take(&pieces[..count], accepted).await;
        self.show_progress();
        ended
    }

    async fn take(
        &mut self,
        pieces: &[Bytes],
        accepted: &mut impl FnMut(&Offer),
    ) -> Result<Option<End>, TransferFailure> {
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
            self.control.came(self.came, offer.size, self.since);
        }
    }

    async fn offered(
        &mut self,
        offer: Offer,
        accepted: &mut impl FnMut(&Offer),
    ) -> Result<(), TransferFailure> {
        self.offer = Some(offer.clone());
        let admitting = admit(self.inbox.clone(), self.sender.clone(), offer.clone());
        let admitted = self.patiently(admitting).await?;
        let partial = admitted.map_err(TransferFailure::Here)?;
        self.since = Instant::now();
        let frame = self.machine.accept(self.since);
        self.accepted = true;
        self.file = Some((partial.name().clone(), Sink::new(partial)));
        self.show_progress();
        accepted(&offer);
        self.say(frame).await
    }

    async fn content(&mut self, bytes: &[u8]) -> Result<(), TransferFailure> {
        // The machine lets no content through before the file was accepted.
        if let Some((name, mut sink)) = self.file.take() {
            let taken = self.patiently(sink.take(bytes)).await;
            // Back in its place in any case: what came is dropped where this fails.
            self.file = Some((name, sink));
            if taken?.map_err(TransferFailure::Here)? {
                self.machine.held_up(Instant::now());
            }
        }
        self.came += bytes.len() as u64;
        Ok(())
    }

    async fn store(&mut self, end: End) -> Result<Stored, TransferFailure> {
        let Some((name, sink)) = self.file.take() else {
            return Err(TransferFailure::violation("an end without a file"));
        };
        let fate = sink.fate();
        let mut finishing = pin!(sink.finish(end));
        let stored_as = match self.patiently(&mut finishing).await {
            Ok(finished) => finished,
            // It gets its name already.
            Err(_) if !fate.give_up() => finishing.await,
            Err(failure) => {
                let _ = timeout(GOODBYE_DEADLINE, finishing).await;
                return Err(failure);
            }
        };
        let stored_as = stored_as.map_err(TransferFailure::Here)?;
        let receipt = self.machine.stored(Receipt {
            sender: Some(self.sender.clone()),
            stored_as: stored_as.clone(),
            bytes: end.bytes,
        });
        // It is here, whether its sender hears of it or not.
        if self.say(receipt).await.is_ok() {
            self.send.finish();
            self.send.delivered(GOODBYE_DEADLINE).await;
        }
        Ok(Stored {
            path: self.inbox.path().join(stored_as.as_str()),
            name,
            stored_as,
            bytes: end.bytes,
        })
    }

    /// Waits for the disk: as long as the sender does, nobody ends it, and it is not idle for too
    /// long. The sender is told for what it waits.
    async fn patiently<T>(&mut self, work: impl Future<Output = T>) -> Result<T, TransferFailure> {
        let mut work = pin!(work);
        // Most of the time there is nothing to wait for.
        if let Some(done) = at_once(work.as_mut()).await {
            return Ok(done);
        }
        let (began, control) = (Instant::now(), self.control);
        let mut stopped = pin!(self.send.stopped());
        let mut steps = steps();
        steps.tick().await;
        let waited = loop {
            tokio::select! {
                biased;
                done = &mut work => break Ok(done),
                ended = control.cancelled() => break Err(TransferFailure::Here(ended)),
                error = &mut stopped => break Err(failed(error)),
                _ = steps.tick() => {
                    if began.elapsed() >= self.stall {
                        let ended = Ended::stalled(Some(WaitsFor::Disk), self.stall);
                        break Err(TransferFailure::Here(ended));
                    }
                    self.report(Some(WaitsFor::Disk)).await?;
                }
            }
        };
        self.control.waiting(None);
        waited
    }

    /// Tells the sender how far this is, where that is news. Before the answer to its offer each word
    /// is news: the sender does not wait for long without one.
    async fn report(&mut self, waits: Option<WaitsFor>) -> Result<(), TransferFailure> {
        if !self.accepted && waits.is_none() {
            return Ok(());
        }
        self.show_progress();
        self.place.judge(self.came, Instant::now());
        let waiting = self.control.waits();
        let news = !self.accepted || self.came != self.told || *waiting.borrow() != waits;
        if !news {
            return Ok(());
        }
        self.control.waiting(waits);
        self.told = self.came;
        let bytes = self.came;
        self.say(Message::State(State { bytes, waits }).encode())
            .await
    }

    async fn say(&mut self, frame: Vec<u8>) -> Result<(), TransferFailure> {
        let said = timeout(GOODBYE_DEADLINE, self.send.write_all(frame)).await;
        let late = |_| Err(TransportError::Silent);
        said.unwrap_or_else(late).map_err(failed)
    }

    /// Tells the sender why, where it does not know, and drops what came.
    async fn give_up(&mut self, failure: &TransferFailure) {
        if let TransferFailure::Here(ended) = failure {
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

/// The inbox's answer to an offer. Where nobody waits for it any more, nothing stays.
async fn admit(inbox: Arc<Inbox>, sender: DeviceName, offer: Offer) -> Result<Partial, Ended> {
    let admitted = tokio::task::spawn_blocking(move || inbox.admit(&sender, &offer));
    let failed = |e: tokio::task::JoinError| Ended::new(Reason::Internal, e.to_string());
    admitted.await.map_err(failed)?
}

/// The result of this, where it need not be waited for.
async fn at_once<F: Future>(work: std::pin::Pin<&mut F>) -> Option<F::Output> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = std::future::ready(()) => None,
    }
}

/// The times at which the peer is told how far a transfer is.
pub(super) fn steps() -> Interval {
    let mut steps = interval(STATE_STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    steps
}
