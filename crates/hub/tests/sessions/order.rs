//! Calls of one session that concern the same data file take effect in the order in which they were
//! sent.

use serde_json::{Value, json};

use super::device::Device;
use super::fixture;

/// Each case is tried so often: what is out of order by chance shows.
const ROUNDS: u32 = 40;

/// Begins an upload of the data file; its number.
async fn open(device: &mut Device, file: &Value, mode: &str, key: &mut u32) -> Value {
    *key += 1;
    let open = json!({"file": file, "mode": mode, "key": format!("{key:032x}")});
    device.call("upload.open", open).await["upload"].clone()
}

/// Lines of ones: enough that staging them takes a while.
fn ones(lines: usize) -> Vec<u8> {
    b"1\n".repeat(lines)
}

fn commit(upload: &Value, bytes: usize) -> (&'static str, Value) {
    ("upload.commit", json!({"upload": upload, "bytes": bytes}))
}

fn delete(file: &Value, key: &mut u32) -> (&'static str, Value) {
    *key += 1;
    (
        "file.delete",
        json!({"file": file, "key": format!("{key:032x}")}),
    )
}

fn sum(file: &Value) -> (&'static str, Value) {
    ("file.compute", json!({"file": file, "operation": "SUM"}))
}

#[tokio::test]
async fn a_deletion_behind_a_commit_deletes_what_was_committed() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    let (file, mut key) = (json!("lab/t"), 0);
    for round in 0..ROUNDS {
        // In a row and in a file.
        let text = ones(if round % 2 == 0 { 3 } else { 100_000 });
        let upload = open(&mut device, &file, "replace", &mut key).await;
        device.chunk(&upload, &text).await;
        let calls = [
            commit(&upload, text.len()),
            delete(&file, &mut key),
            ("file.list", json!({})),
            sum(&file),
        ];
        let answers = device.flight(&calls).await;
        let samples = json!(text.len() / 2);
        assert_eq!(
            answers[0]["result"]["samples"], samples,
            "{round}: {answers:?}"
        );
        assert_eq!(
            answers[1]["result"]["samples"], samples,
            "{round}: {answers:?}"
        );
        assert_eq!(
            answers[2]["result"]["files"],
            json!([]),
            "{round}: {answers:?}"
        );
        assert_eq!(
            answers[3]["error"]["data"]["reason"], "no_such_file",
            "{answers:?}"
        );
    }
    fixture.hub.close().await;
}

#[tokio::test]
async fn what_is_computed_listed_or_fetched_behind_a_commit_is_what_was_committed() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    let (file, mut key) = (json!(7), 0);
    let mut samples = 0;
    for round in 0..ROUNDS {
        let text = ones(1 + 997 * round as usize);
        let upload = open(&mut device, &file, "append", &mut key).await;
        device.chunk(&upload, &text).await;
        let before = samples;
        samples += text.len() / 2;
        let calls = [
            sum(&file),
            commit(&upload, text.len()),
            sum(&file),
            ("file.list", json!({"background": true})),
        ];
        let answers = device.flight(&calls).await;
        if before > 0 {
            assert_eq!(
                answers[0]["result"]["samples"], before,
                "{round}: {answers:?}"
            );
        }
        let result = json!(samples.to_string());
        assert_eq!(
            answers[2]["result"]["result"], result,
            "{round}: {answers:?}"
        );
        assert_eq!(
            answers[3]["result"]["files"][0]["samples"], samples,
            "{round}: {answers:?}"
        );
    }
    fixture.hub.close().await;
}

#[tokio::test]
async fn two_commits_of_one_data_file_keep_their_order() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    let (file, mut key) = (json!("a/b"), 0);
    for round in 0..ROUNDS {
        let first = open(&mut device, &file, "replace", &mut key).await;
        let second = open(&mut device, &file, "replace", &mut key).await;
        // The first takes longer to stage than the second.
        let text = ones(200_000);
        device.chunk(&first, &text).await;
        device.chunk(&second, b"42").await;
        let calls = [commit(&first, text.len()), commit(&second, 2), sum(&file)];
        let answers = device.flight(&calls).await;
        let versions = [0, 1].map(|at| answers[at]["result"]["version"].as_u64().unwrap());
        assert!(versions[0] < versions[1], "{round}: {answers:?}");
        assert_eq!(answers[2]["result"]["result"], "42", "{round}: {answers:?}");
    }
    fixture.hub.close().await;
}

/// The commit also answers an upload that was opened under its key before it took effect.
#[tokio::test]
async fn an_upload_opened_behind_its_own_commit_is_committed() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    let (file, mut key) = (json!("x"), 0);
    for round in 0..ROUNDS {
        let upload = open(&mut device, &file, "append", &mut key).await;
        device.chunk(&upload, b"1\n").await;
        let again = json!({"file": file, "mode": "append", "key": format!("{key:032x}")});
        let calls = [commit(&upload, 2), ("upload.open", again)];
        let answers = device.flight(&calls).await;
        let (committed, opened) = (&answers[0]["result"], &answers[1]["result"]["receipt"]);
        assert!(
            !committed.is_null() && committed == opened,
            "{round}: {answers:?}"
        );
    }
    fixture.hub.close().await;
}

/// A commit that fails holds nobody up.
#[tokio::test]
async fn calls_behind_a_commit_that_fails_are_answered() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    let (file, mut key) = (json!(1), 0);
    for round in 0..ROUNDS {
        let upload = open(&mut device, &file, "replace", &mut key).await;
        device.chunk(&upload, b"1\n").await;
        let calls = [
            commit(&upload, 3),
            sum(&file),
            commit(&json!(99), 3),
            ("file.list", json!({})),
            delete(&file, &mut key),
        ];
        let answers = device.flight(&calls).await;
        let reasons = answers
            .iter()
            .map(|answer| answer["error"]["data"]["reason"].clone());
        let reasons: Vec<Value> = reasons.collect();
        let expected = json!([
            "hash_mismatch",
            "no_such_file",
            "no_such_transfer",
            null,
            "no_such_file"
        ]);
        assert_eq!(json!(reasons), expected, "{round}: {answers:?}");
    }
    fixture.hub.close().await;
}

/// A `leave` in the same flight does not undo the commit before it.
#[tokio::test]
async fn a_commit_before_the_departure_takes_effect() {
    let fixture = fixture::hub().await;
    let (file, mut key) = (json!("x"), 0);
    for round in 1..=20 {
        let mut device = Device::log_in(&fixture).await;
        let upload = open(&mut device, &file, "append", &mut key).await;
        let text = ones(50_000);
        device.chunk(&upload, &text).await;
        let calls = [commit(&upload, text.len()), ("leave", json!({}))];
        device.fly(&calls).await;
        while device.hears().await {}
        let mut device = Device::log_in(&fixture).await;
        let answers = device.flight(&[sum(&file)]).await;
        assert_eq!(
            answers[0]["result"]["samples"],
            50_000 * round,
            "{answers:?}"
        );
    }
    fixture.hub.close().await;
}
