//! The replies to a peer that lies.

use std::time::Instant;

use fleetlink_proto::ContentHash;
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::transfer::{
    Accept, Block, End, FromReceiver, Message, Offer, Reason, Receipt, Sender, TransferFailure,
};
use proptest::prelude::*;

use crate::pair::{Heard, offer, receive};

fn violation(stream: &[Vec<u8>]) {
    match receive(stream.iter().map(Vec::as_slice)) {
        Heard::Failed(TransferFailure::Here(ended)) => {
            assert_eq!(ended.reason, Reason::ProtocolViolation, "{stream:?}");
        }
        other => panic!("{other:?} of {stream:?}"),
    }
}

fn block(number: u32, content: &[u8]) -> Vec<u8> {
    let bytes = u32::try_from(content.len()).unwrap();
    let mut frame = Block { number, bytes }.header().to_vec();
    frame.extend_from_slice(content);
    frame
}

fn end(bytes: u64) -> Vec<u8> {
    let hash = ContentHash::of(b"");
    Message::End(End { bytes, hash }).encode()
}

#[test]
fn a_receiver_ends_what_is_out_of_order_or_of_another_length() {
    let offered = || Message::Offer(offer(5)).encode();
    for stream in [
        vec![block(0, b"12345")],
        vec![end(0)],
        vec![offered(), offered()],
        vec![offered(), block(0, b"123456")],
        vec![offered(), block(0, b"1234")],
        vec![offered(), block(1, b"12345")],
        vec![offered(), block(0, b"12345"), block(0, b"12345")],
        vec![offered(), block(0, b"12345"), block(1, b"1")],
        vec![offered(), end(5)],
        vec![offered(), end(0)],
        vec![offered(), block(0, b"12345"), end(6)],
        vec![
            offered(),
            Message::Accept(Accept { from_block: 0 }).encode(),
        ],
        vec![
            Message::Offer(Offer {
                name: "x".into(),
                size: u64::MAX,
            })
            .encode(),
        ],
        vec![vec![0x01, 0, 0, 0, 2, b'{', b'}']],
        vec![vec![0x01, 0, 0, 0, 4, 0xff, 0xfe, 0, 0]],
        vec![vec![0x7f, 0, 0, 0, 0]],
    ] {
        violation(&stream);
    }
}

#[test]
fn a_sender_ends_what_is_out_of_order() {
    let now = Instant::now();
    let receipt = |bytes| {
        let stored_as = "cam_test.mp4".parse().unwrap();
        Message::Receipt(Receipt {
            sender: None,
            stored_as,
            bytes,
        })
        .encode()
    };
    let accept = |from_block| Message::Accept(Accept { from_block }).encode();
    for answers in [
        vec![receipt(5)],
        vec![accept(1)],
        vec![accept(0), accept(0)],
        vec![accept(0), receipt(5)],
        vec![block(0, b"12345")],
        vec![Message::Offer(offer(5)).encode()],
    ] {
        let (mut sender, _) = Sender::new(offer(5), Deadlines::default(), now);
        let heard = answers
            .iter()
            .map(|answer| sender.handle_bytes(&mut answer.as_slice(), now));
        match heard.last() {
            Some(FromReceiver::Failed(TransferFailure::Here(ended))) => {
                assert_eq!(ended.reason, Reason::ProtocolViolation);
            }
            other => panic!("{other:?} of {answers:?}"),
        }
    }
}

/// A receipt cannot carry a name that would do harm where it is shown.
#[test]
fn a_receipt_names_a_file() {
    let json = br#"{"stored_as":"a\u001b[2J","bytes":5}"#;
    let mut frame = vec![0x05, 0, 0, 0, u8::try_from(json.len()).unwrap()];
    frame.extend_from_slice(json);
    let (mut sender, _) = Sender::new(offer(0), Deadlines::default(), Instant::now());
    sender.end(ContentHash::of(b""), Instant::now());
    assert!(matches!(
        sender.handle_bytes(&mut &*frame, Instant::now()),
        FromReceiver::Failed(_)
    ));
}

proptest! {
    /// No bytes make a panic or a file.
    #[test]
    fn garbage_is_no_file(stream in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(matches!(receive([&stream[..]]), Heard::Failed(_)));
    }
}
