//! Somebody between a device and its hub, with TLS of his own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use fleetlink_client::{
    ErrorKind, HubAddress, Session, Unfollowed,
    internals::{Successor, Trust, connect},
    kept::DeviceKeys,
};
use fleetlink_proto::control::ErrorCode;
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use fleetlink_testkit::any_hub;

use crate::harness::Hub;

const DEVICE: &str = "supersmartwatch";

/// Shows a certificate whether it is for the key or not.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Ends TLS with a key of its own and passes everything on to the real hub, over TLS too; `stolen` is
/// shown instead of its own certificate.
async fn relay(hub: SocketAddr, stolen: Option<CertificateDer<'static>>) -> HubAddress {
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let own = own.self_signed(&key).unwrap().der().clone();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signer = any_supported_type(&der).unwrap();
    let shown = CertifiedKey::new(vec![stolen.unwrap_or(own)], signer);
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shows(Arc::new(shown))));
    config.alpn_protocols = vec![b"fleetlink/1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((device, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A device that refuses the certificate ends it here.
                let Ok(mut device) = acceptor.accept(device).await else {
                    return;
                };
                let mut hub = to_hub(hub).await;
                let _ = copy_bidirectional(&mut device, &mut hub).await;
            });
        }
    });
    address.to_string().parse().unwrap()
}

/// The relay's own connection to the hub, as any client makes one.
async fn to_hub(hub: SocketAddr) -> tokio_rustls::client::TlsStream<TcpStream> {
    let tcp = TcpStream::connect(hub).await.unwrap();
    let name = "hub".try_into().unwrap();
    let connector = TlsConnector::from(Arc::new(any_hub::config()));
    connector.connect(name, tcp).await.unwrap()
}

/// A device that has joined the hub once, so that it has a pin and a key.
fn enrolled(hub: &Hub) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let finished = hub.visit(folder.path(), DEVICE);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    folder
}

fn state(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join("state")
}

fn copy_of(certificate: &Path) -> CertificateDer<'static> {
    CertificateDer::from(fs::read(certificate).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_and_a_stolen_one_are_refused_before_anything_is_said() {
    let hub = Hub::start(&[DEVICE]);
    let device = enrolled(&hub);
    let pin = hub.pin().parse().unwrap();
    let stolen = copy_of(&hub.data().join("hub.crt"));

    let relayed = relay(hub.address, None).await;
    let successor = Successor::in_folder(state(&device), |moved| panic!("{moved:?}"));
    let refused = successor
        .connect(&relayed, &mut Trust::Pinned(pin), "test")
        .await;
    // The relay has asked the real hub, which knows nothing of the relay's key.
    let refused = refused.err().expect("the relay was taken for the hub");
    let ErrorKind::PinChanged { expected, why, .. } = refused.kind() else {
        panic!("{refused}");
    };
    assert_eq!(*expected, pin);
    assert!(matches!(why, Unfollowed::Unannounced), "{why}");

    // The right certificate without its key: the handshake's signature is wrong.
    let relayed = relay(hub.address, Some(stolen)).await;
    for mut trust in [Trust::Pinned(pin), Trust::Learn] {
        let refused = successor.connect(&relayed, &mut trust, "test").await;
        let refused = refused.err().unwrap();
        assert!(matches!(refused.kind(), ErrorKind::NotAHub), "{refused}");
    }
}

/// A relay that a device trusts, since it knows no better, gets a proof that the hub refuses.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_cannot_use_a_proof() {
    let hub = Hub::start(&[DEVICE]);
    let device = enrolled(&hub);
    let pin = hub.pin().parse().unwrap();
    let keys = DeviceKeys::in_folder(state(&device));
    let key = keys.find(pin, &DEVICE.parse().unwrap()).unwrap().unwrap();

    let direct = hub.address.to_string().parse().unwrap();
    let relayed = relay(hub.address, None).await;
    for (address, works) in [(direct, true), (relayed, false)] {
        let connection = connect(&address, Trust::Learn).await.unwrap();
        let (session, _) = Session::open(connection, "test").await.unwrap();
        match session.login_by_key(DEVICE, &key).await {
            Ok(_) => assert!(works, "the relay is logged in as the device"),
            Err(error) => {
                assert!(!works, "{error}");
                assert!(error.is_refused_with(ErrorCode::KeyRefused), "{error}");
            }
        }
    }
}
