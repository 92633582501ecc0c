//! Every wait for a peer ends.

use std::time::{Duration, Instant};

use fleetlink_proto::ContentHash;
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::transfer::{
    Accept, Answer, Ended, Failure, Message, Next, Reason, Received, Receiver, Sender,
};

use crate::pair::{BLOCK, content, offer, sent};

const INSTANT: Duration = Duration::from_millis(1);

fn timed_out(failure: Option<Failure>) {
    match failure {
        Some(Failure::Here(ended)) => assert_eq!(ended.reason, Reason::TimedOut),
        other => panic!("{other:?} instead of a timeout"),
    }
}

/// Goes to the deadline, one millisecond before which nothing is over.
fn receiver_ends(receiver: &mut Receiver) {
    let until = receiver.poll_timeout().expect("a wait");
    assert_eq!(receiver.handle_timeout(until - INSTANT), None);
    timed_out(receiver.handle_timeout(until));
    assert_eq!(receiver.poll_timeout(), None);
}

fn sender_ends(sender: &mut Sender) {
    let until = sender.poll_timeout().expect("a wait");
    assert_eq!(sender.handle_timeout(until - INSTANT), None);
    timed_out(sender.handle_timeout(until));
    assert_eq!(sender.next(), Next::Over);
}

#[test]
fn a_receiver_waits_for_no_offer_for_ever() {
    receiver_ends(&mut Receiver::new(Deadlines::default(), Instant::now()));
}

#[test]
fn a_receiver_waits_for_no_content_for_ever() {
    let start = Instant::now();
    let stream = sent(&content(BLOCK));
    let mut receiver = Receiver::new(Deadlines::default(), start);
    let mut input = &stream[..1000];
    assert!(matches!(
        receiver.handle_bytes(&mut input, start),
        Received::Offered(_)
    ));
    receiver.accept(start);
    while !matches!(receiver.handle_bytes(&mut input, start), Received::More) {}
    assert_eq!(
        receiver.poll_timeout(),
        Some(start + Deadlines::default().stall)
    );
    // A trickle resets that, but a block's own time passes.
    let mut now = start;
    for byte in stream[1000..].chunks(1) {
        now += Duration::from_secs(20);
        timed_out_or(&mut receiver, byte, now, start);
        if receiver.poll_timeout().is_none() {
            assert!(now >= start + Deadlines::default().block);
            return;
        }
    }
    panic!("a trickle held its place");
}

fn timed_out_or(receiver: &mut Receiver, mut byte: &[u8], now: Instant, start: Instant) {
    if let Some(failure) = receiver.handle_timeout(now) {
        assert!(now >= start + Deadlines::default().block, "{failure}");
        return;
    }
    let came = receiver.handle_bytes(&mut byte, now);
    assert!(matches!(came, Received::Content(_)), "{came:?}");
}

fn accepted(start: Instant, size: usize) -> Sender {
    let (mut sender, _) = Sender::new(offer(size), Deadlines::default(), start);
    let accept = Message::Accept(Accept { from_block: 0 }).encode();
    assert_eq!(sender.handle_bytes(&mut &*accept, start), Answer::Accepted);
    sender
}

#[test]
fn a_sender_waits_for_nothing_for_ever() {
    let start = Instant::now();
    sender_ends(&mut Sender::new(offer(1), Deadlines::default(), start).0);
    sender_ends(&mut accepted(start, 1));
    let mut storing = accepted(start, 0);
    storing.end(ContentHash::of(b""), start);
    sender_ends(&mut storing);
    // Progress within a block puts off the one deadline and not the other.
    let mut moving = accepted(start, BLOCK);
    let late = start + Deadlines::default().block - INSTANT;
    moving.moved(late);
    assert_eq!(
        moving.poll_timeout(),
        Some(start + Deadlines::default().block)
    );
    sender_ends(&mut moving);
}

#[test]
fn either_side_cancels_at_any_time_with_a_reason() {
    let now = Instant::now();
    let ended = Ended::new(Reason::Cancelled, "enough");
    let cancel = Message::Cancel(ended.clone()).encode();
    let peer = Failure::Peer(ended);
    for mut sender in [
        Sender::new(offer(1), Deadlines::default(), now).0,
        accepted(now, 1),
    ] {
        let answer = sender.handle_bytes(&mut &*cancel, now);
        assert_eq!(answer, Answer::Failed(peer.clone()));
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
