//! A hub that does what a test wants: the real protocol over real TLS, everything else in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod misfit;
mod serving;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use fleetlink_proto::control::{EndReason, ErrorCode, Receipt, UploadNumber};
use fleetlink_proto::succession::Succession;
use fleetlink_proto::{DeviceKey, Generation, HubPin};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use self::serving::serve;

/// The ways in which the hub differs from a good hub.
#[derive(Default, Clone)]
pub struct Script {
    /// Its keep-alive is ten seconds in place of half a second: nothing else of the script takes time.
    pub patient: bool,
    /// Says nothing after this many calls.
    pub silent_after: Option<usize>,
    /// Keeps its answers back until this many calls have come, signs of life not counted.
    pub silent_until: usize,
    /// Refuses `hello`, and goes on.
    pub refuse_hello: bool,
    /// Closes once, when an upload has brought so many bytes.
    pub close_once_at: Option<usize>,
    /// Fails every upload once it has brought so many bytes.
    pub fail_at: Option<usize>,
    /// Sends this instead of the answer to `ping` or `file.list`.
    pub garbage: Option<Vec<u8>>,
    /// Ends the session with this reason when asked to join.
    pub end_at_join: Option<EndReason>,
    /// Closes when greeted.
    pub close_at_hello: bool,
    /// Closes the connection once it has answered a join.
    pub close_after_join: bool,
    /// Answers `upload.open` so many times that it is busy, and to come back in 50 ms.
    pub busy_opens: usize,
    /// Lets the device choose the numbers of its uploads.
    pub client_numbers: bool,
    /// Refuses every `upload.open` so.
    pub refuse_opens: Option<ErrorCode>,
    /// Fails an upload so whose bytes do not fit its hash: a part of it was held already.
    pub fail_misfits: Option<ErrorCode>,
    /// Closes so many times in place of answering a commit, which it has done.
    pub lost_commits: usize,
    /// Answers `login` so many times that it is busy.
    pub busy_logins: usize,
    /// Closes so many times in place of answering `login`.
    pub lost_logins: usize,
    /// Closes so many times in place of answering `ticket.redeem`.
    pub lost_redemptions: usize,
    /// Sends a wrong hash at the end of a download.
    pub lie_about_hash: bool,
    /// Tells this to who expected another key.
    pub succession: Vec<Succession>,
    /// Its key in PKCS#8; a new one where there is none.
    pub key: Option<Vec<u8>>,
}

/// The state that a test may look at.
#[derive(Default)]
pub struct Seen {
    /// The keys of `ticket.redeem`, in order.
    pub redeemed: Vec<DeviceKey>,
    /// Uploads by key: what has come.
    pub partial: HashMap<u128, Vec<u8>>,
    /// The last commit.
    pub committed: Vec<u8>,
    /// Keys of `upload.open`, in order.
    pub opened: Vec<u128>,
    /// Their numbers, where the device chose them.
    pub numbers: Vec<Option<UploadNumber>>,
    /// Commits that took effect, by key.
    pub receipts: HashMap<u128, Receipt>,
    /// Aborted uploads.
    pub aborted: usize,
    /// Bytes of uploads received in all.
    pub received: usize,
    /// Connections that were made and are open.
    pub connected: usize,
    pub open: usize,
    /// The methods of all calls, in order.
    pub called: Vec<&'static str>,
    /// Logins that were tried.
    pub logins: usize,
    /// The key by which the last one was, if it was by one.
    pub login_key: Option<DeviceKey>,
    /// Joins.
    pub joins: usize,
    /// The generation that the last join gave as the one before.
    pub rejoined: Option<Generation>,
}

/// A hub that follows a script.
pub struct ScriptedHub {
    pub address: SocketAddr,
    pub pin: HubPin,
    pub seen: Arc<Mutex<Seen>>,
    script: Arc<Mutex<Script>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for ScriptedHub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedHub {
    /// Starts on a port of its own.
    ///
    /// # Panics
    /// The machine has no socket, or the script's key is none.
    pub async fn start(script: Script) -> Self {
        let key = match &script.key {
            Some(key) => rcgen::KeyPair::try_from(key.as_slice()).unwrap(),
            None => rcgen::KeyPair::generate().unwrap(),
        };
        let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let parsed = rustls::server::ParsedCertificate::try_from(certificate.der()).unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, &parsed.subject_public_key_info());
        let pin = HubPin::from_sha256(digest.as_ref().try_into().unwrap());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        config.alpn_protocols = vec![b"fleetlink/1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let script = Arc::new(Mutex::new(script));
        let (shared_seen, shared_script) = (Arc::clone(&seen), Arc::clone(&script));
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                let (seen, script) = (Arc::clone(&shared_seen), Arc::clone(&shared_script));
                tokio::spawn(serve(tcp, acceptor, seen, script));
            }
        });
        ScriptedHub {
            address,
            pin,
            seen,
            script,
            task,
        }
    }

    /// Changes what the hub does from here on.
    pub fn rewrite(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }
}
