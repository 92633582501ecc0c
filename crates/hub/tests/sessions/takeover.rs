//! An upload whose session is half dead, and the device that goes on with it.

use fleetlink_proto::ContentHash;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::fixture::{self, DEADLINE};

/// A device that speaks the protocol by hand.
struct Device {
    stream: BufReader<TcpStream>,
    calls: u64,
}

impl Device {
    async fn log_in(fixture: &fixture::Fixture) -> Self {
        let stream = TcpStream::connect(fixture.hub.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut device = Device {
            stream: BufReader::new(stream),
            calls: 0,
        };
        device.call("hello", json!({"versions": [1]})).await;
        let login = json!({"name": "supersmartwatch", "password": "comp9331"});
        device.call("login", login).await;
        device
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let call = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send(format!("{call}\n").as_bytes()).await;
        let answer = self.read().await;
        assert_eq!(answer["id"], id, "{answer}");
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    async fn chunk(&mut self, upload: &Value, bytes: &[u8]) {
        let params = json!({"upload": upload, "bytes": bytes.len()});
        let line = json!({"jsonrpc": "2.0", "method": "upload.chunk", "params": params});
        self.send(format!("{line}\n").as_bytes()).await;
        self.send(bytes).await;
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.unwrap();
    }

    async fn read(&mut self) -> Value {
        let mut line = String::new();
        let read = tokio::time::timeout(DEADLINE, self.stream.read_line(&mut line));
        read.await.expect("an answer in time").unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_goes_on_with_an_upload_that_its_earlier_session_still_has() {
    let fixture = fixture::hub().await;
    let text = "123456\n".repeat(600_000);
    let bytes = text.as_bytes();
    let open = json!({"file": 1, "mode": "replace", "key": "0123456789abcdef0123456789abcdef"});

    let mut older = Device::log_in(&fixture).await;
    let upload = older.call("upload.open", open.clone()).await["upload"].clone();
    for chunk in bytes[..3 << 20].chunks(1 << 20) {
        older.chunk(&upload, chunk).await;
    }
    // What was answered came behind the chunks: they are read.
    older.call("ping", json!({})).await;

    let mut newer = Device::log_in(&fixture).await;
    let opened = newer.call("upload.open", open).await;
    let offset = usize::try_from(opened["offset"].as_u64().unwrap()).unwrap();
    assert!(offset >= 2 << 20, "most of what came is kept: {opened}");
    assert_eq!(
        opened["hash"],
        ContentHash::of(&bytes[..offset]).to_string()
    );
    assert_eq!(
        older.read().await["method"],
        "upload.failed",
        "the older is told"
    );

    for chunk in bytes[offset..].chunks(1 << 20) {
        newer.chunk(&opened["upload"], chunk).await;
    }
    let hash = ContentHash::of(bytes).to_string();
    let commit = json!({"upload": opened["upload"], "bytes": bytes.len(), "hash": hash});
    assert_eq!(
        newer.call("upload.commit", commit).await["samples"],
        600_000
    );
    fixture.hub.close().await;
}
