//! Sessions of a driver and a real store, whose disk is as slow as a test wants.

use std::sync::Arc;
use std::time::Duration;

use fleetlink_core::{
    Account, AccountVersion, Change, FileRecord, Hub, ImportMemory, JournalEntry, KnownNames,
    SegmentRef, Settings, SightingNotes, Staged, StagedId, StoreCall, StoreReply, UnfinishedUpload,
    UploadChange,
};
use fleetlink_proto::control::{ActiveDevice, limits};
use fleetlink_proto::samples::Summary;
use fleetlink_proto::{ContentHash, DataFile, DeviceName, WallTime};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::{mpsc, watch};

mod held;
mod panics;

use self::panics::Bomb;
use super::*;
use crate::driver::{CONSOLE_QUEUE, Driver, Followers, wall_time};
use crate::feed::Feed;
use crate::passwords::Passwords;
use crate::store::sqlite::SqliteStore;
use crate::store::{
    Column, DeviceChoice, Leaf, Retention, SegmentReader, StageReply, Staging, StoreFailure,
    StoreFuture, StoreStatus, StoredDevices, SurplusFile, Window,
};
use crate::traffic::Traffic;

const DEADLINE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "comp9331";

/// A store whose staged files take their time.
struct SlowStore {
    inner: SqliteStore,
    delay: Duration,
    bomb: Bomb,
}

struct SlowStaging {
    inner: Box<dyn Staging>,
    delay: Duration,
    bomb: Bomb,
}

impl Store for SlowStore {
    fn imports(&self, origin: Box<str>) -> StoreFuture<'_, ImportMemory> {
        self.inner.imports(origin)
    }

    fn known_names(&self, names: Vec<DeviceName>) -> StoreFuture<'_, KnownNames> {
        self.inner.known_names(names)
    }

    fn execute(&self, call: StoreCall) -> StoreFuture<'_, StoreReply> {
        Box::pin(async {
            sleep(self.delay).await;
            self.inner.execute(call).await
        })
    }

    fn stage(&self, upload: UploadChange) -> StoreFuture<'_, StageReply> {
        Box::pin(async move {
            self.bomb.goes_off("stage");
            let StageReply::Begun(inner) = self.inner.stage(upload).await? else {
                return Ok(StageReply::Busy);
            };
            let (delay, bomb) = (self.delay, self.bomb.clone());
            Ok(StageReply::Begun(Box::new(SlowStaging {
                inner,
                delay,
                bomb,
            })))
        })
    }

    fn discard(&self, staged: StagedId) -> StoreFuture<'_, ()> {
        self.inner.discard(staged)
    }

    fn open_segment(&self, segment: SegmentRef) -> StoreFuture<'_, Box<dyn SegmentReader>> {
        self.bomb.goes_off("open_segment");
        self.inner.open_segment(segment)
    }

    fn columns(
        &self,
        device: DeviceName,
        file: DataFile,
        window: Window,
    ) -> StoreFuture<'_, Vec<Column>> {
        self.inner.columns(device, file, window)
    }

    fn journal(&self, after: u64, limit: u32) -> StoreFuture<'_, Vec<JournalEntry>> {
        self.inner.journal(after, limit)
    }

    fn uploads(&self, limit: usize) -> StoreFuture<'_, Vec<UnfinishedUpload>> {
        self.inner.uploads(limit)
    }

    fn files(
        &self,
        device: Option<DeviceName>,
        after: Option<(DeviceName, DataFile)>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<(DeviceName, FileRecord)>> {
        self.inner.files(device, after, limit)
    }

    fn devices(&self, choice: DeviceChoice) -> StoreFuture<'_, StoredDevices> {
        self.inner.devices(choice)
    }

    fn note_sightings(&self, notes: SightingNotes) -> StoreFuture<'_, ()> {
        self.inner.note_sightings(notes)
    }

    fn tend(&self, now: WallTime, keep: Retention) -> StoreFuture<'_, ()> {
        self.inner.tend(now, keep)
    }

    fn surplus(
        &self,
        now: WallTime,
        keep: Retention,
        limit: u32,
    ) -> StoreFuture<'_, Vec<SurplusFile>> {
        self.inner.surplus(now, keep, limit)
    }

    fn status(&self) -> StoreStatus {
        self.inner.status()
    }

    fn failed(&self) -> StoreFailure<'_> {
        self.inner.failed()
    }
}

impl Staging for SlowStaging {
    fn leaf(&mut self, leaf: Leaf) {
        self.inner.leaf(leaf);
    }

    fn held(&self) -> u64 {
        self.inner.held()
    }

    fn read_held(&mut self, sink: &mut dyn FnMut(&[u8])) -> Result<(), fleetlink_core::StoreError> {
        self.bomb.goes_off("read_held");
        self.inner.read_held(sink)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), fleetlink_core::StoreError> {
        std::thread::sleep(self.delay);
        self.bomb.goes_off("write");
        self.inner.write(bytes)
    }

    fn finish(
        self: Box<Self>,
        summary: Summary,
        hash: ContentHash,
        ends_open: bool,
    ) -> Result<Staged, fleetlink_core::StoreError> {
        std::thread::sleep(self.delay);
        self.bomb.goes_off("finish");
        self.inner.finish(summary, hash, ends_open)
    }

    fn abandon(self: Box<Self>) {
        self.bomb.goes_off("abandon");
        self.inner.abandon();
    }
}

/// A hub without a listener.
struct World {
    context: Arc<SessionContext>,
    bomb: Bomb,
    sessions: u64,
    _follow: (watch::Receiver<Vec<ActiveDevice>>, watch::Receiver<u64>),
    _lines: mpsc::Receiver<crate::HubEvent>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new(settings: Settings, delay: Duration) -> Self {
        let bomb = Bomb::default();
        let folder = tempfile::tempdir().unwrap();
        let inner = SqliteStore::open(folder.path()).unwrap();
        let passwords = Passwords::new();
        let account = Account {
            name: "cam".parse().unwrap(),
            password_hash: Some(passwords.hash(PASSWORD.into()).await),
            created: wall_time(),
            key: None,
            version: AccountVersion::default(),
        };
        let add = StoreCall::Change(Change::AddAccount(account));
        inner.execute(add).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(SlowStore {
            inner,
            delay,
            bomb: bomb.clone(),
        });
        let (active, active_changed) = watch::channel(Vec::new());
        let (journal, journal_grew) = watch::channel(0);
        let (console, lines) = mpsc::channel(CONSOLE_QUEUE);
        let followers = Followers {
            active,
            journal,
            console,
            feed: Feed::new(wall_time()),
            traffic: Traffic::default(),
            meters: Arc::default(),
        };
        let (keep_alive, uploads) = (settings.keep_alive, settings.capacity.uploads);
        let upload_idle = settings.upload_idle;
        let make = |now| Hub::new(settings, now);
        let (driver, handle) = Driver::new(
            make,
            Arc::clone(&store),
            passwords,
            followers,
            None,
            Arc::new(wall_time),
        );
        tokio::spawn(driver.run());
        World {
            bomb,
            context: Arc::new(SessionContext {
                driver: handle,
                store,
                keep_alive,
                claims: Claims::default(),
                unread: HubUnread::default(),
                uploads: HubUploads::new(uploads, upload_idle),
                traffic: Traffic::default(),
                meters: Arc::default(),
            }),
            sessions: 0,
            _follow: (active_changed, journal_grew),
            _lines: lines,
            _folder: folder,
        }
    }

    async fn device(&mut self) -> Device {
        let (stream, hubs_end) = tokio::io::duplex(64 * 1024);
        self.sessions += 1;
        let session = SessionId(self.sessions);
        let peer = "192.0.2.1:40000".parse().unwrap();
        tokio::spawn(serve(
            hubs_end,
            session,
            peer,
            None,
            Flow::default(),
            Arc::clone(&self.context),
        ));
        let mut device = Device {
            stream: BufReader::new(stream),
            calls: 0,
        };
        device.call("hello", json!({"versions": [1]})).await;
        let login = json!({"name": "cam", "password": PASSWORD});
        device.call("login", login).await;
        device
    }
}

struct Device {
    stream: BufReader<DuplexStream>,
    calls: u64,
}

impl Device {
    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.ask(method, params).await;
        let answer = self.read().await;
        assert_eq!(answer["id"], self.calls, "{answer}");
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    async fn ask(&mut self, method: &str, params: Value) {
        self.calls += 1;
        let id = self.calls;
        let call = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send(format!("{call}\n").as_bytes()).await;
    }

    async fn chunk(&mut self, bytes: &[u8]) {
        let params = json!({"upload": 1, "bytes": bytes.len()});
        let line = json!({"jsonrpc": "2.0", "method": "upload.chunk", "params": params});
        self.send(format!("{line}\n").as_bytes()).await;
        self.send(bytes).await;
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.unwrap();
    }

    async fn read(&mut self) -> Value {
        let mut line = String::new();
        let read = timeout(DEADLINE, self.stream.read_line(&mut line));
        read.await.expect("an answer in time").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))
    }
}

fn open() -> Value {
    json!({"file": 1, "mode": "replace", "key": "0123456789abcdef0123456789abcdef"})
}

/// The device says nothing while the hub is at its disk, in whatever the device has asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_disk_is_no_silence_of_the_device() {
    let keep_alive = limits::MIN_KEEP_ALIVE;
    let settings = Settings {
        keep_alive,
        ..Settings::default()
    };
    let mut world = World::new(settings, keep_alive * 4).await;
    let mut device = world.device().await;
    device.call("upload.open", open()).await;
    let text = "123456\n".repeat(299_000);
    device.chunk(&text.as_bytes()[..1 << 20]).await;
    device.chunk(&text.as_bytes()[1 << 20..]).await;
    let commit = json!({"upload": 1, "bytes": text.len()});
    assert_eq!(
        device.call("upload.commit", commit).await["samples"],
        299_000
    );
    let compute = json!({"file": 1, "operation": "MAX"});
    assert_eq!(
        device.call("file.compute", compute).await["result"],
        "123456"
    );
    let delete = json!({"file": 1, "key": "00112233445566778899aabbccddeeff"});
    device.call("file.delete", delete).await;
    // Nothing is owed any more: now it is the device's.
    let end = device.read().await;
    assert_eq!(end["params"]["reason"], "silent", "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_upload_is_closed_and_gone_on_with_where_it_stopped() {
    let settings = Settings {
        upload_idle: Duration::from_secs(1),
        ..Settings::default()
    };
    let mut world = World::new(settings, Duration::ZERO).await;
    let mut device = world.device().await;
    device.call("upload.open", open()).await;
    let text = "123456\n".repeat(100_000);
    // Of a chunk that stops in its midst nothing is lost either.
    let params = json!({"upload": 1, "bytes": text.len()});
    let line = json!({"jsonrpc": "2.0", "method": "upload.chunk", "params": params});
    device.send(format!("{line}\n").as_bytes()).await;
    device.send(&text.as_bytes()[..400_000]).await;
    let failed = device.read().await;
    assert_eq!(failed["method"], "upload.failed", "{failed}");
    assert_eq!(failed["params"]["error"]["data"]["reason"], "no_progress");

    let mut again = world.device().await;
    let opened = again.call("upload.open", open()).await;
    assert_eq!(opened["offset"], 400_000, "{opened}");
    again.chunk(&text.as_bytes()[400_000..]).await;
    let commit = json!({"upload": 1, "bytes": text.len()});
    assert_eq!(
        again.call("upload.commit", commit).await["samples"],
        100_000
    );
}

/// The hub is busy with the upload's bytes, so the time for idle uploads does not run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_waits_for_the_hubs_disk_is_not_idle() {
    let settings = Settings {
        upload_idle: Duration::from_secs(1),
        ..Settings::default()
    };
    let mut world = World::new(settings, Duration::from_millis(700)).await;
    let mut device = world.device().await;
    device.call("upload.open", open()).await;
    let text = "123456\n".repeat(299_000);
    device.chunk(&text.as_bytes()[..1 << 20]).await;
    device.chunk(&text.as_bytes()[1 << 20..]).await;
    let commit = json!({"upload": 1, "bytes": text.len()});
    assert_eq!(
        device.call("upload.commit", commit).await["samples"],
        299_000
    );
}

/// Calls without end, none of whose answers is read: the hub takes up what it has room for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_device_does_not_read_is_bounded_and_all_answered_once_it_reads() {
    let mut world = World::new(Settings::default(), Duration::ZERO).await;
    let unread = world.context.unread.clone();
    let mut device = world.device().await;
    let first = device.calls + 1;
    loop {
        let asking = device.ask("device.list", json!({}));
        if timeout(Duration::from_secs(1), asking).await.is_err() {
            break;
        }
    }
    let taken = device.calls - first;
    assert!(
        unread.bytes() <= limits::MAX_UNREAD_BYTES,
        "{}",
        unread.bytes()
    );
    assert!(
        unread.bytes() > 0,
        "it is stuck because of what it has not read"
    );
    for id in first..first + taken {
        let answer = device.read().await;
        assert_eq!(answer["id"], id, "{answer}");
    }
    drop(device);
    let given_back = async {
        while unread.bytes() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, given_back).await.unwrap();
}
