//! The receiving side of one file, without I/O.

use std::time::Instant;

use super::block::Block;
use super::failure::{Flow, TransferFailure, Wait};
use super::frames::{Frame, Frames};
use super::limits::{Deadlines, MAX_FILE_BYTES};
use super::message::{Accept, End, Message, Offer, Receipt};
use super::reason::Ended;

/// An event from the sender's bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// All input is used up.
    More,
    /// An offer: [`Receiver::accept`] or [`Receiver::refuse`] answers it.
    Offered(Offer),
    /// The next bytes of the file.
    Content(&'a [u8]),
    /// All content came: after the hash was compared and the file is durable,
    /// [`Receiver::stored`] says so.
    Ended(End),
    /// It is over.
    Failed(TransferFailure),
}

/// One file on its way in.
#[derive(Debug)]
pub struct Receiver {
    frames: Frames,
    state: State,
    deadlines: Deadlines,
}

#[derive(Debug)]
enum State {
    Waiting(Wait),
    Deciding { size: u64 },
    Content(Content),
    Storing,
    Over,
}

#[derive(Debug)]
struct Content {
    size: u64,
    /// The number of bytes received.
    came: u64,
    /// The number of bytes missing from the current block.
    left_of_block: usize,
    flow: Flow,
}

impl Receiver {
    /// A receiver whose stream was opened at `now`.
    pub fn new(deadlines: Deadlines, now: Instant) -> Self {
        let wait = Wait::new("no offer came", deadlines.offer, now);
        Receiver {
            frames: Frames::default(),
            state: State::Waiting(wait),
            deadlines,
        }
    }

    /// Takes bytes of the stream off the front of `input`, up to the next thing that came.
    pub fn handle_bytes<'a>(&mut self, input: &mut &'a [u8], now: Instant) -> Received<'a> {
        if matches!(self.state, State::Over) {
            *input = &[];
            return Received::More;
        }
        let received = match self.frames.next(input) {
            Frame::More => return Received::More,
            Frame::Garbage(what) => Err(TransferFailure::violation(what)),
            Frame::Block(block) => match self.begin_block(block) {
                Ok(()) => return self.handle_bytes(input, now),
                Err(failure) => Err(failure),
            },
            Frame::Content(piece) => Ok(self.content(piece, now)),
            Frame::Message(kind, payload) => match self.message(kind, &payload) {
                Ok(Some(received)) => Ok(received),
                Ok(None) => return self.handle_bytes(input, now),
                Err(failure) => Err(failure),
            },
        };
        received.unwrap_or_else(|failure| {
            self.state = State::Over;
            Received::Failed(failure)
        })
    }

    /// The sender ended its stream. Before the end of everything that is a failure.
    pub fn handle_end_of_stream(&mut self) -> Option<TransferFailure> {
        let over = matches!(self.state, State::Over | State::Storing);
        (!over).then(|| {
            self.state = State::Over;
            TransferFailure::violation("the stream ended before the file did")
        })
    }

    /// Takes the file that was offered; the frame that says so.
    pub fn accept(&mut self, now: Instant) -> Vec<u8> {
        if let State::Deciding { size } = self.state {
            self.state = State::Content(Content {
                size,
                came: 0,
                left_of_block: 0,
                flow: Flow::new(self.deadlines.stall, now),
            });
        }
        Message::Accept(Accept { from_block: 0 }).encode()
    }

    /// Does not take it; the frame that says so.
    pub fn refuse(&mut self, ended: Ended) -> Vec<u8> {
        self.state = State::Over;
        Message::Refuse(ended).encode()
    }

    /// Everything is durable; the frame that says so.
    pub fn stored(&mut self, receipt: Receipt) -> Vec<u8> {
        self.state = State::Over;
        Message::Receipt(receipt).encode()
    }

    /// Ends it; the frame that says so.
    pub fn cancel(&mut self, ended: Ended) -> Vec<u8> {
        self.state = State::Over;
        Message::Cancel(ended).encode()
    }

    /// The receiver's own disk held up the content until now; that is not the sender's time.
    pub fn held_up(&mut self, now: Instant) {
        if let State::Content(content) = &mut self.state {
            content.flow.moved(now);
        }
    }

    /// The time for [`Receiver::handle_timeout`], unless an event comes before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting(wait) => Some(wait.until()),
            State::Content(content) => Some(content.flow.until()),
            State::Deciding { .. } | State::Storing | State::Over => None,
        }
    }

    /// Whether a wait is over.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<TransferFailure> {
        let failure = match &self.state {
            State::Waiting(wait) => wait.over(now),
            State::Content(content) => content.flow.over(now),
            State::Deciding { .. } | State::Storing | State::Over => None,
        };
        if failure.is_some() {
            self.state = State::Over;
        }
        failure
    }

    fn begin_block(&mut self, block: Block) -> Result<(), TransferFailure> {
        let State::Content(content) = &mut self.state else {
            return Err(TransferFailure::violation("content that was not asked for"));
        };
        if Block::at(content.came, content.size) != Some(block) {
            return Err(TransferFailure::violation(
                "a block that is not the next one",
            ));
        }
        content.left_of_block = block.bytes as usize;
        Ok(())
    }

    fn content<'a>(&mut self, piece: &'a [u8], now: Instant) -> Received<'a> {
        if let State::Content(content) = &mut self.state {
            content.came += piece.len() as u64;
            content.left_of_block -= piece.len().min(content.left_of_block);
            content.flow.moved(now);
        }
        Received::Content(piece)
    }

    /// The decoded message, if it concerns more than this state machine.
    fn message(
        &mut self,
        kind: u8,
        payload: &[u8],
    ) -> Result<Option<Received<'static>>, TransferFailure> {
        let message = Message::decode(kind, payload)
            .ok_or_else(|| TransferFailure::violation("a message that cannot be read"))?;
        match (message, &mut self.state) {
            (Message::State(report), State::Content(content)) => {
                content.flow.waits = report.waits;
                Ok(None)
            }
            (Message::Cancel(ended), _) => Err(TransferFailure::Peer(ended)),
            (Message::Offer(offer), State::Waiting(_)) => self.offered(offer).map(Some),
            (Message::End(end), State::Content(content)) => {
                let whole = content.came == content.size && end.bytes == content.size;
                if !whole {
                    return Err(TransferFailure::violation(
                        "the file is not as long as was offered",
                    ));
                }
                self.state = State::Storing;
                Ok(Some(Received::Ended(end)))
            }
            _ => Err(TransferFailure::violation("a message out of order")),
        }
    }

    fn offered(&mut self, offer: Offer) -> Result<Received<'static>, TransferFailure> {
        if offer.size > MAX_FILE_BYTES {
            return Err(TransferFailure::violation("a file of an impossible size"));
        }
        self.state = State::Deciding { size: offer.size };
        Ok(Received::Offered(offer))
    }
}
