//! The sending side of one file, without I/O.

use std::time::Instant;

use super::block::Block;
use super::failure::{Flow, TransferFailure, Wait};
use super::frames::{Frame, Frames};
use super::limits::Deadlines;
use super::message::{End, Message, Offer, Receipt, State as Report, WaitsFor};
use super::reason::Ended;
use crate::ContentHash;

/// The next step of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing before the receiver says something.
    Wait,
    /// This block: its header, then its content; [`Sender::block_sent`] when that is done.
    Block(Block),
    /// The end: [`Sender::end`] makes its frame of the hash.
    End,
    /// Nothing ever.
    Over,
}

/// An event from the receiver's bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum FromReceiver {
    /// The bytes are used up; no message is complete.
    More,
    /// The receiver reports its state.
    State(Report),
    /// The receiver accepts the file.
    Accepted,
    /// The receiver has stored the file, verified and durable. This is the end.
    Stored(Receipt),
    /// The transfer failed.
    Failed(TransferFailure),
}

/// One file on its way out.
#[derive(Debug)]
pub struct Sender {
    frames: Frames,
    size: u64,
    /// Bytes that the receiver says have come.
    came: u64,
    state: State,
    deadlines: Deadlines,
}

#[derive(Debug)]
enum State {
    Offered(Wait),
    Content { offset: u64, flow: Flow },
    Storing(Flow),
    Over,
}

impl Sender {
    /// A sender that offers a file at `now`, and the frame that does.
    pub fn new(offer: Offer, deadlines: Deadlines, now: Instant) -> (Self, Vec<u8>) {
        let wait = Wait::new("the receiver did not answer", deadlines.answer, now);
        let sender = Sender {
            frames: Frames::default(),
            size: offer.size,
            came: 0,
            state: State::Offered(wait),
            deadlines,
        };
        (sender, Message::Offer(offer).encode())
    }

    /// The next step.
    pub fn next(&self) -> Next {
        match self.state {
            State::Offered(_) | State::Storing(_) => Next::Wait,
            State::Content { offset, .. } => {
                Block::at(offset, self.size).map_or(Next::End, Next::Block)
            }
            State::Over => Next::Over,
        }
    }

    /// Some bytes of a block were taken by the network.
    pub fn moved(&mut self, now: Instant) {
        if let State::Content { flow, .. } = &mut self.state {
            flow.moved(now);
        }
    }

    /// The block that [`Sender::next`] named was taken by the network.
    pub fn block_sent(&mut self, block: Block, now: Instant) {
        if let State::Content { offset, flow } = &mut self.state {
            *offset = block.offset() + u64::from(block.bytes);
            flow.moved(now);
        }
    }

    /// All content was sent, and this is its hash; the frame that says so.
    pub fn end(&mut self, hash: ContentHash, now: Instant) -> Vec<u8> {
        let mut flow = Flow::new(self.deadlines.stall, now);
        if let State::Content { flow: before, .. } = &self.state {
            flow.waits = before.waits;
        }
        self.state = State::Storing(flow);
        let bytes = self.size;
        Message::End(End { bytes, hash }).encode()
    }

    /// The file gives nothing at the moment; the frame that says so.
    pub fn wait_for_source(&mut self) -> Vec<u8> {
        self.report(Some(WaitsFor::Source))
    }

    /// The file goes on; the frame that says so.
    pub fn source_goes_on(&mut self, now: Instant) -> Vec<u8> {
        if let State::Content { flow, .. } = &mut self.state {
            flow.moved(now);
        }
        self.report(None)
    }

    fn report(&mut self, waits: Option<WaitsFor>) -> Vec<u8> {
        let mut bytes = 0;
        if let State::Content { offset, flow } = &mut self.state {
            flow.waits = waits;
            bytes = *offset;
        }
        Message::State(Report { bytes, waits }).encode()
    }

    /// Ends it; the frame that says so.
    pub fn cancel(&mut self, ended: Ended) -> Vec<u8> {
        self.state = State::Over;
        Message::Cancel(ended).encode()
    }

    /// Takes bytes of the receiver's off the front of `input`, up to the next thing it said.
    pub fn handle_bytes(&mut self, input: &mut &[u8], now: Instant) -> FromReceiver {
        if matches!(self.state, State::Over) {
            *input = &[];
            return FromReceiver::More;
        }
        let answer = match self.frames.next(input) {
            Frame::More => return FromReceiver::More,
            Frame::Garbage(what) => Err(TransferFailure::violation(what)),
            Frame::Block(_) | Frame::Content(_) => {
                Err(TransferFailure::violation("content that was not asked for"))
            }
            Frame::Message(kind, payload) => self.message(kind, &payload, now),
        };
        answer.unwrap_or_else(|failure| {
            self.state = State::Over;
            FromReceiver::Failed(failure)
        })
    }

    /// The receiver ended its stream. Before its receipt that is a failure.
    pub fn handle_end_of_stream(&mut self) -> Option<TransferFailure> {
        let over = matches!(self.state, State::Over);
        (!over).then(|| {
            self.state = State::Over;
            TransferFailure::violation("the stream ended before the receipt")
        })
    }

    /// The time for [`Sender::handle_timeout`], unless an event comes before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Offered(wait) => Some(wait.until()),
            State::Content { flow, .. } | State::Storing(flow) => Some(flow.until()),
            State::Over => None,
        }
    }

    /// Whether a wait is over.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<TransferFailure> {
        let failure = match &self.state {
            State::Offered(wait) => wait.over(now),
            State::Content { flow, .. } | State::Storing(flow) => flow.over(now),
            State::Over => None,
        };
        if failure.is_some() {
            self.state = State::Over;
        }
        failure
    }

    fn message(
        &mut self,
        kind: u8,
        payload: &[u8],
        now: Instant,
    ) -> Result<FromReceiver, TransferFailure> {
        let message = Message::decode(kind, payload)
            .ok_or_else(|| TransferFailure::violation("a message that cannot be read"))?;
        match (message, &self.state) {
            (Message::State(report), _) => Ok(self.heard(report, now)),
            (Message::Cancel(ended), _) | (Message::Refuse(ended), State::Offered(_)) => {
                Err(TransferFailure::Peer(ended))
            }
            (Message::Accept(accept), State::Offered(_)) if accept.from_block == 0 => {
                self.state = State::Content {
                    offset: 0,
                    flow: Flow::new(self.deadlines.stall, now),
                };
                Ok(FromReceiver::Accepted)
            }
            (Message::Receipt(receipt), State::Storing(_)) if receipt.bytes == self.size => {
                self.state = State::Over;
                Ok(FromReceiver::Stored(receipt))
            }
            _ => Err(TransferFailure::violation("a message out of order")),
        }
    }

    /// The receiver says how far it is: that is life, where it is further than before.
    fn heard(&mut self, report: Report, now: Instant) -> FromReceiver {
        let further = report.bytes > self.came;
        self.came = self.came.max(report.bytes.min(self.size));
        match &mut self.state {
            // It lets this one wait its turn.
            State::Offered(wait) => wait.begin_anew(now),
            State::Content { flow, .. } | State::Storing(flow) => {
                // The own file is nothing that the receiver could tell about.
                if flow.waits != Some(WaitsFor::Source) {
                    flow.waits = report.waits;
                }
                if further {
                    flow.moved(now);
                }
            }
            State::Over => {}
        }
        FromReceiver::State(report)
    }
}
