//! What a server must survive.

use std::io;
use std::time::Duration;

use fleetlink_proto::lease::{Reply, Request, ServerReply, Transport};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

use super::Outcome;
use super::asking::{Target, connect, over_tcp, over_udp, read_to_end};
use crate::check::{Finding, shown};

/// How long a datagram that must not be answered is watched.
const QUIET: Duration = Duration::from_millis(700);
/// Between two pieces of a request: enough for each to be a read of its own.
const BETWEEN_PIECES: Duration = Duration::from_millis(50);
/// Connections that say nothing.
const SILENT: usize = 8;

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
    inputs
}

/// None of it is answered, none of it is a lease, and the server goes on.
pub(super) async fn malformed(target: Target) -> Outcome {
    let id = target.new_id();
    let mut inputs = malformed_inputs(&id.to_string());
    if target.transport == Transport::Udp {
        inputs.push(Vec::new());
    }
    let mut sending = JoinSet::new();
    for input in inputs {
        let (server, transport) = (target.server, target.transport);
        sending.spawn(async move {
            let asked = match transport {
                Transport::Udp => over_udp(server, &input, QUIET).await,
                Transport::Tcp => over_tcp(server, &input).await,
            };
            (input, asked)
        });
    }
    while let Some(result) = sending.join_next().await {
        let Ok((input, asked)) = result else { continue };
        match asked {
            Ok(asked) if asked.reply.is_empty() => {}
            Ok(asked) => return Err(asked.fail("malformed input gets no answer")),
            // What the server had not read when it closed may reset the connection.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => {
                let why = format!("after malformed input: {error}");
                return Err(Finding::fail(why).sent(shown(&input)));
            }
        }
    }
    let why = "malformed input must not lease the id that it contains, nor stop the server";
    Ok(target.expect_granted(id, why).await?.pass())
}

/// A request in three pieces.
pub(super) async fn pieces(target: Target) -> Outcome {
    let id = target.new_id();
    let request = Request::encode(id);
    let exchange = async {
        let mut stream = connect(target.server).await?;
        for piece in [&request[..3], &request[3..8], &request[8..]] {
            stream.write_all(piece).await?;
            tokio::time::sleep(BETWEEN_PIECES).await;
        }
        stream.shutdown().await?;
        read_to_end(&mut stream).await
    };
    let sent = "HEL, LO 12, 34: three pieces";
    let reply = exchange
        .await
        .map_err(|error| Finding::fail(error.to_string()).sent(sent))?;
    match ServerReply::parse(&reply) {
        Ok(parsed) if parsed.id() == id => Ok(Finding::pass().sent(sent).came(shown(&reply))),
        _ => Err(Finding::fail("a request may arrive in pieces")
            .sent(sent)
            .came(shown(&reply))
            .expected(format!("OK {id} …"))),
    }
}

/// Others are served while some clients say nothing, or only half of a request.
pub(super) async fn silence(target: Target) -> Outcome {
    let mut silent = Vec::new();
    for n in 0..SILENT {
        let connecting = async {
            let mut stream = connect(target.server).await?;
            if n % 2 == 1 {
                stream.write_all(b"HELLO").await?;
            }
            Ok::<_, io::Error>(stream)
        };
        let stream = connecting.await;
        silent.push(stream.map_err(|e| Finding::fail(format!("cannot connect: {e}")))?);
    }
    // Long enough for them to be accepted before the good client.
    tokio::time::sleep(BETWEEN_PIECES).await;
    let (_, asked) = target.granted().await.map_err(|_| {
        let why = format!("with {SILENT} clients that say nothing, another gets no reply in time");
        Finding::fail(why)
    })?;
    Ok(asked.pass())
}

/// The server ends each connection by itself, and in order.
pub(super) async fn close(target: Target) -> Outcome {
    let (id, granted) = target.granted().await?;
    for id in [target.new_id(), id] {
        let request = Request::encode(id);
        let exchange = async {
            let mut stream = connect(target.server).await?;
            // Without the client's half-close: the server does not need it.
            stream.write_all(&request).await?;
            tokio::time::sleep(BETWEEN_PIECES).await;
            // A line end that comes late must not cost the client its reply; a reset that came
            // meanwhile is this write's error.
            stream.write_all(b"\n").await?;
            read_to_end(&mut stream).await
        };
        let reply = exchange.await.map_err(|error| {
            let why = format!("the server closes the connection after its reply: {error}");
            Finding::fail(why).sent(shown(&request))
        })?;
        if ServerReply::parse(&reply).is_err() {
            return Err(Finding::compare(
                &reply,
                Reply::in_use(id, false).as_bytes(),
                "a request is answered before the connection is closed",
            ));
        }
    }
    Ok(granted.pass())
}
