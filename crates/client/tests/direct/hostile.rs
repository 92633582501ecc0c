//! Peers that do not keep to the protocol, by hand over QUIC.

use std::sync::Arc;
use std::time::Duration;

use fleetlink_client::transfer::Control;
use fleetlink_proto::ContentHash;
use fleetlink_proto::transfer::limits::{ALPN, BLOCK_BYTES, Deadlines};
use fleetlink_proto::transfer::{
    Accept, Block, End, Ended, Greeting, Introduction, Message, Offer, Reason, State,
    TransferFailure, WaitsFor,
};
use iroh::endpoint::{Connection, RecvStream, SendStream, presets};
use iroh::{EndpointAddr, SecretKey};

use crate::world::{Device, Hub, Receiver, content, here, in_time, peers};

/// An endpoint made by hand, and credentials that say so.
pub(crate) struct Hostile {
    endpoint: iroh::Endpoint,
    device: Device,
}

pub(crate) async fn raw(alpns: Vec<Vec<u8>>) -> iroh::Endpoint {
    raw_at("127.0.0.1:0", alpns).await
}

pub(crate) async fn raw_at(address: &str, alpns: Vec<Vec<u8>>) -> iroh::Endpoint {
    iroh::Endpoint::builder(presets::Minimal)
        .clear_ip_transports()
        .bind_addr(address)
        .unwrap()
        .secret_key(SecretKey::generate())
        .alpns(alpns)
        .bind()
        .await
        .unwrap()
}

impl Hostile {
    pub(crate) async fn new(hub: &Hub, name: &str) -> Self {
        let endpoint = raw(vec![ALPN.to_vec()]).await;
        let mut device = hub.device(name).await;
        let id = fleetlink_proto::transfer::EndpointId::from_bytes(*endpoint.id().as_bytes());
        device.credentials = Arc::new(device.credentials.at_endpoint(id));
        Hostile { endpoint, device }
    }

    /// A connection that is introduced as it should be.
    pub(crate) async fn connect(&self, hub: &Hub, to: &Device) -> Connection {
        let connection = dial(&self.endpoint, to).await;
        let introduction = Introduction {
            grant: hub.grant(&self.device, to),
            certificate: self.device.credentials.certificate(),
        };
        let answer = say(&connection, &introduction.encode()).await;
        assert!(matches!(
            Greeting::decode(&answer),
            Ok(Greeting::Welcome(_))
        ));
        connection
    }
}

async fn dial(from: &iroh::Endpoint, to: &Device) -> Connection {
    let id = iroh::EndpointId::from_bytes(to.endpoint.id().as_bytes()).unwrap();
    let address = EndpointAddr::new(id).with_ip_addr(to.at());
    in_time(from.connect(address, ALPN)).await.unwrap()
}

async fn say(connection: &Connection, bytes: &[u8]) -> Vec<u8> {
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_all(bytes).await.unwrap();
    send.finish().unwrap();
    in_time(recv.read_to_end(1 << 20)).await.unwrap()
}

/// Introduces itself from an endpoint of its own; the answer.
pub(crate) async fn introduce(_from: &Device, to: &Device, introduction: &[u8]) -> Vec<u8> {
    let endpoint = raw(vec![]).await;
    say(&dial(&endpoint, to).await, introduction).await
}

pub(crate) fn offer(name: &str, size: u64) -> Vec<u8> {
    let name = name.to_owned();
    Message::Offer(Offer { name, size }).encode()
}

fn block(number: u32, content: &[u8]) -> Vec<u8> {
    let bytes = u32::try_from(content.len()).unwrap();
    let mut frame = Block { number, bytes }.header().to_vec();
    frame.extend_from_slice(content);
    frame
}

fn end(bytes: u64, content: &[u8]) -> Vec<u8> {
    let hash = ContentHash::of(content);
    Message::End(End { bytes, hash }).encode()
}

/// Sends this stream, cut where it ends; returns the code of the receiver's last message.
async fn answer_to(connection: &Connection, stream: &[Vec<u8>]) -> Option<Reason> {
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    // It may be ended before all is written.
    let _ = send.write_all(&stream.concat()).await;
    let _ = send.finish();
    let answer = in_time(recv.read_to_end(1 << 16)).await.unwrap();
    let refusal = answer.iter().position(|&b| b == b'{').map(|_| ());
    refusal?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let number = text.split(r#""reason":"#).nth(1)?;
    let number: String = number.chars().take_while(char::is_ascii_digit).collect();
    Some(Reason::from(number.parse::<u32>().unwrap()))
}

async fn nothing_stays(receiver: &mut Receiver, reason: Reason) {
    let failure = receiver.failure().await;
    assert_eq!(here(&failure), reason, "{failure}");
    assert_eq!(receiver.listing(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lies_end_with_their_reason_and_leave_nothing() {
    let hub = Hub::new();
    let mut receiver = hub.receiver("uav", Deadlines::default()).await;
    let hostile = Hostile::new(&hub, "liar").await;
    let connection = hostile.connect(&hub, &receiver.device).await;
    let large = content(BLOCK_BYTES as usize + 1);
    let violation = Reason::ProtocolViolation;
    for (stream, reason) in [
        (
            vec![offer("x", 3), block(0, b"abc"), end(3, b"abd")],
            Reason::HashMismatch,
        ),
        (vec![offer("x", 3), block(0, b"ab")], violation),
        (vec![offer("x", 3), block(0, b"abcd")], violation),
        (vec![offer("x", 3), end(3, b"abc")], violation),
        (
            vec![offer("x", 3), block(0, b"abc"), end(2, b"ab")],
            violation,
        ),
        (vec![offer("x", 3), block(0, b"abc")], violation),
        (vec![offer("x", 1 << 50)], Reason::NoSpace),
        (vec![offer("x", u64::MAX)], violation),
        (vec![offer("../x", 3)], Reason::BadName),
        (vec![offer("x\u{1b}[2J", 3)], Reason::BadName),
        (vec![offer(&"n".repeat(16 << 10), 3)], violation),
        (vec![vec![0x01, 0xff, 0xff, 0xff, 0xff]], violation),
        (vec![block(0, &large[1..])], violation),
        (vec![b"GET / HTTP/1.1\r\n\r\n".to_vec()], violation),
        (vec![vec![]], violation),
    ] {
        let said = answer_to(&connection, &stream).await;
        assert_eq!(said, Some(reason), "{:?}", stream.first().map(|f| f.len()));
        nothing_stays(&mut receiver, reason).await;
    }
    // The connection lives on, and so does the device.
    let whole = [offer("x", 3), block(0, b"abc"), end(3, b"abc")];
    assert_eq!(answer_to(&connection, &whole).await, None);
    assert_eq!(receiver.listing(), ["liar_x"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_stops_is_ended_by_a_deadline() {
    let hub = Hub::new();
    let deadlines = Deadlines {
        offer: Duration::from_millis(300),
        stall: Duration::from_millis(300),
        ..Deadlines::default()
    };
    let mut receiver = hub.receiver("uav", deadlines).await;
    let hostile = Hostile::new(&hub, "sloth").await;
    let connection = hostile.connect(&hub, &receiver.device).await;
    let half = [offer("x", 10), block(0, b"0123456789")[..12].to_vec()].concat();
    for (said, reason) in [
        (&b"\x01"[..], Reason::TimedOut),
        (&half, Reason::NetworkStalled),
    ] {
        let (mut send, _recv) = connection.open_bi().await.unwrap();
        send.write_all(said).await.unwrap();
        nothing_stays(&mut receiver, reason).await;
    }
}

/// A receiver by hand, which the sender has found by its grant.
async fn hostile_receiver(hub: &Hub) -> Hostile {
    Hostile::new(hub, "uav").await
}

async fn welcome(hostile: &Hostile) -> Connection {
    let incoming = in_time(hostile.endpoint.accept()).await.unwrap();
    let connection = in_time(incoming.accept().unwrap()).await.unwrap();
    let (mut send, mut recv) = in_time(connection.accept_bi()).await.unwrap();
    recv.read_to_end(1 << 16).await.unwrap();
    let greeting = Greeting::Welcome(hostile.device.credentials.certificate());
    send.write_all(&greeting.encode()).await.unwrap();
    send.finish().unwrap();
    connection
}

/// Returns the sender's failure when the receiver does this with the stream of its file.
async fn sent_to<F, W>(bytes: usize, deadlines: Deadlines, what: F) -> TransferFailure
where
    F: FnOnce(Connection, SendStream, RecvStream) -> W + Send + 'static,
    W: Future<Output = ()> + Send,
{
    watched(&Control::new(), bytes, deadlines, what).await
}

/// The same, by a sender that is watched.
async fn watched<F, W>(
    control: &Control,
    bytes: usize,
    deadlines: Deadlines,
    what: F,
) -> TransferFailure
where
    F: FnOnce(Connection, SendStream, RecvStream) -> W + Send + 'static,
    W: Future<Output = ()> + Send,
{
    let hub = Hub::new();
    let mut hostile = hostile_receiver(&hub).await;
    let camera = hub.device("camera").await;
    let grant = hub.grant(&camera, &hostile.device);
    let at = [hostile.endpoint.bound_sockets()[0]];
    let path = camera.file("x", &content(bytes));
    hostile.device.folder = tempfile::tempdir().unwrap();
    let receiving = tokio::spawn(async move {
        let connection = welcome(&hostile).await;
        let (send, recv) = in_time(connection.accept_bi()).await.unwrap();
        what(connection, send, recv).await;
        hostile
    });
    let reached = fleetlink_client::internals::Peer::connect(
        &camera.endpoint,
        &camera.credentials,
        grant,
        &at,
        deadlines,
    );
    let peer = in_time(reached).await.unwrap();
    let failure = in_time(peer.send_file(path, control)).await.unwrap_err();
    receiving.abort();
    failure
}

fn short() -> Deadlines {
    Deadlines {
        answer: Duration::from_millis(300),
        stall: Duration::from_millis(300),
        ..Deadlines::default()
    }
}

/// Bytes that the network accepted may still be anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_receiver_says_to_have_is_what_has_arrived() {
    let control = Control::new();
    let failure = watched(&control, 20 << 20, short(), async |_c, mut send, _r| {
        send.write_all(&accept()).await.unwrap();
        let (bytes, waits) = (7, None);
        let said = Message::State(State { bytes, waits }).encode();
        send.write_all(&said).await.unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(here(&failure.await), Reason::NetworkStalled);
    assert_eq!(
        (control.arrived(), control.progress().borrow().bytes),
        (7, 7)
    );
}

fn accept() -> Vec<u8> {
    Message::Accept(Accept { from_block: 0 }).encode()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_stops_is_ended_by_a_deadline() {
    // It answers nothing; it takes the file and reads no more; it gives no receipt.
    let silent = sent_to(10, short(), async |_c, _s, _r| {
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(here(&silent), Reason::TimedOut);
    let unread = sent_to(20 << 20, short(), async |_c, mut send, _r| {
        send.write_all(&accept()).await.unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(here(&unread.await), Reason::NetworkStalled);
    let no_receipt = sent_to(10, short(), async |_c, mut send, mut recv| {
        send.write_all(&accept()).await.unwrap();
        let _ = recv.read_to_end(1 << 20).await;
        std::future::pending::<()>().await;
    });
    assert_eq!(here(&no_receipt.await), Reason::NetworkStalled);
    // It says that it is its disk.
    let on_disk = sent_to(10, short(), async |_c, mut send, _r| {
        let waits = Some(WaitsFor::Disk);
        let state = Message::State(State { bytes: 0, waits }).encode();
        send.write_all(&[accept(), state].concat()).await.unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(here(&on_disk.await), Reason::DiskStalled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_lies_or_goes_is_no_success() {
    let deadlines = Deadlines::default();
    let receipt = br#"{"stored_as":"uav_x","bytes":11}"#;
    let early = sent_to(10, deadlines, async |_c, mut send, _r| {
        let length = u8::try_from(receipt.len()).unwrap();
        let frame = [&[0x05, 0, 0, 0, length], &receipt[..]].concat();
        send.write_all(&[accept(), frame].concat()).await.unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(here(&early.await), Reason::ProtocolViolation);
    let ended = sent_to(10, deadlines, async |_c, mut send, _r| {
        send.write_all(&accept()).await.unwrap();
        send.finish().unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(here(&ended.await), Reason::ProtocolViolation);
    let gone = sent_to(10, deadlines, async |connection, _s, _r| {
        connection.close(Reason::Closing.number().into(), b"");
    });
    assert_eq!(peers(&gone.await), Reason::Closing);
    // It stops the stream in the midst of a block and says why on the other half.
    let cancelled = sent_to(20 << 20, deadlines, async |_c, mut send, mut recv| {
        send.write_all(&accept()).await.unwrap();
        recv.stop(Reason::Cancelled.number().into()).unwrap();
        let ended = Ended::new(Reason::Cancelled, "enough");
        send.write_all(&Message::Cancel(ended).encode())
            .await
            .unwrap();
        send.finish().unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(cancelled.await.to_string(), "enough");
}
