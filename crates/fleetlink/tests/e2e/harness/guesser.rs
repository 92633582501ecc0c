//! Somebody at any address of 127/8 who guesses passwords, speaking the protocol by hand.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use fleetlink_testkit::any_hub;

use super::DEADLINE;

/// A session with a hub in which nobody is logged in.
pub(crate) struct Guesser {
    stream: BufReader<TlsStream<TcpStream>>,
    calls: u64,
}

/// The hub's reply to a guess, and its time.
#[derive(Debug, Clone)]
pub(crate) struct Guess {
    pub(crate) sent: Instant,
    pub(crate) answered: Instant,
    /// The error's name, `none` where the guess was right.
    pub(crate) reason: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Guess {
    /// Whether the hub has checked the password.
    pub(crate) fn was_checked(&self) -> bool {
        matches!(self.reason.as_str(), "wrong_password" | "now_blocked")
    }
}

impl Guesser {
    /// A session from this address of the machine.
    pub(crate) async fn from(source: Ipv4Addr, hub: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        let tcp = socket.connect(hub).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let connector = TlsConnector::from(Arc::new(any_hub::config()));
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        let mut guesser = Guesser {
            stream: BufReader::new(connector.connect(name, tcp).await.unwrap()),
            calls: 0,
        };
        guesser.call("hello", &json!({"versions": [1]})).await;
        guesser
    }

    /// Tries a password.
    pub(crate) async fn guess(&mut self, name: &str, password: &str) -> Guess {
        let sent = Instant::now();
        let login = json!({"name": name, "password": password});
        let answer = self.call("login", &login).await;
        let detail = &answer["error"]["data"];
        Guess {
            sent,
            answered: Instant::now(),
            reason: detail["reason"].as_str().unwrap_or("none").to_owned(),
            retry_after: detail["retry_after_ms"].as_u64().map(Duration::from_millis),
        }
    }

    async fn call(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let call = json!({"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params});
        let line = format!("{call}\n");
        let stream = self.stream.get_mut();
        stream.write_all(line.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let mut line = String::new();
        let read = timeout(DEADLINE, self.stream.read_line(&mut line));
        read.await.expect("an answer in time").unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], self.calls, "{answer}");
        answer
    }
}
