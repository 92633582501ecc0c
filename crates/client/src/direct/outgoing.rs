//! One file on its way out: the protocol's sender over a stream.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use fleetlink_proto::transfer::limits::{Deadlines, GOODBYE_DEADLINE, STATE_STEP};
use fleetlink_proto::transfer::{
    Block, Ended, FromReceiver, Next, Receipt, Sender, TransferFailure, WaitsFor,
};
use tokio::time::timeout;

use super::alarm::Alarm;
use super::control::Control;
use super::failure::failed;
use super::incoming::steps;
use super::open_file::{Blocks, Content, OpenFile};
use super::transport::{RecvHalf, SendHalf, TransportError};

/// Pieces of an answer that are read at once.
const PIECES: usize = 4;

struct Outgoing<'a> {
    machine: Sender,
    send: SendHalf,
    recv: RecvHalf,
    blocks: Blocks,
    /// The next thing to write.
    pending: VecDeque<Bytes>,
    /// The block that it belongs to.
    block: Option<Block>,
    size: u64,
    /// Bytes of which the receiver has said that they came.
    arrived: u64,
    since: Instant,
    /// Since when the file is waited for, and whether the receiver was told.
    file_wait: Option<(Instant, bool)>,
    /// The receiver takes no more; what it says about that may still come, until then.
    stopped: Option<(Instant, TransferFailure)>,
    control: &'a Control,
}

/// Sends the file. The receipt says that the receiver has it, verified and durable.
pub(super) async fn send(
    (send, recv): (SendHalf, RecvHalf),
    file: OpenFile,
    deadlines: Deadlines,
    control: &Control,
) -> Result<Receipt, TransferFailure> {
    let offer = file.offer();
    let size = offer.size;
    let since = Instant::now();
    let (machine, frame) = Sender::new(offer, deadlines, since);
    let mut outgoing = Outgoing {
        machine,
        send,
        recv,
        blocks: file.read(),
        pending: VecDeque::from([frame.into()]),
        block: None,
        size,
        arrived: 0,
        since,
        file_wait: None,
        stopped: None,
        control,
    };
    control.came(0, size, since);
    control.waiting(None);
    let outcome = outgoing.run().await;
    match &outcome {
        Ok(_) | Err(TransferFailure::Peer(_)) => outgoing.send.finish(),
        Err(TransferFailure::Here(ended)) => outgoing.give_up(ended.clone()).await,
    }
    outcome
}

impl Outgoing<'_> {
    async fn run(&mut self) -> Result<Receipt, TransferFailure> {
        let mut pieces: [Bytes; PIECES] = Default::default();
        let control = self.control;
        let mut cancelled = pin!(control.cancelled());
        let mut alarm = Alarm::new(self.until());
        let mut steps = steps();
        loop {
            let mut front: Vec<Bytes> = self.pending.iter().cloned().collect();
            let writes = !front.is_empty() && self.stopped.is_none();
            let wants = front.is_empty()
                && self.stopped.is_none()
                && matches!(self.machine.next(), Next::Block(_) | Next::End);
            if wants && self.file_wait.is_none() {
                self.file_wait = Some((Instant::now(), false));
            }
            alarm.no_later_than(self.until());
            tokio::select! {
                read = self.recv.read_some(&mut pieces) => {
                    if let Some(receipt) = self.heard(read, &pieces)? {
                        return Ok(receipt);
                    }
                }
                written = self.send.write_some(&mut front), if writes => self.wrote(written)?,
                content = self.blocks.next(), if wants => {
                    self.provide(content.map_err(TransferFailure::Here)?);
                }
                _ = steps.tick() => self.show_progress(),
                ended = &mut cancelled => return Err(TransferFailure::Here(ended)),
                () = alarm.rings() => self.late()?,
            }
        }
    }

    fn until(&self) -> Instant {
        let machine = self.machine.poll_timeout();
        let stopped = self.stopped.as_ref().map(|(until, _)| *until);
        let told = match self.file_wait {
            Some((since, false)) => Some(since + STATE_STEP),
            _ => None,
        };
        let far = Instant::now() + GOODBYE_DEADLINE;
        let all = machine.into_iter().chain(stopped).chain(told);
        all.min().unwrap_or(far)
    }

    fn late(&mut self) -> Result<(), TransferFailure> {
        let now = Instant::now();
        if let Some((until, failure)) = &self.stopped
            && now >= *until
        {
            return Err(failure.clone());
        }
        self.wait_for_source(now);
        self.machine.handle_timeout(now).map_or(Ok(()), Err)
    }

    fn heard(
        &mut self,
        read: Result<usize, TransportError>,
        pieces: &[Bytes],
    ) -> Result<Option<Receipt>, TransferFailure> {
        let count = match read {
            Ok(count) => count,
            Err(error) => return Err(failed(error)),
        };
        if count == 0 {
            let early = self.machine.handle_end_of_stream();
            return Err(early.unwrap_or_else(|| TransferFailure::violation("the stream ended")));
        }
        for piece in &pieces[..count] {
            let mut input = &piece[..];
            loop {
                match self.machine.handle_bytes(&mut input, Instant::now()) {
                    FromReceiver::More => break,
                    FromReceiver::State(state) => {
                        self.arrived = self.arrived.max(state.bytes.min(self.size));
                        self.show_progress();
                        self.control.waiting(state.waits);
                    }
                    FromReceiver::Accepted => {
                        self.since = Instant::now();
                        self.control.waiting(None);
                    }
                    FromReceiver::Stored(receipt) => {
                        self.arrived = self.size;
                        self.show_progress();
                        return Ok(Some(receipt));
                    }
                    FromReceiver::Failed(failure) => return Err(failure),
                }
            }
        }
        Ok(None)
    }

    fn wrote(&mut self, written: Result<usize, TransportError>) -> Result<(), TransferFailure> {
        let mut written = match written {
            Ok(written) => written,
            // The receiver says why on the other half of the stream, if it still can.
            Err(error @ TransportError::Ended(_)) => {
                let until = Instant::now() + GOODBYE_DEADLINE;
                self.stopped = Some((until, failed(error)));
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        let now = Instant::now();
        while let Some(front) = self.pending.front_mut() {
            let part = written.min(front.len());
            front.advance(part);
            written -= part;
            if !front.is_empty() {
                break;
            }
            self.pending.pop_front();
        }
        match self.block {
            Some(block) if self.pending.is_empty() => {
                self.block = None;
                self.machine.block_sent(block, now);
            }
            _ => self.machine.moved(now),
        }
        Ok(())
    }

    fn show_progress(&self) {
        self.control.came(self.arrived, self.size, self.since);
    }

    /// Says that it is the file that is waited for, where that takes long: for a step, or for all the
    /// time that a transfer may stand still.
    fn wait_for_source(&mut self, now: Instant) {
        let over = |until: Instant| now >= until;
        let is_over = self.machine.poll_timeout().is_some_and(over);
        if let Some((since, told @ false)) = &mut self.file_wait
            && (is_over || over(*since + STATE_STEP))
        {
            *told = true;
            let frame = self.machine.wait_for_source();
            self.pending.push_back(frame.into());
            self.control.waiting(Some(WaitsFor::Source));
        }
    }

    fn provide(&mut self, content: Content) {
        if let Some((_, true)) = self.file_wait.take() {
            let frame = self.machine.source_goes_on(Instant::now());
            self.pending.push_back(frame.into());
            self.control.waiting(None);
        }
        match (content, self.machine.next()) {
            (Content::Block(bytes), Next::Block(block)) => {
                self.block = Some(block);
                self.pending.push_back(block.header().to_vec().into());
                self.pending.push_back(bytes);
            }
            (Content::End(hash), _) => {
                let end = self.machine.end(hash, Instant::now());
                self.pending.push_back(end.into());
            }
            // Both count the same bytes of the same size.
            (Content::Block(_), _) => {}
        }
    }

    /// Tells the receiver why, in words where no block is cut short by them, and by the code alone
    /// otherwise.
    async fn give_up(&mut self, ended: Ended) {
        self.recv.stop(ended.reason);
        let reason = ended.reason;
        let cancel = self.machine.cancel(ended);
        let told = async {
            if self.pending.is_empty() && self.send.write_all(cancel).await.is_ok() {
                self.send.finish();
                self.send.delivered(GOODBYE_DEADLINE).await;
                return true;
            }
            false
        };
        if !timeout(GOODBYE_DEADLINE, told).await.unwrap_or(false) {
            self.send.reset(reason);
        }
    }
}
