//! A stream is read the same wherever the network cuts it.

use std::time::Instant;

use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::transfer::{FromReceiver, Reason, Sender, TransferFailure};

use crate::pair::{BLOCK, Heard, content, offer, receive, sent};

fn assert_came(heard: Heard, content: &[u8], from: &str) -> Vec<u8> {
    match heard {
        Heard::File(file, answers) => {
            assert!(file == content, "another file came, {from}");
            answers
        }
        other => panic!("{other:?}, {from}"),
    }
}

#[test]
fn a_stream_cut_anywhere_is_the_same_file() {
    for bytes in [0, 1, 300] {
        let content = content(bytes);
        let stream = sent(&content);
        for cut in 0..=stream.len() {
            let (left, right) = stream.split_at(cut);
            assert_came(receive([left, right]), &content, &format!("cut at {cut}"));
        }
        assert_came(receive(stream.chunks(1)), &content, "byte by byte");
    }
}

#[test]
fn blocks_cut_anywhere_near_their_borders_are_the_same_file() {
    for bytes in [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 1] {
        let content = content(bytes);
        let stream = sent(&content);
        let borders = (0..120).chain(BLOCK..BLOCK + 120);
        let end = (0..200).map(|back| stream.len() - back);
        for cut in borders
            .chain(end)
            .filter(|&cut| cut <= stream.len())
            .step_by(7)
        {
            let (left, right) = stream.split_at(cut);
            assert_came(receive([left, right]), &content, &format!("cut at {cut}"));
        }
        assert_came(receive(stream.chunks(1)), &content, "byte by byte");
        assert_came(receive(stream.chunks(1200)), &content, "in packets");
    }
}

#[test]
fn a_stream_that_ends_early_is_never_a_file() {
    let stream = sent(&content(100));
    for end in 0..stream.len() {
        match receive([&stream[..end]]) {
            Heard::Failed(TransferFailure::Here(ended)) => {
                assert_eq!(ended.reason, Reason::ProtocolViolation);
            }
            other => panic!("{other:?} of {end} bytes"),
        }
    }
}

/// The receiver's answers, cut anywhere, bring the sender to its receipt.
#[test]
fn answers_cut_anywhere_are_the_same() {
    let now = Instant::now();
    let stream = sent(b"");
    let answers = assert_came(receive([&stream[..]]), b"", "whole");
    for cut in 0..=answers.len() {
        let (mut sender, _) = Sender::new(offer(0), Deadlines::default(), now);
        let mut heard = Vec::new();
        for mut piece in [&answers[..cut], &answers[cut..]] {
            loop {
                match sender.handle_bytes(&mut piece, now) {
                    FromReceiver::More => break,
                    FromReceiver::Accepted => {
                        sender.end(fleetlink_proto::ContentHash::of(b""), now);
                    }
                    other => heard.push(other),
                }
            }
        }
        match &heard[..] {
            [FromReceiver::Stored(receipt)] => {
                assert_eq!(receipt.stored_as.as_str(), "cam_test.mp4");
            }
            other => panic!("{other:?} cut at {cut}"),
        }
        assert_eq!(sender.handle_end_of_stream(), None);
    }
}
