//! The hash on which `hello` agrees, in uploads, their resumption and downloads.

use fleetlink_proto::ContentHash;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::device::{Device, LOCAL};
use super::fixture::{self, DEADLINE, Fixture};

fn sha256(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn blake3(bytes: &[u8]) -> String {
    ContentHash::of(bytes).to_string()
}

/// A session that offers these hashes, and the answer to its `hello`.
async fn greeted(fixture: &Fixture, hashes: Value) -> (Device, Result<Value, Value>) {
    let mut device = Device::connect(fixture, LOCAL).await;
    let hello = match hashes {
        Value::Null => json!({"versions": [1]}),
        hashes => json!({"versions": [1], "hashes": hashes}),
    };
    let answer = device.ask("hello", hello).await;
    (device, answer)
}

/// A session that is logged in and uses this hash.
async fn logged_in(fixture: &Fixture, hash: &str) -> Device {
    let (mut device, answer) = greeted(fixture, json!([hash])).await;
    assert_eq!(answer.unwrap()["hash"], hash);
    device.log_in_as("supersmartwatch").await.unwrap();
    device
}

async fn open(device: &mut Device, key: &str) -> Value {
    let open = json!({"file": 1, "mode": "replace", "key": key.repeat(32)});
    device.call("upload.open", open).await
}

fn samples(lines: usize) -> Vec<u8> {
    (0..lines)
        .flat_map(|n| format!("{n}\n").into_bytes())
        .collect()
}

/// Downloads the file 1: its bytes, and the hash at the end.
async fn download(device: &mut Device) -> (Vec<u8>, Value) {
    let open = device.call("download.open", json!({"file": 1})).await;
    let mut bytes = Vec::new();
    loop {
        let line = device.read().await;
        let params = &line["params"];
        assert_eq!(params["download"], open["download"], "{line}");
        match line["method"].as_str().unwrap() {
            "download.chunk" => {
                let size = params["bytes"].as_u64().unwrap();
                let mut chunk = vec![0; usize::try_from(size).unwrap()];
                let reading = device.stream.read_exact(&mut chunk);
                timeout(DEADLINE, reading).await.unwrap().unwrap();
                bytes.extend(chunk);
            }
            "download.end" => return (bytes, params["hash"].clone()),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn hello_agrees_on_the_first_hash_that_the_hub_has() {
    let fixture = fixture::hub().await;
    for (hashes, agreed) in [
        (Value::Null, "blake3"),
        (json!(["blake3", "sha256"]), "blake3"),
        (json!(["sha256", "blake3"]), "sha256"),
        (json!(["sha3", "md5", "sha256"]), "sha256"),
    ] {
        let (_, answer) = greeted(&fixture, hashes.clone()).await;
        assert_eq!(answer.unwrap()["hash"], agreed, "{hashes}");
    }
    for hashes in [json!([]), json!(["md5"])] {
        let (mut device, answer) = greeted(&fixture, hashes).await;
        let error = answer.unwrap_err();
        assert_eq!(error["data"]["reason"], "version_mismatch");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("no hash in common"), "{message}");
        let end = device.read().await;
        assert_eq!(end["method"], "session.end");
        assert_eq!(end["params"]["reason"], "protocol");
        let mut rest = Vec::new();
        let closed = timeout(DEADLINE, device.stream.read_to_end(&mut rest));
        assert_eq!(closed.await.unwrap().unwrap(), 0);
    }
    let (_, answer) = greeted(&fixture, json!("sha256")).await;
    assert_eq!(answer.unwrap_err()["data"]["reason"], "invalid_params");
    fixture.hub.close().await;
}

#[tokio::test]
async fn uploads_and_downloads_are_checked_by_the_hash_of_their_session() {
    let fixture = fixture::hub().await;
    let text = samples(60_000);
    type Hash = fn(&[u8]) -> String;
    let both: [(&str, Hash, Hash); 2] = [("sha256", sha256, blake3), ("blake3", blake3, sha256)];
    for (hash, right, other) in both {
        let mut device = logged_in(&fixture, hash).await;
        let opened = open(&mut device, "1").await;
        assert_eq!(opened["hash"], right(b""));
        device.chunk(&opened["upload"], &text).await;
        let commit =
            |hash: String| json!({"upload": opened["upload"], "bytes": text.len(), "hash": hash});
        let refused = device.ask("upload.commit", commit(other(&text))).await;
        assert_eq!(refused.unwrap_err()["data"]["reason"], "hash_mismatch");

        let opened = open(&mut device, if hash == "sha256" { "2" } else { "3" }).await;
        device.chunk(&opened["upload"], &text).await;
        let commit = json!({"upload": opened["upload"], "bytes": text.len(), "hash": right(&text)});
        let receipt = device.call("upload.commit", commit).await;
        assert_eq!(receipt["samples"], 60_000);
        // What was uploaded by one hash is downloaded by either.
        for (hash, right, _) in both {
            let mut reader = logged_in(&fixture, hash).await;
            let (bytes, end) = download(&mut reader).await;
            assert_eq!(bytes, text);
            assert_eq!(end, right(&text), "{hash}");
        }
    }
    fixture.hub.close().await;
}

#[tokio::test]
async fn an_upload_is_resumed_by_a_session_with_another_hash() {
    let fixture = fixture::hub().await;
    let text = samples(120_000);
    for (key, first, second) in [("a", "sha256", "blake3"), ("b", "blake3", "sha256")] {
        let hash = |name: &str, bytes: &[u8]| match name {
            "sha256" => sha256(bytes),
            _ => blake3(bytes),
        };
        let mut device = logged_in(&fixture, first).await;
        let opened = open(&mut device, key).await;
        device.chunk(&opened["upload"], &text[..600_000]).await;
        // The answer comes behind the bytes: the hub has them.
        device.call("ping", json!({})).await;
        drop(device);

        let mut device = logged_in(&fixture, second).await;
        let opened = open(&mut device, key).await;
        let offset = usize::try_from(opened["offset"].as_u64().unwrap()).unwrap();
        assert!((65_537..=600_000).contains(&offset), "{offset}");
        assert_eq!(opened["hash"], hash(second, &text[..offset]));
        device.chunk(&opened["upload"], &text[offset..]).await;
        let commit = json!({
            "upload": opened["upload"], "bytes": text.len(), "hash": hash(second, &text),
        });
        let receipt = device.call("upload.commit", commit).await;
        assert_eq!(receipt["samples"], 120_000);
    }
    fixture.hub.close().await;
}
