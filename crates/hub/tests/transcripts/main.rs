//! The transcripts of PROTOCOL.md, replayed against a real hub over real sockets: whole, and cut
//! into single bytes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod transcript;

use std::time::Duration;

use fleetlink_hub::{HubConfig, Operator, OperatorCall, RunningHub, Settings};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use transcript::{Step, Transcript, transcripts};

const DEADLINE: Duration = Duration::from_secs(60);

struct Fixture {
    hub: RunningHub,
    _folder: tempfile::TempDir,
}

/// A fresh hub with the account of the transcripts.
async fn hub() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_owned();
    let mut operator = Operator::reach(&data).await.unwrap();
    let account = OperatorCall::AddAccount {
        name: "supersmartwatch".parse().unwrap(),
        password: "comp9331".into(),
    };
    operator.call(account).await.unwrap();
    operator.finish().await;
    let config = HubConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        logs: data.clone(),
        data,
        credentials: None,
        plain: true,
        settings: Settings::default(),
        number_exchange: None,
        leases: None,
    };
    let (hub, _lines) = fleetlink_hub::start(config).await.unwrap();
    Fixture {
        hub,
        _folder: folder,
    }
}

/// Plays the device's part in pieces of `step` bytes and checks the hub's part.
async fn replay(transcript: &Transcript, step: usize) {
    let fixture = hub().await;
    let stream = TcpStream::connect(fixture.hub.address()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    for (number, step_) in transcript.steps.iter().enumerate() {
        let context = format!("{}: step {number}", transcript.name);
        match step_ {
            Step::Send(bytes) => {
                for piece in bytes.chunks(step) {
                    stream.get_mut().write_all(piece).await.unwrap();
                }
            }
            Step::Expect(expected) => {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                let actual: Value = serde_json::from_str(&line)
                    .unwrap_or_else(|e| panic!("{context}: {line:?}: {e}"));
                assert!(
                    matches(expected, &actual),
                    "{context}:\n{expected}\n{actual}"
                );
            }
            Step::ExpectBytes(expected) => {
                let mut bytes = vec![0; expected.len()];
                stream.read_exact(&mut bytes).await.unwrap();
                assert_eq!(&bytes, expected, "{context}");
            }
        }
    }
    drop(stream);
    fixture.hub.close().await;
}

/// Equal but for the values that differ from run to run.
fn matches(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::String(any), _) if any == "*" => !actual.is_null(),
        (Value::Object(expected), Value::Object(actual)) => {
            expected.len() == actual.len()
                && expected.iter().all(|(key, value)| {
                    actual.get(key).is_some_and(|actual| matches(value, actual))
                })
        }
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len()
                && expected
                    .iter()
                    .zip(actual)
                    .all(|(expected, actual)| matches(expected, actual))
        }
        _ => expected == actual,
    }
}

async fn replay_all(step: usize) {
    let all = transcripts();
    assert!(all.len() >= 4, "PROTOCOL.md holds the transcripts");
    for transcript in &all {
        let replayed = tokio::time::timeout(DEADLINE, replay(transcript, step)).await;
        assert!(replayed.is_ok(), "{}: no answer in time", transcript.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transcript_holds() {
    replay_all(usize::MAX).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transcript_holds_byte_by_byte() {
    replay_all(1).await;
}

/// What the hub reads does not depend on where the stream is cut: every transcript, cut in two at
/// every byte.
#[test]
fn decodes_the_same_wherever_the_stream_is_cut() {
    use fleetlink_proto::control::{FromDevice, HubDecoder};

    fn decode(pieces: [&[u8]; 2]) -> (Vec<String>, Vec<u8>) {
        let (mut decoder, mut messages, mut body) = (HubDecoder::default(), Vec::new(), Vec::new());
        for mut piece in pieces {
            while let Some(message) = decoder.next_message(&mut piece) {
                match message {
                    FromDevice::Body(bytes) => body.extend_from_slice(bytes),
                    message => messages.push(format!("{message:?}")),
                }
            }
        }
        (messages, body)
    }

    for transcript in transcripts() {
        let sent = transcript.sent();
        let whole = decode([&sent, &[]]);
        for cut in 0..=sent.len() {
            let (first, second) = sent.split_at(cut);
            assert_eq!(
                decode([first, second]),
                whole,
                "{} cut at {cut}",
                transcript.name
            );
        }
    }
}
