//! Idempotency keys: one key is one change, from the opening of its upload on.

use std::time::Duration;

use fleetlink_hub::{OperatorCall, OperatorReply};
use fleetlink_proto::ContentHash;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::device::Device;
use super::fixture::{self, DEADLINE, Fixture};

const KEY: &str = "000102030405060708090a0b0c0d0e0f";
/// More than is kept of an interrupted upload at least, and no whole number of blocks.
const BEGUN: usize = 600_000;

fn open(file: &Value, mode: &str) -> Value {
    json!({"file": file, "mode": mode, "key": KEY})
}

/// Calls that open another change under the upload's key.
fn others() -> [Value; 3] {
    [
        open(&json!(2), "replace"),
        open(&json!("01"), "replace"),
        open(&json!(1), "append"),
    ]
}

/// Every call that means another change is a conflict.
async fn is_refused_otherwise(device: &mut Device) {
    for other in others() {
        let error = device.ask("upload.open", other).await.unwrap_err();
        assert_eq!(error["data"]["reason"], "conflict", "{error}");
    }
    let delete = json!({"file": 3, "key": KEY});
    let error = device.ask("file.delete", delete).await.unwrap_err();
    assert_eq!(error["data"]["reason"], "conflict", "{error}");
}

/// Puts the data file 3 there, to be deleted.
async fn put_another(device: &mut Device) {
    let open = json!({"file": 3, "mode": "replace", "key": "3".repeat(32)});
    let upload = device.call("upload.open", open).await["upload"].clone();
    let commit = json!({"upload": upload, "bytes": 0});
    device.call("upload.commit", commit).await;
}

/// Begins the upload of the key and sends some of it, which the hub has read.
async fn begin(device: &mut Device) -> Value {
    let opened = device.call("upload.open", open(&json!(1), "replace")).await;
    device.chunk(&opened["upload"], &text()[..BEGUN]).await;
    device.call("ping", json!({})).await;
    opened["upload"].clone()
}

fn text() -> Vec<u8> {
    b"1\n".repeat(BEGUN)
}

#[tokio::test]
async fn a_key_of_an_interrupted_upload_is_for_its_change_alone() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    put_another(&mut device).await;
    begin(&mut device).await;
    drop(device);
    let mut device = Device::log_in(&fixture).await;
    is_refused_otherwise(&mut device).await;
    let fixture = fixture.restart().await;
    let mut device = Device::log_in(&fixture).await;
    is_refused_otherwise(&mut device).await;

    // It goes on where it was, and its key is that of a committed upload then.
    let opened = device.call("upload.open", open(&json!(1), "replace")).await;
    let offset = usize::try_from(opened["offset"].as_u64().unwrap()).unwrap();
    assert_eq!(offset, BEGUN, "{opened}");
    device.chunk(&opened["upload"], &text()[offset..]).await;
    let commit = json!({"upload": opened["upload"], "bytes": text().len()});
    device.call("upload.commit", commit).await;
    is_refused_otherwise(&mut device).await;
    fixture.hub.close().await;
}

#[tokio::test]
async fn a_key_of_an_open_upload_is_for_its_change_alone_and_the_upload_goes_on() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    put_another(&mut device).await;
    let upload = begin(&mut device).await;
    is_refused_otherwise(&mut device).await;
    let mut another = Device::log_in(&fixture).await;
    is_refused_otherwise(&mut another).await;
    device.chunk(&upload, &text()[BEGUN..]).await;
    let commit = json!({"upload": upload, "bytes": text().len()});
    let committed = device.call("upload.commit", commit).await;
    assert_eq!(committed["samples"], BEGUN);
    fixture.hub.close().await;
}

#[tokio::test]
async fn a_key_is_free_once_its_upload_is_given_up() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    for (round, other) in others().into_iter().enumerate() {
        let upload = begin(&mut device).await;
        device.call("upload.abort", json!({"upload": upload})).await;
        let opened = device.call("upload.open", other).await;
        assert_eq!(opened["offset"], 0, "{round}");
        let abort = json!({"upload": opened["upload"]});
        device.call("upload.abort", abort).await;
    }
    fixture.hub.close().await;
}

/// The second opening goes on with the upload, and the first one hears so.
/// Waits until the hub has read everything of sessions that are gone.
async fn all_have_ended(fixture: &Fixture) {
    let ending = async {
        loop {
            let reply = fixture.operate(OperatorCall::ListSessions).await;
            match reply {
                OperatorReply::Sessions(sessions) if sessions.is_empty() => return,
                OperatorReply::Sessions(_) => sleep(Duration::from_millis(10)).await,
                other => panic!("{other:?}"),
            }
        }
    };
    timeout(DEADLINE, ending).await.expect("an end in time");
}

/// All bytes that came in the session's order count, whatever ends the session, also in the middle of a
/// chunk.
#[tokio::test]
async fn everything_that_came_before_a_break_can_be_gone_on_with() {
    let fixture = fixture::hub().await;
    let mut offset = 0;
    for (bytes, announced) in [
        (70_000, 70_000),
        (400_000, 500_000),
        (1, 1),
        (200_000, 900_000),
    ] {
        let mut device = Device::log_in(&fixture).await;
        let opened = device.call("upload.open", open(&json!(1), "replace")).await;
        assert_eq!(opened["offset"], offset, "{opened}");
        let params = json!({"upload": opened["upload"], "bytes": announced});
        let line = json!({"jsonrpc": "2.0", "method": "upload.chunk", "params": params});
        device.send(format!("{line}\n").as_bytes()).await;
        device.send(&text()[offset..offset + bytes]).await;
        offset += bytes;
        drop(device);
        all_have_ended(&fixture).await;
    }
    let mut device = Device::log_in(&fixture).await;
    let opened = device.call("upload.open", open(&json!(1), "replace")).await;
    let hash = ContentHash::of(&text()[..offset]).to_string();
    assert_eq!(
        (&opened["offset"], &opened["hash"]),
        (&json!(offset), &json!(hash))
    );
    fixture.hub.close().await;
}

/// The first session is still open when the device goes on by another one.
#[tokio::test]
async fn everything_that_came_counts_where_another_session_goes_on() {
    let fixture = fixture::hub().await;
    for _ in 0..5 {
        let mut device = Device::log_in(&fixture).await;
        begin(&mut device).await;
        let mut another = Device::log_in(&fixture).await;
        let opened = another
            .call("upload.open", open(&json!(1), "replace"))
            .await;
        assert_eq!(opened["offset"], BEGUN, "{opened}");
        another
            .call("upload.abort", json!({"upload": opened["upload"]}))
            .await;
    }
    fixture.hub.close().await;
}

#[tokio::test]
async fn a_key_that_is_opened_twice_in_a_session_belongs_to_the_later_opening() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    for round in 1..4 {
        let first = begin(&mut device).await;
        device
            .fly(&[("upload.open", open(&json!(1), "replace"))])
            .await;
        let mut heard = [device.read().await, device.read().await];
        heard.sort_by_key(|line| line["id"].is_u64());
        let [failed, opened] = heard;
        assert_eq!(failed["method"], "upload.failed", "{round}: {failed}");
        assert_eq!(failed["params"]["upload"], first);
        assert_eq!(failed["params"]["error"]["data"]["reason"], "conflict");
        let opened = opened["result"].clone();
        assert_eq!(opened["offset"], BEGUN, "{opened}");
        is_refused_otherwise(&mut device).await;
        let abort = json!({"upload": opened["upload"]});
        device.call("upload.abort", abort).await;
    }
    fixture.hub.close().await;
}

#[tokio::test]
async fn a_key_of_a_deletion_is_for_no_upload_and_no_other_deletion() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    put_another(&mut device).await;
    let delete = json!({"file": 3, "key": KEY});
    device.call("file.delete", delete.clone()).await;
    for open in others() {
        let error = device.ask("upload.open", open).await.unwrap_err();
        assert_eq!(error["data"]["reason"], "conflict", "{error}");
    }
    let other = json!({"file": 1, "key": KEY});
    let error = device.ask("file.delete", other).await.unwrap_err();
    assert_eq!(error["data"]["reason"], "conflict", "{error}");
    device.call("file.delete", delete).await;
    fixture.hub.close().await;
}
