//! Number exchanges a second over loopback, beside a bare server that reads and closes in the same
//! way but knows nothing: what it reaches is what TCP and the load leave for anybody.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fleetlink_hub::number_exchange::{Config, Lines, Server, start};
use fleetlink_proto::number_exchange::limits::QUIET_TIME;
use fleetlink_proto::number_exchange::{OnOutOfRange, ServerNumber, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::BenchResult;
use crate::crowd::runtime;

/// Clients at once.
const CLIENTS: usize = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

/// A request that says where it ends, and its answer.
struct Message {
    name: &'static str,
    request: &'static [u8],
    reply: &'static [u8],
}

const MESSAGES: [Message; 2] = [
    Message {
        name: "text, ended by a newline",
        request: b"Client of A Client: 25\n",
        reply: b"Server of A Server: 10\n",
    },
    Message {
        name: "json, ended by its object",
        request: br#"{"client_name": "A Client", "client_number": 25}"#,
        reply: br#"{"server_name": "A Server", "server_number": 10, "sum": 35}"#,
    },
];

/// Prints exchanges a second, the median of five rounds that alternate with the bare server's.
pub(crate) fn run() -> BenchResult {
    let runtime = runtime()?;
    for message in &MESSAGES {
        runtime.block_on(compare(message))?;
    }
    Ok(())
}

async fn compare(message: &'static Message) -> BenchResult {
    let ours = serve_ours().await?;
    let bare = serve_bare(message).await?;
    let (mut fleetlink, mut reference) = ([0.0; ROUNDS], [0.0; ROUNDS]);
    for round in 0..ROUNDS {
        reference[round] = load(bare, message).await?;
        fleetlink[round] = load(ours.address(), message).await?;
    }
    ours.close().await;
    report(message.name, median(fleetlink), median(reference));
    Ok(())
}

async fn serve_ours() -> BenchResult<Server> {
    let config = Config {
        listen: "127.0.0.1:0".parse()?,
        service: Service {
            name: "A Server".parse()?,
            number: ServerNumber::Fixed("10".parse()?),
            on_out_of_range: OnOutOfRange::Refuse,
            reply_sum: false,
        },
        quiet_time: QUIET_TIME,
    };
    Ok(start(config, Lines::Logged).await?)
}

/// Reads once, writes, ends its side, and reads to the end of the client's.
async fn serve_bare(message: &'static Message) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 1024];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(message.reply).await;
                let _ = stream.shutdown().await;
                while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
            });
        }
    });
    Ok(address)
}

/// Exchanges a second over one round; an answer that is not the expected one is an error.
async fn load(address: SocketAddr, message: &'static Message) -> std::io::Result<f64> {
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(async move {
            let mut count = 0_u32;
            while began.elapsed() < ROUND {
                exchange(address, message).await?;
                count += 1;
            }
            Ok::<u32, std::io::Error>(count)
        });
    }
    let mut exchanges = 0;
    for count in clients.join_all().await {
        exchanges += count?;
    }
    Ok(f64::from(exchanges) / began.elapsed().as_secs_f64())
}

async fn exchange(address: SocketAddr, message: &Message) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(message.request).await?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await?;
    if reply != message.reply {
        return Err(std::io::Error::other("a wrong answer"));
    }
    Ok(())
}

fn median(mut rates: [f64; ROUNDS]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}

#[expect(clippy::print_stdout, reason = "the result of a measurement")]
fn report(name: &str, fleetlink: f64, reference: f64) {
    println!(
        "{name:<28}{fleetlink:>8.0}/s   bare server {reference:>8.0}/s   ratio {:.2}",
        fleetlink / reference
    );
}
