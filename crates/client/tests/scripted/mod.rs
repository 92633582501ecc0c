//! A hub that does what a test wants: the real protocol over real TLS, everything else in memory.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetlink_proto::control::{
    EndReason, ErrorCode, Feature, FromDevice, HelloReply, HubDecoder, HubNotification, JoinReply,
    KeyList, Login, LoginProof, LoginReply, OpenDownloadReply, OpenUploadReply, Pong, Receipt,
    Reply, Request, RequestId, RpcError, encode_error, encode_notification, encode_reply,
};
use fleetlink_proto::succession::Succession;
use fleetlink_proto::{ContentHash, DeviceKey, Generation, HubPin, HubRun, HubTime, WallTime};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What the hub does otherwise than a good hub.
#[derive(Default, Clone)]
pub(crate) struct Script {
    /// Its keep-alive is ten seconds in place of half a second: nothing else of the script takes time.
    pub(crate) patient: bool,
    /// Says nothing after this many calls.
    pub(crate) silent_after: Option<usize>,
    /// Keeps its answers back until this many calls have come, signs of life not counted.
    pub(crate) silent_until: usize,
    /// Refuses `hello`, and goes on.
    pub(crate) refuse_hello: bool,
    /// Closes once, when an upload has brought so many bytes.
    pub(crate) close_once_at: Option<usize>,
    /// Fails every upload once it has brought so many bytes.
    pub(crate) fail_at: Option<usize>,
    /// Sends this instead of the answer to `ping` or `file.list`.
    pub(crate) garbage: Option<Vec<u8>>,
    /// Ends the session with this reason when asked to join.
    pub(crate) end_at_join: Option<EndReason>,
    /// Closes when greeted.
    pub(crate) close_at_hello: bool,
    /// Closes the connection once it has answered a join.
    pub(crate) close_after_join: bool,
    /// Answers `upload.open` so many times that it is busy, and to come back in 50 ms.
    pub(crate) busy_opens: usize,
    /// Lets the device choose the numbers of its uploads.
    pub(crate) client_numbers: bool,
    /// Refuses every `upload.open` so.
    pub(crate) refuse_opens: Option<ErrorCode>,
    /// Closes so many times in place of answering a commit, which it has done.
    pub(crate) lost_commits: usize,
    /// Answers `login` so many times that it is busy.
    pub(crate) busy_logins: usize,
    /// Closes so many times in place of answering `login`.
    pub(crate) lost_logins: usize,
    /// Closes so many times in place of answering `ticket.redeem`.
    pub(crate) lost_redemptions: usize,
    /// Sends a wrong hash at the end of a download.
    pub(crate) lie_about_hash: bool,
    /// Tells this to who expected another key.
    pub(crate) succession: Vec<Succession>,
    /// Its key in PKCS#8; a new one where there is none.
    pub(crate) key: Option<Vec<u8>>,
}

/// What a test may look at.
#[derive(Default)]
pub(crate) struct Seen {
    /// The keys of `ticket.redeem`, in order.
    pub(crate) redeemed: Vec<DeviceKey>,
    /// Uploads by key: what has come.
    pub(crate) partial: HashMap<u128, Vec<u8>>,
    /// What was committed last.
    pub(crate) committed: Vec<u8>,
    /// Keys of `upload.open`, in order.
    pub(crate) opened: Vec<u128>,
    /// Their numbers, where the device chose them.
    pub(crate) numbers: Vec<Option<u64>>,
    /// Commits that took effect, by key.
    pub(crate) receipts: HashMap<u128, Receipt>,
    /// Aborted uploads.
    pub(crate) aborted: usize,
    /// Bytes of uploads received in all.
    pub(crate) received: usize,
    /// Connections that were made and are open.
    pub(crate) connected: usize,
    pub(crate) open: usize,
    /// The methods of all calls, in order.
    pub(crate) called: Vec<&'static str>,
    /// Logins that were tried.
    pub(crate) logins: usize,
    /// The key by which the last one was, if it was by one.
    pub(crate) login_key: Option<DeviceKey>,
    /// Joins.
    pub(crate) joins: usize,
    /// The generation that the last join gave as the one before.
    pub(crate) rejoined: Option<Generation>,
}

pub(crate) struct ScriptedHub {
    pub(crate) address: SocketAddr,
    pub(crate) pin: HubPin,
    pub(crate) seen: Arc<Mutex<Seen>>,
    script: Arc<Mutex<Script>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for ScriptedHub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedHub {
    pub(crate) async fn start(script: Script) -> Self {
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
    #[allow(dead_code, reason = "not every test program changes its hub")]
    pub(crate) fn rewrite(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }
}

/// Whether it is by this password; any key is the right one.
fn is_password(login: &Login, expected: &str) -> bool {
    match &login.proof {
        LoginProof::Password(password) => password.expose() == expected,
        LoginProof::Key { .. } => expected == "right",
    }
}

async fn serve(
    tcp: TcpStream,
    acceptor: TlsAcceptor,
    seen: Arc<Mutex<Seen>>,
    script: Arc<Mutex<Script>>,
) {
    let Ok(stream) = acceptor.accept(tcp).await else {
        return;
    };
    let mut session = Serving {
        stream,
        seen,
        script,
        calls: 0,
        pings: 0,
        keys: HashMap::new(),
        chunk: 0,
        unsaid: Vec::new(),
    };
    {
        let mut seen = session.seen.lock().unwrap();
        seen.connected += 1;
        seen.open += 1;
    }
    session.run().await;
    session.seen.lock().unwrap().open -= 1;
}

struct Serving {
    stream: TlsStream<TcpStream>,
    seen: Arc<Mutex<Seen>>,
    script: Arc<Mutex<Script>>,
    calls: usize,
    pings: usize,
    keys: HashMap<u64, u128>,
    chunk: u64,
    unsaid: Vec<u8>,
}

impl Serving {
    async fn run(&mut self) {
        let mut decoder = HubDecoder::default();
        let mut buffer = vec![0; 65536];
        loop {
            let bytes = match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(bytes) => bytes,
            };
            let mut input = &buffer[..bytes];
            while let Some(message) = decoder.next_message(&mut input) {
                if !self.handle(message).await {
                    return;
                }
            }
        }
    }

    async fn handle(&mut self, message: FromDevice<'_>) -> bool {
        let script = self.script.lock().unwrap().clone();
        match message {
            FromDevice::Call { id, request } => {
                self.calls += 1;
                self.pings += usize::from(request == Request::Ping);
                self.seen.lock().unwrap().called.push(request.method());
                if script.silent_after.is_some_and(|calls| self.calls > calls) {
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                }
                self.answer(&id, request, &script).await
            }
            FromDevice::Chunk { upload } => {
                self.chunk = upload;
                true
            }
            FromDevice::Body(piece) => self.body(piece, &script).await,
            FromDevice::UnknownNotification(method) => panic!("the device sent {method}"),
            FromDevice::Invalid { error, .. }
            | FromDevice::Garbage(error)
            | FromDevice::Unframed(error) => {
                panic!("the device sent nonsense: {error}")
            }
        }
    }

    async fn body(&mut self, piece: &[u8], script: &Script) -> bool {
        let Some(&key) = self.keys.get(&self.chunk) else {
            return true;
        };
        let held = {
            let mut seen = self.seen.lock().unwrap();
            seen.received += piece.len();
            let partial = seen.partial.entry(key).or_default();
            partial.extend_from_slice(piece);
            partial.len()
        };
        if script.close_once_at.is_some_and(|at| held >= at) {
            self.script.lock().unwrap().close_once_at = None;
            return false;
        }
        if script.fail_at.is_some_and(|at| held >= at) {
            let upload = self.chunk;
            self.keys.remove(&upload);
            let error = RpcError::new(ErrorCode::BadLine, "letters").at_line(7);
            let failed = HubNotification::UploadFailed { upload, error };
            return self.send(&encode_notification(&failed)).await;
        }
        true
    }

    async fn answer(&mut self, id: &RequestId, request: Request, script: &Script) -> bool {
        let garbage = matches!(request, Request::Ping | Request::ListFiles(_));
        if let Some(garbage) = script.garbage.as_ref().filter(|_| garbage) {
            return self.send(garbage).await;
        }
        let at = WallTime::from_unix_millis(0);
        if let Request::Login(login) = &request {
            let mut seen = self.seen.lock().unwrap();
            seen.logins += 1;
            seen.login_key = match &login.proof {
                LoginProof::Key { key, .. } => Some(*key),
                LoginProof::Password(_) => None,
            };
        }
        let reply = match request {
            Request::Hello(_) if script.close_at_hello => return false,
            Request::Hello(_) if script.refuse_hello => {
                Err(RpcError::new(ErrorCode::VersionMismatch, "only version 9"))
            }
            Request::Hello(hello) => Ok(Reply::Hello(HelloReply {
                version: 1,
                hub: "scripted".to_owned(),
                keep_alive_ms: if script.patient { 10_000 } else { 500 },
                features: match script.client_numbers {
                    true => vec![Feature::ClientNumbers],
                    false => Vec::new(),
                },
                succession: match hello.pin {
                    Some(_) => script.succession.clone(),
                    None => Vec::new(),
                },
                ..HelloReply::default()
            })),
            Request::Login(_) if script.lost_logins > 0 => {
                self.script.lock().unwrap().lost_logins -= 1;
                return false;
            }
            Request::Login(_) if script.busy_logins > 0 => {
                self.script.lock().unwrap().busy_logins -= 1;
                Err(RpcError::new(ErrorCode::Busy, "too many logins"))
            }
            Request::Login(login) if is_password(&login, "right") => Ok(Reply::Login(LoginReply {
                name: login.name.parse().unwrap(),
                key: None,
            })),
            Request::Login(login) if is_password(&login, "block") => Err(RpcError::new(
                ErrorCode::NowBlocked,
                "Invalid Password. Your account has been blocked. Please try again later",
            )),
            Request::Login(_) => Err(RpcError::new(
                ErrorCode::WrongPassword,
                "Invalid Password. Please try again",
            )),
            Request::Join(join) => match script.end_at_join {
                Some(reason) => {
                    let message = "another device joined under this name".to_owned();
                    let end = HubNotification::SessionEnd { reason, message };
                    self.send(&encode_notification(&end)).await;
                    return false;
                }
                None => {
                    let generation = {
                        let mut seen = self.seen.lock().unwrap();
                        seen.joins += 1;
                        seen.rejoined = join.rejoin;
                        Generation::at_most(seen.joins as u64)
                    };
                    let joined = Reply::Join(JoinReply {
                        generation,
                        since: at,
                        address: [127, 0, 0, 1].into(),
                        clock: Some(HubTime {
                            run: HubRun::from_bytes([1; 16]),
                            ms: 0,
                        }),
                        others: 0,
                        took_over: Vec::new(),
                    });
                    if script.close_after_join {
                        self.send(&encode_reply(id, &joined)).await;
                        return false;
                    }
                    Ok(joined)
                }
            },
            Request::OpenUpload(_) if script.busy_opens > 0 => {
                self.script.lock().unwrap().busy_opens -= 1;
                Err(
                    RpcError::new(ErrorCode::Busy, "an older session holds this key")
                        .retry_after(Duration::from_millis(50)),
                )
            }
            Request::OpenUpload(_) if script.refuse_opens.is_some() => {
                let code = script.refuse_opens.unwrap_or(ErrorCode::Internal);
                Err(RpcError::new(code, "as the script says"))
            }
            Request::OpenUpload(open)
                if self
                    .seen
                    .lock()
                    .unwrap()
                    .receipts
                    .contains_key(&open.key.bits()) =>
            {
                let seen = self.seen.lock().unwrap();
                let receipt = seen.receipts[&open.key.bits()].clone();
                Ok(Reply::OpenUpload(OpenUploadReply::Committed { receipt }))
            }
            Request::OpenUpload(open) => {
                let mut seen = self.seen.lock().unwrap();
                let key = open.key.bits();
                let upload = open.upload.unwrap_or(self.keys.len() as u64 + 1);
                seen.numbers.push(open.upload);
                self.keys.insert(upload, key);
                seen.opened.push(key);
                let partial = seen.partial.entry(key).or_default();
                Ok(Reply::OpenUpload(OpenUploadReply::Ready {
                    upload,
                    offset: partial.len() as u64,
                    hash: ContentHash::of(partial),
                }))
            }
            Request::CommitUpload(commit) => {
                let mut seen = self.seen.lock().unwrap();
                match self.keys.get(&commit.upload) {
                    None => Err(RpcError::new(ErrorCode::NoSuchTransfer, "no such upload")),
                    Some(key) => {
                        let bytes = seen.partial.remove(key).unwrap_or_default();
                        assert_eq!(Some(ContentHash::of(&bytes)), commit.hash);
                        assert_eq!(bytes.len() as u64, commit.bytes);
                        seen.committed = bytes;
                        let receipt = Receipt {
                            file: fleetlink_proto::DataFile::numbered(1),
                            mode: fleetlink_proto::control::UploadMode::Replace,
                            samples: 3,
                            bytes: commit.bytes,
                            version: 1.into(),
                            at,
                        };
                        let key = *key;
                        seen.receipts.insert(key, receipt.clone());
                        if script.lost_commits > 0 {
                            self.script.lock().unwrap().lost_commits -= 1;
                            return false;
                        }
                        Ok(Reply::Committed(receipt))
                    }
                }
            }
            Request::AbortUpload(_) => {
                self.seen.lock().unwrap().aborted += 1;
                Ok(Reply::Done(Default::default()))
            }
            Request::OpenDownload(_) => return self.download(id, script).await,
            Request::ListDevices(_) => Ok(Reply::Devices(fleetlink_proto::control::DeviceList {
                devices: Vec::new(),
                next: None,
            })),
            Request::ListFiles(_) => Ok(Reply::Files(fleetlink_proto::control::FileList {
                files: Vec::new(),
                next: None,
            })),
            Request::LoginNonce => Err(RpcError::new(ErrorCode::NoChannel, "there are none")),
            Request::Compute(_) | Request::DeleteFile(_) => Err(RpcError::new(
                ErrorCode::NoSuchFile,
                "there is no such file",
            )),
            Request::Ping => Ok(Reply::Pong(Pong {
                clock: Some(HubTime {
                    run: HubRun::from_bytes([1; 16]),
                    ms: 0,
                }),
            })),
            Request::Leave
            | Request::CancelDownload(_)
            | Request::EnrolKey(_)
            | Request::ReplaceKey(_)
            | Request::AnnounceEndpoint(_)
            | Request::RevokeKey => Ok(Reply::Done(Default::default())),
            Request::OpenTransfer(_) => Err(RpcError::new(ErrorCode::Offline, "nobody is there")),
            Request::RedeemTicket(redeem) => {
                self.seen.lock().unwrap().redeemed.push(redeem.key);
                if script.lost_redemptions > 0 {
                    self.script.lock().unwrap().lost_redemptions -= 1;
                    return false;
                }
                let name = redeem.name.unwrap_or_else(|| "cam".parse().unwrap());
                Ok(Reply::Login(LoginReply {
                    name,
                    key: Some(redeem.key),
                }))
            }
            Request::ListKeys => Ok(Reply::Keys(KeyList { keys: Vec::new() })),
        };
        let line = match reply {
            Ok(reply) => encode_reply(id, &reply),
            Err(error) => encode_error(Some(id), &error),
        };
        self.send(&line).await
    }

    /// Sends what was committed last.
    async fn download(&mut self, id: &RequestId, script: &Script) -> bool {
        let content = self.seen.lock().unwrap().committed.clone();
        let bytes = content.len() as u64;
        let mut stream = encode_reply(
            id,
            &Reply::OpenDownload(OpenDownloadReply {
                download: 9,
                bytes,
                samples: 3,
                version: 1.into(),
            }),
        );
        for piece in content.chunks(100_000) {
            let bytes = u32::try_from(piece.len()).unwrap();
            let chunk = HubNotification::DownloadChunk { download: 9, bytes };
            stream.extend(encode_notification(&chunk));
            stream.extend(piece);
        }
        let hash = match script.lie_about_hash {
            true => ContentHash::of(b"something else"),
            false => ContentHash::of(&content),
        };
        stream.extend(encode_notification(&HubNotification::DownloadEnd {
            download: 9,
            bytes,
            hash,
        }));
        self.send(&stream).await
    }

    async fn send(&mut self, bytes: &[u8]) -> bool {
        self.unsaid.extend(bytes);
        if self.calls - self.pings < self.script.lock().unwrap().silent_until {
            return true;
        }
        let bytes = std::mem::take(&mut self.unsaid);
        self.stream.write_all(&bytes).await.is_ok() && self.stream.flush().await.is_ok()
    }
}
