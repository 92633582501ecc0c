//! A session whose login is removed does nothing more.

use fleetlink_hub::{OperatorCall, OperatorReply, SessionInfo};
use fleetlink_proto::ContentHash;
use serde_json::json;
use tokio::io::AsyncReadExt;

use super::device::Device;
use super::fixture::{self, DEADLINE, Fixture};

const KEY: &str = "0123456789abcdef0123456789abcdef";

async fn sessions(fixture: &Fixture) -> Vec<SessionInfo> {
    match fixture.operate(OperatorCall::ListSessions).await {
        OperatorReply::Sessions(sessions) => sessions,
        other => panic!("{other:?}"),
    }
}

async fn change_password(fixture: &Fixture) {
    let name = "supersmartwatch".parse().unwrap();
    let password = "another".into();
    let call = OperatorCall::SetPassword { name, password };
    fixture.operate(call).await;
}

/// Waits until the hub has sent all that it will, and returns that.
async fn rest(device: &mut Device) -> Vec<u8> {
    let mut rest = Vec::new();
    let reading = device.stream.read_to_end(&mut rest);
    let read = tokio::time::timeout(DEADLINE, reading).await;
    read.expect("the hub closes in time").unwrap();
    rest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_ends_with_the_password_of_its_session() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    let open = json!({"file": 1, "mode": "replace", "key": KEY});
    let upload = device.call("upload.open", open).await["upload"].clone();
    device.chunk(&upload, b"1\n2\n").await;
    device.call("ping", json!({})).await;
    let uploads = |sessions: &[SessionInfo]| sessions.iter().map(|s| s.uploads).sum::<usize>();
    assert_eq!(uploads(&sessions(&fixture).await), 1);

    change_password(&fixture).await;
    assert!(sessions(&fixture).await.is_empty());
    let end = String::from_utf8(rest(&mut device).await).unwrap();
    assert!(end.contains("password_changed"), "{end}");
    fixture.hub.close().await;
}

/// A download whose device reads slowly waits in the hub: it is no way to get the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_nobody_reads_ends_with_the_password_of_its_session() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    let text = "1234567890123456789\n".repeat(2 << 20);
    let bytes = text.as_bytes();
    let open = json!({"file": 1, "mode": "replace", "key": KEY});
    let upload = device.call("upload.open", open).await["upload"].clone();
    for chunk in bytes.chunks(1 << 20) {
        device.chunk(&upload, chunk).await;
    }
    let hash = ContentHash::of(bytes).to_string();
    let commit = json!({"upload": upload, "bytes": bytes.len(), "hash": hash});
    device.call("upload.commit", commit).await;

    device.call("download.open", json!({"file": 1})).await;
    change_password(&fixture).await;
    let rest = rest(&mut device).await;
    assert!(rest.len() < bytes.len(), "{} bytes", rest.len());
    fixture.hub.close().await;
}
