//! A sender and a receiver with nothing between them.

use std::time::Instant;

use fleetlink_proto::ContentHash;
use fleetlink_proto::transfer::limits::{BLOCK_BYTES, Deadlines};
use fleetlink_proto::transfer::{
    FromReceiver, Next, Offer, Receipt, Received, Receiver, Sender, TransferFailure,
};

pub(crate) const BLOCK: usize = BLOCK_BYTES as usize;

/// Bytes that differ from place to place.
pub(crate) fn content(bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    blake3::Hasher::new().finalize_xof().fill(&mut content);
    content
}

pub(crate) fn offer(size: usize) -> Offer {
    Offer {
        name: "test.mp4".to_owned(),
        size: size as u64,
    }
}

/// Everything that a sender sends for this content, up to and with its end.
pub(crate) fn sent(content: &[u8]) -> Vec<u8> {
    let now = Instant::now();
    let (mut sender, mut bytes) = Sender::new(offer(content.len()), Deadlines::default(), now);
    let accept = fleetlink_proto::transfer::Message::Accept(fleetlink_proto::transfer::Accept {
        from_block: 0,
    });
    let answer = sender.handle_bytes(&mut &*accept.encode(), now);
    assert_eq!(answer, FromReceiver::Accepted);
    while let Next::Block(block) = sender.next() {
        bytes.extend_from_slice(&block.header());
        let begin = usize::try_from(block.offset()).unwrap();
        bytes.extend_from_slice(&content[begin..begin + block.bytes as usize]);
        sender.block_sent(block, now);
    }
    assert_eq!(sender.next(), Next::End);
    bytes.extend(sender.end(ContentHash::of(content), now));
    bytes
}

/// The result of a stream at its receiver.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A whole file; these frames were answered.
    File(Vec<u8>, Vec<u8>),
    Failed(TransferFailure),
    Unfinished,
}

/// Gives a receiver the stream in these pieces; it takes whatever is offered.
pub(crate) fn receive<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Heard {
    let now = Instant::now();
    let mut receiver = Receiver::new(Deadlines::default(), now);
    let (mut file, mut answers) = (Vec::new(), Vec::new());
    for mut piece in pieces {
        loop {
            match receiver.handle_bytes(&mut piece, now) {
                Received::More => break,
                Received::Offered(_) => answers.extend(receiver.accept(now)),
                Received::Content(bytes) => file.extend_from_slice(bytes),
                Received::Failed(failure) => return Heard::Failed(failure),
                Received::Ended(end) => {
                    assert_eq!(end.hash, ContentHash::of(&file));
                    let stored_as = "cam_test.mp4".parse().unwrap();
                    let bytes = end.bytes;
                    answers.extend(receiver.stored(Receipt {
                        sender: None,
                        stored_as,
                        bytes,
                    }));
                    return Heard::File(file, answers);
                }
            }
        }
    }
    match receiver.handle_end_of_stream() {
        Some(failure) => Heard::Failed(failure),
        None => Heard::Unfinished,
    }
}
