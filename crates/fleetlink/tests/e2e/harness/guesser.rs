//! Somebody at any address of 127/8 who guesses passwords, speaking the protocol by hand.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::DEADLINE;

/// A session with a hub in which nobody is logged in.
pub(crate) struct Guesser {
    stream: BufReader<TlsStream<TcpStream>>,
    calls: u64,
}

/// What the hub said to a guess, and when.
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
        let connector = TlsConnector::from(Arc::new(client_config()));
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

fn client_config() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyKey(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"fleetlink/1".to_vec()];
    config
}

/// Who guesses does not ask who the hub is.
#[derive(Debug)]
struct AnyKey(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
