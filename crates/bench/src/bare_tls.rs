//! The floor under a hub: TLS with its certificate and settings, and nothing behind it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fleetlink_client::HubAddress;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::BenchResult;
use crate::crowd::runtime;
use crate::hub::Hub;
use crate::process::Process;
use crate::report::say;

/// The argument with which this program becomes [`serve`].
pub(crate) const SERVE: &str = "serve-bare-tls";

/// A server that shakes hands, in a process of its own as the hub is.
pub(crate) struct BareTls {
    pub(crate) process: Process,
    pub(crate) address: HubAddress,
}

impl BareTls {
    /// One with the certificate of this hub.
    pub(crate) fn start(hub: &Hub) -> BenchResult<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SERVE).arg(hub.data());
        let mut process = Process::start(&mut command)?;
        let address: SocketAddr = process.expect("listening on ")?.parse()?;
        let address = HubAddress::new(&address.ip().to_string(), address.port())?;
        Ok(BareTls { process, address })
    }
}

/// Shakes hands with whoever connects, and waits for the end, until it is killed.
pub(crate) fn serve() -> BenchResult {
    let data = std::env::args_os().nth(2).ok_or("which hub's data?")?;
    let acceptor = TlsAcceptor::from(server_config(Path::new(&data))?);
    runtime()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        say(&format!("listening on {}", listener.local_addr()?));
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    // The device says nothing, and then goodbye.
                    let _ = stream.read_u8().await;
                }
            });
        }
    })
}

/// As the hub's own.
fn server_config(data: &Path) -> BenchResult<Arc<ServerConfig>> {
    let key = PrivateKeyDer::from_pem_file(data.join("hub.key"))?;
    let certificate = CertificateDer::from(fs::read(data.join("hub.crt"))?);
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"fleetlink/1".to_vec()];
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
