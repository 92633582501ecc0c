//! The input that a server must survive.

use std::time::Duration;

use fleetlink_proto::lease::Transport;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{sleep, timeout};

use super::asking::{Target, no_server};
use super::exchange::{connect, read_reply, udp_client};
use crate::{CheckResult, Finding, shown};

/// The time to watch the last input that must get no reply.
const QUIET: Duration = Duration::from_millis(700);
/// The time to watch an input when the next client has its reply.
const GLANCE: Duration = Duration::from_millis(20);

/// Input that is no request; some of it contains the digits of an id.
fn malformed_inputs(id: &str) -> Vec<Vec<u8>> {
    let mut inputs: Vec<Vec<u8>> = [
        "HELLO",
        "HELLO ",
        "HELLO 12",
        "HELLO abcd",
        "HELLO 12x4",
        "GET / HTTP/1.1\r\n\r\n",
        "\n",
        "\0\0\0\0\0\0\0\0\0\0",
        "RESET 1234",
        "HELLO -123",
        "HELLO  123",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    inputs.push(format!("HELLO {id}5").into_bytes());
    inputs.push(format!("hello {id}").into_bytes());
    inputs.push(format!("HELLO {id} x").into_bytes());
    inputs.push(format!("OK {id} 1.2.3.4 5").into_bytes());
    inputs.push((0..=255).cycle().take(600).collect());
    inputs.push(vec![b'9'; 1400]);
    inputs.push(Vec::new());
    inputs
}

/// A client that sent something malformed, and listens.
enum Listening {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Listening {
    async fn send(target: &Target, input: &[u8]) -> Result<Self, Finding> {
        let failed = |error: &_| no_server(error).sent(shown(input));
        let client = match target.transport {
            Transport::Udp => {
                let socket = udp_client(target.server).await.map_err(|e| failed(&e))?;
                socket.send(input).await.map_err(|e| failed(&e))?;
                Listening::Udp(socket)
            }
            Transport::Tcp => {
                let mut stream = connect(target.server).await.map_err(|e| failed(&e))?;
                // A server that closes at once has seen enough.
                let _ = stream.write_all(input).await;
                let _ = stream.shutdown().await;
                Listening::Tcp(stream)
            }
        };
        target.trace.note(input);
        Ok(client)
    }

    /// The bytes that came within `wait`; none if the server is silent, closed or reset.
    async fn heard(&mut self, wait: Duration) -> Vec<u8> {
        match self {
            Listening::Udp(socket) => {
                let mut buffer = vec![0; 2048];
                let read = timeout(wait, socket.recv(&mut buffer)).await;
                buffer.truncate(read.ok().and_then(Result::ok).unwrap_or(0));
                buffer
            }
            Listening::Tcp(stream) => read_reply(stream, wait).await.0,
        }
    }
}

/// None of it is answered, none of it is a lease, and the server goes on. The next client is
/// answered after each, so an input that ends the server is known.
pub(super) async fn malformed(target: Target) -> CheckResult {
    let id = target.new_id();
    let mut listening = Vec::new();
    for input in malformed_inputs(&id.to_string()) {
        let mut client = Listening::send(&target, &input).await?;
        if let Err(finding) = target.answered().await {
            let why = "after malformed input the next client gets no good answer";
            // A dead server is reported by the plan, with the same input.
            return Err(finding.but_unless_gone(why).sent(shown(&input)));
        }
        answered(&input, &client.heard(GLANCE).await)?;
        listening.push((input, client));
    }
    sleep(QUIET).await;
    for (input, client) in &mut listening {
        answered(input, &client.heard(GLANCE).await)?;
    }
    let why = "malformed input must not lease the id that it contains";
    target.expect_granted(id, why).await
}

fn answered(input: &[u8], heard: &[u8]) -> Result<(), Finding> {
    if heard.is_empty() {
        return Ok(());
    }
    let finding = Finding::fail("malformed input gets no answer");
    Err(finding.sent(shown(input)).came(shown(heard)))
}
