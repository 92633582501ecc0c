//! Every wait for a peer ends.

use std::time::{Duration, Instant};

use fleetlink_proto::ContentHash;
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::transfer::{
    Accept, Ended, FromReceiver, Message, Next, Reason, Received, Receiver, Sender, State,
    TransferFailure, WaitsFor,
};

use crate::pair::{BLOCK, content, offer, sent};

const INSTANT: Duration = Duration::from_millis(1);

fn ended(failure: Option<TransferFailure>) -> Reason {
    match failure {
        Some(TransferFailure::Here(ended)) => ended.reason,
        other => panic!("{other:?} instead of an end"),
    }
}

/// Goes to the deadline, one millisecond before which nothing is over.
fn receiver_ends(receiver: &mut Receiver) -> Reason {
    let until = receiver.poll_timeout().expect("a wait");
    assert_eq!(receiver.handle_timeout(until - INSTANT), None);
    let reason = ended(receiver.handle_timeout(until));
    assert_eq!(receiver.poll_timeout(), None);
    reason
}

fn sender_ends(sender: &mut Sender) -> Reason {
    let until = sender.poll_timeout().expect("a wait");
    assert_eq!(sender.handle_timeout(until - INSTANT), None);
    let reason = ended(sender.handle_timeout(until));
    assert_eq!(sender.next(), Next::Over);
    reason
}

fn state(bytes: u64, waits: Option<WaitsFor>) -> Vec<u8> {
    Message::State(State { bytes, waits }).encode()
}

#[test]
fn a_receiver_waits_for_no_offer_for_ever() {
    let mut receiver = Receiver::new(Deadlines::default(), Instant::now());
    assert_eq!(receiver_ends(&mut receiver), Reason::TimedOut);
}

/// A receiver to which a part of a file has come.
fn in_the_midst(start: Instant, stream: &[u8]) -> Receiver {
    let mut receiver = Receiver::new(Deadlines::default(), start);
    let mut input = stream;
    assert!(matches!(
        receiver.handle_bytes(&mut input, start),
        Received::Offered(_)
    ));
    receiver.accept(start);
    while !matches!(receiver.handle_bytes(&mut input, start), Received::More) {}
    receiver
}

#[test]
fn a_receiver_waits_for_no_content_for_ever() {
    let start = Instant::now();
    let stream = sent(&content(BLOCK));
    let mut receiver = in_the_midst(start, &stream[..1000]);
    let stall = Deadlines::default().stall;
    assert_eq!(receiver.poll_timeout(), Some(start + stall));
    // However little comes, it is no failure.
    let mut now = start;
    for mut byte in stream[1000..2000].chunks(1) {
        now += stall - INSTANT;
        assert_eq!(receiver.handle_timeout(now), None);
        receiver.handle_bytes(&mut byte, now);
    }
    assert_eq!(receiver_ends(&mut receiver), Reason::NetworkStalled);
    // The sender says whose it is.
    let header = fleetlink_proto::transfer::BLOCK_HEADER_BYTES;
    let offered = Message::Offer(offer(BLOCK)).encode().len();
    for waits in [Some(WaitsFor::Source), None] {
        let whole = offered + header + BLOCK;
        let mut receiver = in_the_midst(start, &sent(&content(2 * BLOCK))[..whole]);
        for waits in [Some(WaitsFor::Source), waits] {
            let frame = state(BLOCK as u64, waits);
            let heard = receiver.handle_bytes(&mut &*frame, start);
            assert_eq!(heard, Received::More);
        }
        let reason = match waits {
            Some(_) => Reason::SourceStalled,
            None => Reason::NetworkStalled,
        };
        assert_eq!(receiver_ends(&mut receiver), reason);
    }
}

fn accepted(start: Instant, size: usize) -> Sender {
    let (mut sender, _) = Sender::new(offer(size), Deadlines::default(), start);
    let accept = Message::Accept(Accept { from_block: 0 }).encode();
    assert_eq!(
        sender.handle_bytes(&mut &*accept, start),
        FromReceiver::Accepted
    );
    sender
}

#[test]
fn a_sender_waits_for_nothing_for_ever() {
    let start = Instant::now();
    let (mut offered, _) = Sender::new(offer(1), Deadlines::default(), start);
    // The receiver lets it wait its turn.
    let until = offered.poll_timeout().unwrap();
    let queued = state(0, Some(WaitsFor::Place));
    let later = until - INSTANT;
    let answer = offered.handle_bytes(&mut &*queued, later);
    assert!(matches!(answer, FromReceiver::State(_)));
    assert_eq!(offered.handle_timeout(until), None);
    assert_eq!(sender_ends(&mut offered), Reason::TimedOut);
    assert_eq!(sender_ends(&mut accepted(start, 1)), Reason::NetworkStalled);
    let mut on_disk = accepted(start, 1);
    on_disk.handle_bytes(&mut &*state(0, Some(WaitsFor::Disk)), start);
    assert_eq!(sender_ends(&mut on_disk), Reason::DiskStalled);
    // Its own file is its own matter, whatever the receiver says.
    let mut source = accepted(start, 1);
    source.wait_for_source();
    source.handle_bytes(&mut &*state(0, Some(WaitsFor::Disk)), start);
    assert_eq!(sender_ends(&mut source), Reason::SourceStalled);
    let mut gone_on = accepted(start, 1);
    gone_on.wait_for_source();
    gone_on.source_goes_on(start);
    assert_eq!(sender_ends(&mut gone_on), Reason::NetworkStalled);
}

/// Bytes in the network's buffers arrive by and by, on a slow path for long.
#[test]
fn bytes_that_arrive_are_progress_until_the_receipt() {
    let start = Instant::now();
    let stall = Deadlines::default().stall;
    let mut storing = accepted(start, BLOCK);
    let Next::Block(block) = storing.next() else {
        panic!("a block is next");
    };
    storing.block_sent(block, start);
    storing.end(ContentHash::of(b""), start);
    let mut now = start;
    for came in 1..=10 {
        now += stall - INSTANT;
        assert_eq!(storing.handle_timeout(now), None);
        storing.handle_bytes(&mut &*state(came, None), now);
    }
    // The same again is none.
    storing.handle_bytes(&mut &*state(10, None), now + stall / 2);
    assert_eq!(storing.poll_timeout(), Some(now + stall));
    assert_eq!(sender_ends(&mut storing), Reason::NetworkStalled);
}

#[test]
fn either_side_cancels_at_any_time_with_a_reason() {
    let now = Instant::now();
    let ended = Ended::new(Reason::Cancelled, "enough");
    let cancel = Message::Cancel(ended.clone()).encode();
    let peer = TransferFailure::Peer(ended);
    for mut sender in [
        Sender::new(offer(1), Deadlines::default(), now).0,
        accepted(now, 1),
    ] {
        let answer = sender.handle_bytes(&mut &*cancel, now);
        assert_eq!(answer, FromReceiver::Failed(peer.clone()));
        assert_eq!(sender.next(), Next::Over);
    }
    let stream = sent(b"x");
    let offered = Message::Offer(offer(1)).encode().len();
    for before in [0, offered, stream.len()] {
        let mut receiver = Receiver::new(Deadlines::default(), now);
        let mut input = &stream[..before];
        loop {
            match receiver.handle_bytes(&mut input, now) {
                Received::More => break,
                Received::Offered(_) if before > offered => {
                    receiver.accept(now);
                }
                _ => {}
            }
        }
        let heard = receiver.handle_bytes(&mut &*cancel, now);
        assert_eq!(
            heard,
            Received::Failed(peer.clone()),
            "after {before} bytes"
        );
    }
}
