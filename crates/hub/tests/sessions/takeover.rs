//! An upload whose session is half dead, and the device that goes on with it.

use fleetlink_proto::ContentHash;
use serde_json::json;

use super::device::Device;
use super::fixture;

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
