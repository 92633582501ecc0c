//! Numbers of uploads and downloads that are used again, at the first moment at which they may be.

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::device::Device;
use super::fixture::{self, DEADLINE, Fixture};

/// More bytes than the sockets of both ends take, so that a download that nobody reads is not over
/// before it is cancelled.
const LARGE: usize = 32 << 20;
const SMALL: &[u8] = b"1\n2\n";
/// Of each race.
const ROUNDS: usize = 30;

async fn put(device: &mut Device, file: &str, text: &[u8]) {
    let key = format!("{:032x}", text.len());
    let open = json!({"file": file, "mode": "replace", "key": key});
    let upload = device.call("upload.open", open).await["upload"].clone();
    for chunk in text.chunks(1 << 20) {
        device.chunk(&upload, chunk).await;
    }
    let commit = json!({"upload": upload, "bytes": text.len()});
    device.call("upload.commit", commit).await;
}

/// A session of a device that has a large and a small data file.
async fn with_files(fixture: &Fixture) -> Device {
    let mut device = Device::log_in(fixture).await;
    put(
        &mut device,
        "large",
        &b"1234567890123456789\n".repeat(LARGE / 20),
    )
    .await;
    put(&mut device, "small", SMALL).await;
    device
}

fn download(file: &str, number: u64) -> (&'static str, Value) {
    ("download.open", json!({"file": file, "download": number}))
}

fn cancel(number: u64) -> (&'static str, Value) {
    ("download.cancel", json!({"download": number}))
}

/// The next line, and the bytes of a chunk.
async fn read(device: &mut Device) -> (Value, Vec<u8>) {
    let line = device.read().await;
    let mut bytes = Vec::new();
    if line["method"] == "download.chunk" {
        let size = line["params"]["bytes"].as_u64().unwrap();
        bytes.resize(usize::try_from(size).unwrap(), 0);
        let reading = device.stream.read_exact(&mut bytes);
        timeout(DEADLINE, reading).await.unwrap().unwrap();
    }
    (line, bytes)
}

/// Reads until a call is answered, passing over chunks of downloads; the answer.
async fn answer(device: &mut Device) -> Value {
    loop {
        let (line, _) = read(device).await;
        if !line["id"].is_null() {
            return line;
        }
    }
}

/// Reads the small data file's download of this number, and nothing else.
async fn is_small(device: &mut Device, number: u64) {
    let (chunk, bytes) = read(device).await;
    assert_eq!(chunk["params"]["download"], number, "{chunk}");
    assert_eq!(bytes, SMALL);
    let (end, _) = read(device).await;
    assert_eq!(end["method"], "download.end", "{end}");
    assert_eq!(end["params"]["bytes"], SMALL.len());
}

#[tokio::test]
async fn behind_the_reply_to_a_cancel_nothing_of_the_download_comes_and_its_number_is_free() {
    let fixture = fixture::hub().await;
    let mut device = with_files(&fixture).await;
    for round in 0..ROUNDS {
        device.fly(&[download("large", 7)]).await;
        assert_eq!(answer(&mut device).await["result"]["download"], 7);
        device.fly(&[cancel(7)]).await;
        let cancelled = answer(&mut device).await;
        assert_eq!(cancelled["result"], json!({}), "{round}");
        device.fly(&[download("small", 7)]).await;
        let (opened, _) = read(&mut device).await;
        assert_eq!(opened["result"]["download"], 7, "{round}: {opened}");
        is_small(&mut device, 7).await;
    }
    fixture.hub.close().await;
}

#[tokio::test]
async fn a_download_is_cancelled_and_its_number_used_again_in_one_flight() {
    let fixture = fixture::hub().await;
    let mut device = with_files(&fixture).await;
    for round in 0..ROUNDS {
        let flight = [download("large", 7), cancel(7), download("small", 7)];
        device.fly(&flight).await;
        // The opening and the cancel, in whichever order they are answered; then the second opening.
        let mut answers = Vec::new();
        while answers.len() < 2 {
            answers.push(answer(&mut device).await);
        }
        answers.sort_by_key(|answer| answer["id"].as_u64());
        assert_eq!(answers[0]["result"]["download"], 7, "{round}: {answers:?}");
        assert_eq!(answers[1]["result"], json!({}), "{round}: {answers:?}");
        let (opened, _) = read(&mut device).await;
        assert_eq!(opened["result"]["download"], 7, "{round}: {opened}");
        is_small(&mut device, 7).await;
    }
    // One that does not begin is none to cancel, and neither is one that is cancelled.
    let flight = [download("none", 7), cancel(7), cancel(7)];
    for answer in device.flight(&flight).await {
        assert!(answer["error"].is_object(), "{answer}");
    }
    fixture.hub.close().await;
}

#[tokio::test]
async fn a_cancelled_download_gives_its_place_to_the_next_call() {
    let fixture = fixture::hub().await;
    let mut device = with_files(&fixture).await;
    for round in 0..5 {
        let all = [1, 2, 3, 4].map(|number| download("large", number));
        device.fly(&all).await;
        for _ in all {
            let opened = answer(&mut device).await;
            assert!(opened["error"].is_null(), "{round}: {opened}");
        }
        let flight = [
            cancel(2),
            download("small", 5),
            cancel(1),
            cancel(3),
            cancel(4),
        ];
        device.fly(&flight).await;
        // The small one's end may come before or behind the last replies.
        let (mut answered, mut ended) = (0, 0);
        while answered < flight.len() || ended < 1 {
            let (line, _) = read(&mut device).await;
            assert!(line["error"].is_null(), "{round}: {line}");
            answered += usize::from(!line["id"].is_null());
            ended += usize::from(line["method"] == "download.end");
        }
    }
    fixture.hub.close().await;
}

fn open(number: u64, key: usize) -> (&'static str, Value) {
    let key = format!("{key:032x}");
    let open = json!({"file": "x", "mode": "replace", "key": key, "upload": number});
    ("upload.open", open)
}

fn ends() -> [((&'static str, Value), bool); 2] {
    let commit = json!({"upload": 7, "bytes": 1_000});
    [
        (("upload.abort", json!({"upload": 7})), true),
        (("upload.commit", commit), false),
    ]
}

/// An abort, and a commit whose size is wrong: both end the upload.
#[tokio::test]
async fn behind_the_reply_that_ends_an_upload_its_number_is_free() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    for round in 0..ROUNDS {
        for ((method, params), is_done) in ends() {
            let (open, mut opening) = open(7, 1 + round);
            device.call(open, opening.clone()).await;
            device.chunk(&json!(7), b"1\n").await;
            assert_eq!(device.ask(method, params).await.is_ok(), is_done);
            // The key is free too, for whatever it is.
            opening["file"] = json!("y");
            device.call(open, opening).await;
            device.call("upload.abort", json!({"upload": 7})).await;
        }
    }
    fixture.hub.close().await;
}

#[tokio::test]
async fn an_upload_is_ended_and_its_number_or_key_used_again_in_one_flight() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    for round in 0..ROUNDS {
        for (end, is_done) in ends() {
            for number in [7, 8] {
                let again = open(number, 1 + round);
                let mut other = again.clone();
                other.1["file"] = json!(format!("y{number}"));
                let last = ("upload.abort", json!({"upload": number}));
                let flight = [open(7, 1 + round), end.clone(), other, last];
                let answers = device.flight(&flight).await;
                assert_eq!(answers[1]["error"].is_null(), is_done, "{answers:?}");
                for at in [0, 2, 3] {
                    assert!(answers[at]["error"].is_null(), "{round}: {answers:?}");
                }
            }
        }
    }
    fixture.hub.close().await;
}
