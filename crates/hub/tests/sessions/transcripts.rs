//! The transcripts of the control protocol's documents, replayed against a real hub over real
//! sockets: whole, and cut into single bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleetlink_hub::{OperatorCall, OperatorReply, TicketOrder};
use fleetlink_proto::HubPin;
use fleetlink_proto::signed::EXPORTER_LABEL;
use fleetlink_proto::ticket::TicketSubject;
use fleetlink_testkit::hex;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::fixture::{self, Fixture};
use super::stand_ins::StandIns;
use super::transcript::{Does, Transcript, transcripts};

/// No transcript has more lines than this cut at every byte; the bytes of a large chunk are cut
/// into about as many pieces.
const PIECES: usize = 2000;

trait Channel: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Channel for T {}

type Connection = BufReader<Box<dyn Channel>>;

/// A conversation with a hub of its own.
struct Replay<'a> {
    fixture: &'a Fixture,
    stand_ins: StandIns,
    connections: BTreeMap<usize, Connection>,
    /// The most bytes that are written at once.
    step: usize,
}

impl Replay<'_> {
    /// This connection of the device, made where there is none.
    async fn connection(&mut self, number: usize) -> &mut Connection {
        if !self.connections.contains_key(&number) {
            let connection = self.connect().await;
            self.connections.insert(number, BufReader::new(connection));
        }
        self.connections.get_mut(&number).unwrap()
    }

    async fn connect(&mut self) -> Box<dyn Channel> {
        let stream = TcpStream::connect(self.fixture.hub.address())
            .await
            .unwrap();
        stream.set_nodelay(true).unwrap();
        if self.fixture.hub.pin().is_none() {
            return Box::new(stream);
        }
        let connector = TlsConnector::from(Arc::new(fleetlink_testkit::any_hub::config()));
        let name = ServerName::try_from("hub").unwrap();
        let stream = connector.connect(name, stream).await.unwrap();
        let (_, tls) = stream.get_ref();
        self.stand_ins.binding = tls
            .export_keying_material([0; 32], EXPORTER_LABEL, None)
            .unwrap();
        Box::new(stream)
    }

    async fn send(&mut self, number: usize, bytes: &[u8]) {
        let step = self.step.max(bytes.len() / PIECES);
        let connection = self.connection(number).await.get_mut();
        for piece in bytes.chunks(step) {
            connection.write_all(piece).await.unwrap();
            connection.flush().await.unwrap();
        }
    }

    async fn run(&mut self, transcript: &Transcript) {
        for (number, step) in transcript.steps.iter().enumerate() {
            let context = format!("{}: step {number}", transcript.name);
            match &step.does {
                Does::SendLine(line) => {
                    // The signature is of this connection.
                    self.connection(step.connection).await;
                    let line = self.stand_ins.fill(line);
                    self.send(step.connection, format!("{line}\n").as_bytes())
                        .await;
                }
                Does::SendBytes(bytes) => self.send(step.connection, bytes).await,
                Does::Expect(expected) => {
                    let mut line = String::new();
                    let connection = self.connection(step.connection).await;
                    connection.read_line(&mut line).await.unwrap();
                    let actual: Value = serde_json::from_str(&line)
                        .unwrap_or_else(|e| panic!("{context}: {line:?}: {e}"));
                    let matches = self.stand_ins.matches(expected, &actual);
                    assert!(matches, "{context}:\n{expected}\n{actual}");
                }
                Does::ExpectBytes(expected) => {
                    let mut bytes = vec![0; expected.len()];
                    let connection = self.connection(step.connection).await;
                    connection.read_exact(&mut bytes).await.unwrap();
                    assert_eq!(&bytes, expected, "{context}");
                }
                Does::Close => {
                    let mut closed = self.connections.remove(&step.connection).unwrap();
                    closed.get_mut().shutdown().await.unwrap();
                }
            }
        }
    }
}

async fn replay(transcript: &Transcript, step: usize) {
    let fixture = fixture::hub_over(transcript.is_over_tls()).await;
    let pin = fixture.hub.pin().unwrap_or(HubPin::from_sha256([0; 32]));
    let mut replay = Replay {
        fixture: &fixture,
        stand_ins: StandIns::new(pin),
        connections: BTreeMap::new(),
        step,
    };
    if transcript.is_over_tls() {
        let ticket = ticket(&fixture).await;
        replay.stand_ins.known.insert("TICKET", ticket);
    }
    replay.run(transcript).await;
    drop(replay);
    fixture.hub.close().await;
}

/// The secret of a ticket for the name of the transcripts.
async fn ticket(fixture: &Fixture) -> String {
    let order = TicketOrder {
        subject: TicketSubject::Name("cam".parse().unwrap()),
        uses: 1,
        life_ms: 600_000,
        addresses: vec!["127.0.0.1:7421".to_owned()],
    };
    match fixture.operate(OperatorCall::IssueTicket(order)).await {
        OperatorReply::Ticket(issued) => hex(issued.ticket.secret().expose()),
        other => panic!("{other:?}"),
    }
}

async fn replay_all(step: usize) {
    let all = transcripts();
    assert!(all.len() >= 8, "the documents hold the transcripts");
    for transcript in &all {
        let replayed = tokio::time::timeout(fixture::DEADLINE, replay(transcript, step)).await;
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

/// The hub reads the same wherever the stream is cut: every transcript is cut in two at every byte, inside
/// large chunks at some.
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
        for cut in (0..=sent.len()).step_by(1.max(sent.len() / PIECES)) {
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
