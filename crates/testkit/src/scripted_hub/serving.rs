//! One session of a scripted hub.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetlink_proto::control::{
    CommitUpload, ErrorCode, Feature, FromDevice, HelloReply, HubDecoder, HubNotification, Join,
    JoinReply, KeyList, Login, LoginProof, LoginReply, OpenDownloadReply, OpenUpload,
    OpenUploadReply, Pong, Receipt, RedeemTicket, Reply, Request, RequestId, RpcError, UploadMode,
    UploadNumber, encode_error, encode_notification, encode_reply,
};
use fleetlink_proto::{ContentHash, DataFile, Generation, HubRun, HubTime, WallTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Script, Seen};

type Answer = Result<Reply, RpcError>;

/// Whether it is by this password; any key is the right one.
fn is_password(login: &Login, expected: &str) -> bool {
    match &login.proof {
        LoginProof::Password(password) => password.expose() == expected,
        LoginProof::Key { .. } => expected == "right",
    }
}

pub(super) async fn serve(
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
        chunk: 0.into(),
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

pub(super) struct Serving {
    stream: TlsStream<TcpStream>,
    pub(super) seen: Arc<Mutex<Seen>>,
    script: Arc<Mutex<Script>>,
    calls: usize,
    pings: usize,
    pub(super) keys: HashMap<UploadNumber, u128>,
    chunk: UploadNumber,
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
            Request::Join(join) => match self.join(id, &join, script).await {
                Some(reply) => reply,
                None => return false,
            },
            Request::OpenUpload(open) => self.open_upload(&open, script),
            Request::CommitUpload(commit) if self.is_misfit(&commit, script) => {
                let code = script.fail_misfits.unwrap_or(ErrorCode::Internal);
                return self.fail(id, commit.upload, code).await;
            }
            Request::CommitUpload(commit) => match self.commit(&commit, script) {
                Some(reply) => reply,
                None => return false,
            },
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
            | Request::ReportTransfer(_)
            | Request::RevokeKey => Ok(Reply::Done(Default::default())),
            Request::OpenTransfer(_) => Err(RpcError::new(ErrorCode::Offline, "nobody is there")),
            Request::RedeemTicket(redeem) => match self.redeem(redeem, script) {
                Some(reply) => reply,
                None => return false,
            },
            Request::ListKeys => Ok(Reply::Keys(KeyList { keys: Vec::new() })),
        };
        let line = match reply {
            Ok(reply) => encode_reply(id, &reply),
            Err(error) => encode_error(Some(id), &error),
        };
        self.send(&line).await
    }

    /// The reply to a join; none where the session ends in place of one.
    async fn join(&mut self, id: &RequestId, join: &Join, script: &Script) -> Option<Answer> {
        if let Some(reason) = script.end_at_join {
            let message = "another device joined under this name".to_owned();
            let end = HubNotification::SessionEnd { reason, message };
            self.send(&encode_notification(&end)).await;
            return None;
        }
        let generation = {
            let mut seen = self.seen.lock().unwrap();
            seen.joins += 1;
            seen.rejoined = join.rejoin;
            Generation::at_most(seen.joins as u64)
        };
        let joined = Reply::Join(JoinReply {
            generation,
            since: WallTime::from_unix_millis(0),
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
            return None;
        }
        Some(Ok(joined))
    }

    fn open_upload(&mut self, open: &OpenUpload, script: &Script) -> Answer {
        if script.busy_opens > 0 {
            self.script.lock().unwrap().busy_opens -= 1;
            let busy = RpcError::new(ErrorCode::Busy, "an older session holds this key");
            return Err(busy.retry_after(Duration::from_millis(50)));
        }
        if let Some(code) = script.refuse_opens {
            return Err(RpcError::new(code, "as the script says"));
        }
        let mut seen = self.seen.lock().unwrap();
        let key = open.key.bits();
        if let Some(receipt) = seen.receipts.get(&key).cloned() {
            return Ok(Reply::OpenUpload(OpenUploadReply::Committed { receipt }));
        }
        let upload = open.upload.unwrap_or((self.keys.len() as u64 + 1).into());
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

    /// The reply to a commit; none where it is lost.
    fn commit(&mut self, commit: &CommitUpload, script: &Script) -> Option<Answer> {
        let mut seen = self.seen.lock().unwrap();
        let Some(&key) = self.keys.get(&commit.upload) else {
            let error = RpcError::new(ErrorCode::NoSuchTransfer, "no such upload");
            return Some(Err(error));
        };
        let bytes = seen.partial.remove(&key).unwrap_or_default();
        assert_eq!(Some(ContentHash::of(&bytes)), commit.hash);
        assert_eq!(bytes.len() as u64, commit.bytes);
        seen.committed = bytes;
        let receipt = Receipt {
            file: DataFile::numbered(1),
            mode: UploadMode::Replace,
            samples: 3,
            bytes: commit.bytes,
            version: 1.into(),
            at: WallTime::from_unix_millis(0),
        };
        seen.receipts.insert(key, receipt.clone());
        if script.lost_commits > 0 {
            self.script.lock().unwrap().lost_commits -= 1;
            return None;
        }
        Some(Ok(Reply::Committed(receipt)))
    }

    /// The reply to the use of a ticket; none where it is lost.
    fn redeem(&mut self, redeem: RedeemTicket, script: &Script) -> Option<Answer> {
        self.seen.lock().unwrap().redeemed.push(redeem.key);
        if script.lost_redemptions > 0 {
            self.script.lock().unwrap().lost_redemptions -= 1;
            return None;
        }
        let name = redeem.name.unwrap_or_else(|| "cam".parse().unwrap());
        Some(Ok(Reply::Login(LoginReply {
            name,
            key: Some(redeem.key),
        })))
    }

    /// Sends what was committed last.
    async fn download(&mut self, id: &RequestId, script: &Script) -> bool {
        let content = self.seen.lock().unwrap().committed.clone();
        let bytes = content.len() as u64;
        let mut stream = encode_reply(
            id,
            &Reply::OpenDownload(OpenDownloadReply {
                download: 9.into(),
                bytes,
                samples: 3,
                version: 1.into(),
            }),
        );
        for piece in content.chunks(100_000) {
            let bytes = u32::try_from(piece.len()).unwrap();
            let chunk = HubNotification::DownloadChunk {
                download: 9.into(),
                bytes,
            };
            stream.extend(encode_notification(&chunk));
            stream.extend(piece);
        }
        let hash = match script.lie_about_hash {
            true => ContentHash::of(b"something else"),
            false => ContentHash::of(&content),
        };
        stream.extend(encode_notification(&HubNotification::DownloadEnd {
            download: 9.into(),
            bytes,
            hash,
        }));
        self.send(&stream).await
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.unsaid.extend(bytes);
        if self.calls - self.pings < self.script.lock().unwrap().silent_until {
            return true;
        }
        let bytes = std::mem::take(&mut self.unsaid);
        self.stream.write_all(&bytes).await.is_ok() && self.stream.flush().await.is_ok()
    }
}
