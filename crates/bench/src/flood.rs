//! A hub under a flood: many idle sessions, many that ask and read nothing, and one device at work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetlink_client::{HubAddress, Session, data::UploadTask, internals::upload_stream};
use fleetlink_proto::DataFile;
use fleetlink_proto::control::UploadMode;
use fleetlink_proto::samples::Operation;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::BenchResult;
use crate::crowd::{joined, many, runtime};
use crate::hub::{Hub, PASSWORD, device_name};
use crate::process::raise_descriptors;
use crate::report::{float, median, say};

/// Accounts; each has joined, so that a list of devices is a full page.
const DEVICES: u32 = 200;
const IDLE: u32 = 5_000;
/// Sessions that ask for lists without end and read none of the answers.
const UNREADING: u32 = 800;
const COMPUTATIONS: usize = 1_000;
/// The pause before the processes are measured.
const REST: Duration = Duration::from_secs(3);
/// A session whose calls are not taken for this long asks no more.
const STUCK: Duration = Duration::from_millis(300);
/// Most calls of one session that reads nothing.
const CALLS: usize = 20_000;

type Stream = BufReader<TlsStream<TcpStream>>;

pub(crate) fn run() -> BenchResult {
    raise_descriptors();
    runtime()?.block_on(measure())
}

async fn measure() -> BenchResult {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(folder.path(), DEVICES + 1).await?;
    let worker = hub.key_dialer(DEVICES).attach().await?;
    let task = UploadTask {
        file: DataFile::numbered(1),
        mode: UploadMode::Replace,
        allow_empty: false,
    };
    let samples = "1\n2\n3\n".as_bytes();
    upload_stream(&worker, task, samples, |_| {}).await?;
    say(&format!(
        "alone: SCS takes {:.3} ms",
        computing(&worker).await?
    ));

    let joined = joined(&hub, DEVICES, Hub::key_dialer).await?;
    let attach = |n: u32| {
        let mut dialer = hub.key_dialer(n % DEVICES);
        async move { Ok(dialer.attach().await?) }
    };
    let idle = many(IDLE, attach).await?;
    sleep(REST).await;
    say(&format!(
        "with {IDLE} idle sessions and {DEVICES} joined: {:.1} MiB, SCS takes {:.3} ms",
        resident(&hub)?,
        computing(&worker).await?
    ));

    let address = hub.address().clone();
    let flood = |n: u32| {
        let address = address.clone();
        async move { Unreading::log_in(&address, n % DEVICES).await }
    };
    let unreading = many(UNREADING, flood).await?;
    sleep(REST).await;
    say(&format!(
        "with {UNREADING} more that have logged in by password: {:.1} MiB",
        resident(&hub)?
    ));
    let floods: Vec<_> = unreading
        .into_iter()
        .map(|session| tokio::spawn(session.ask_without_end()))
        .collect();
    let during = computing(&worker).await?;
    let mut most = resident(&hub)?;
    let mut held = Vec::new();
    for flood in floods {
        held.push(flood.await??);
        most = most.max(resident(&hub)?);
    }
    let calls: usize = held.iter().map(|(_, calls)| calls).sum();
    say(&format!(
        "while these ask: {most:.1} MiB at most, SCS takes {during:.3} ms; {} calls were taken of \
         each",
        calls / held.len()
    ));
    say(&format!(
        "when they are stuck: {:.1} MiB, SCS takes {:.3} ms",
        resident(&hub)?,
        computing(&worker).await?
    ));
    drop(held);
    for session in idle.into_iter().chain(joined) {
        drop(session);
    }
    sleep(REST * 5).await;
    say(&format!(
        "when all have gone: {:.1} MiB and {} descriptors, SCS takes {:.3} ms",
        resident(&hub)?,
        hub.descriptors()?,
        computing(&worker).await?
    ));
    Ok(())
}

/// The median of some computations, in milliseconds.
async fn computing(session: &Session) -> BenchResult<f64> {
    let mut times = Vec::new();
    for _ in 0..COMPUTATIONS {
        let begun = Instant::now();
        session
            .compute(DataFile::numbered(1), Operation::Sum)
            .await?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(&times))
}

fn resident(hub: &Hub) -> BenchResult<f64> {
    Ok(float(hub.resident()?) / f64::from(1 << 20))
}

/// A session that reads no answer after its login.
struct Unreading {
    stream: Stream,
}

impl Unreading {
    async fn log_in(address: &HubAddress, account: u32) -> BenchResult<Self> {
        let tcp = TcpStream::connect((address.host(), address.port())).await?;
        let connector = TlsConnector::from(Arc::new(client_config()?));
        let name = ServerName::try_from("hub")?;
        let stream = connector.connect(name, tcp).await?;
        let mut session = Unreading {
            stream: BufReader::new(stream),
        };
        session
            .call(r#"{"jsonrpc":"2.0","id":1,"method":"hello","params":{"versions":[1]}}"#)
            .await?;
        let name = device_name(account);
        session
            .call(&format!(
                r#"{{"jsonrpc":"2.0","id":2,"method":"login","params":{{"name":"{name}","password":"{PASSWORD}"}}}}"#
            ))
            .await?;
        Ok(session)
    }

    async fn call(&mut self, line: &str) -> BenchResult {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{line}\n").as_bytes()).await?;
        let mut answer = String::new();
        self.stream.read_line(&mut answer).await?;
        match answer.contains("\"result\"") {
            true => Ok(()),
            false => Err(format!("the hub answered {answer}").into()),
        }
    }

    /// Asks until nothing more is taken; itself, and how often it has asked.
    async fn ask_without_end(mut self) -> BenchResult<(Self, usize)> {
        let stream = self.stream.get_mut();
        for call in 0..CALLS {
            let line = format!(r#"{{"jsonrpc":"2.0","id":{call},"method":"device.list"}}"#);
            let asking = async {
                stream.write_all(format!("{line}\n").as_bytes()).await?;
                stream.flush().await
            };
            if !matches!(timeout(STUCK, asking).await, Ok(Ok(()))) {
                return Ok((self, call));
            }
        }
        Ok((self, CALLS))
    }
}

fn client_config() -> BenchResult<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyHub))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"fleetlink/1".to_vec()];
    Ok(config)
}

/// The hub is this measurement's own.
#[derive(Debug)]
struct AnyHub;

impl ServerCertVerifier for AnyHub {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
