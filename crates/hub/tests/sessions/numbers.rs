//! Numbers of uploads and downloads that the device chooses, so that an upload is one flight.

use serde_json::{Value, json};

use super::device::{Device, LOCAL};
use super::fixture;

fn call(id: usize, method: &str, params: &Value) -> Vec<u8> {
    let call = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    format!("{call}\n").into_bytes()
}

/// Opens, sends and commits in one piece, with ids from this one on.
fn flight(id: usize, upload: u64, file: &Value, key: usize, text: &[u8]) -> Vec<u8> {
    let open =
        json!({"file": file, "mode": "replace", "key": format!("{key:032x}"), "upload": upload});
    let mut flight = call(id, "upload.open", &open);
    let params = json!({"upload": upload, "bytes": text.len()});
    let line = json!({"jsonrpc": "2.0", "method": "upload.chunk", "params": params});
    flight.extend(format!("{line}\n").into_bytes());
    flight.extend(text);
    let commit = json!({"upload": upload, "bytes": text.len()});
    flight.extend(call(id + 1, "upload.commit", &commit));
    flight
}

/// Reads until all these ids are answered; the answers in the order of the ids.
async fn answers(device: &mut Device, ids: std::ops::Range<usize>) -> Vec<Value> {
    let mut answers = vec![Value::Null; ids.len()];
    while answers.iter().any(Value::is_null) {
        let answer = device.read().await;
        if let Some(id) = answer["id"].as_u64() {
            answers[usize::try_from(id).unwrap() - ids.start] = answer;
        }
    }
    answers
}

/// The opening was a conflict, and so its commit found no upload.
fn assert_conflict(flight: &[Value]) {
    let reasons = [0, 1].map(|at| &flight[at]["error"]["data"]["reason"]);
    assert_eq!(reasons, ["conflict", "no_such_transfer"], "{flight:?}");
}

#[tokio::test]
async fn many_uploads_under_one_number_come_in_one_flight() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    for round in 0..5 {
        let mut bytes = Vec::new();
        for n in 0..20 {
            // By turns of the same data file, of others, and one that fails.
            let file = json!(format!("f{}", n % 3));
            let text = match n {
                7 => "x\n".to_owned(),
                n => format!("{n}\n"),
            };
            let key = 1 + round * 20 + n;
            bytes.extend(flight(100 + 2 * n, 7, &file, key, text.as_bytes()));
        }
        device.send(&bytes).await;
        let answers = answers(&mut device, 100..140).await;
        for (n, pair) in answers.chunks(2).enumerate() {
            assert_eq!(pair[0]["result"]["upload"], 7, "{n}: {pair:?}");
            match n {
                7 => assert!(pair[1]["error"].is_object(), "{pair:?}"),
                _ => assert_eq!(pair[1]["result"]["samples"], 1, "{n}: {pair:?}"),
            }
        }
        for (file, last) in [("f0", "18"), ("f1", "19"), ("f2", "17")] {
            let sum = json!({"file": file, "operation": "SUM"});
            assert_eq!(device.call("file.compute", sum).await["result"], last);
        }
    }
    fixture.hub.close().await;
}

#[tokio::test]
async fn a_refused_opening_passes_over_its_chunks() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    let max = (1_u64 << 53) - 1;
    for (id, number) in [(100, 0), (200, max + 1), (300, u64::MAX)] {
        device
            .send(&flight(id, number, &json!(1), id, b"1\n"))
            .await;
        let answers = answers(&mut device, id..id + 2).await;
        assert_eq!(answers[0]["error"]["code"], -32602, "{answers:?}");
        let message = answers[0]["error"]["message"].as_str().unwrap();
        assert!(message.contains("from 1 to 9007199254740991"), "{message}");
        assert_eq!(answers[1]["error"]["data"]["reason"], "no_such_transfer");
    }
    for number in ["-1", "1.0", "\"1\"", "true"] {
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":5,"method":"download.open","params":{{"file":1,"download":{number}}}}}"#
        );
        device.send(format!("{line}\n").as_bytes()).await;
        assert_eq!(device.read().await["error"]["code"], -32602, "{number}");
    }
    // A number in use, and the largest.
    device.send(&flight(400, max, &json!(2), 400, b"4\n")).await;
    let taken = answers(&mut device, 400..402).await;
    assert_eq!(taken[1]["result"]["samples"], 1, "{taken:?}");
    let open = json!({"file": 3, "mode": "append", "key": "00000000000000000000000000000999", "upload": 5});
    assert_eq!(device.call("upload.open", open.clone()).await["upload"], 5);
    let error = device.ask("upload.open", open).await.unwrap_err();
    assert_eq!(error["code"], -32602, "{error}");
    // A key of another change: nothing of it arrives.
    device
        .send(&flight(500, 6, &json!("other"), 400, b"4\n"))
        .await;
    let refused = answers(&mut device, 500..502).await;
    assert_conflict(&refused);
    fixture.hub.close().await;
}

#[tokio::test]
async fn a_download_has_the_number_that_was_chosen_and_gives_it_back() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    device
        .send(&flight(100, 1, &json!("x"), 1, b"1\n2\n"))
        .await;
    answers(&mut device, 100..102).await;
    for _ in 0..20 {
        let open = json!({"file": "x", "download": 9});
        assert_eq!(device.call("download.open", open).await["download"], 9);
        let chunk = device.read().await;
        assert_eq!(chunk["params"]["download"], 9, "{chunk}");
        let mut bytes = [0; 4];
        tokio::io::AsyncReadExt::read_exact(&mut device.stream, &mut bytes)
            .await
            .unwrap();
        assert_eq!(device.read().await["method"], "download.end");
    }
    fixture.hub.close().await;
}

#[tokio::test]
async fn a_commit_asked_again_answers_as_before() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    let again = json!({"upload": 3, "bytes": 2});
    // At once, and later; and where the upload was committed by an earlier opening of its key.
    for id in [100, 200] {
        let mut bytes = flight(id, 3, &json!("x"), 1, b"1\n");
        bytes.extend(call(id + 2, "upload.commit", &again));
        device.send(&bytes).await;
        let answers = answers(&mut device, id..id + 3).await;
        assert!(answers[1]["result"]["version"].is_u64(), "{answers:?}");
        assert_eq!(answers[1]["result"], answers[2]["result"], "{answers:?}");
        let later = device.call("upload.commit", again.clone()).await;
        assert_eq!(later, answers[1]["result"]);
    }
    let other = json!({"upload": 3, "bytes": 4});
    let error = device.ask("upload.commit", other).await.unwrap_err();
    assert_eq!(error["data"]["reason"], "no_such_transfer");
    // Until the number is used again.
    device.send(&flight(300, 3, &json!("y"), 1, b"1\n")).await;
    let refused = answers(&mut device, 300..302).await;
    assert_conflict(&refused);
    fixture.hub.close().await;
}

/// The receipt of the upload before is on its way when the number is used again.
#[tokio::test]
async fn a_commit_behind_a_refused_opening_gets_no_receipt_of_an_earlier_upload() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    device
        .send(&flight(100, 1, &json!("used"), 1, b"1\n"))
        .await;
    answers(&mut device, 100..102).await;
    for round in 0..40 {
        let key = 2 + round;
        let mut bytes = flight(200, 7, &json!("a"), key, b"2\n");
        // The key of another data file's upload: its opening is a conflict.
        bytes.extend(flight(202, 7, &json!("b"), 1, b"3\n"));
        device.send(&bytes).await;
        let answers = answers(&mut device, 200..204).await;
        assert_eq!(answers[1]["result"]["file"], "a", "{answers:?}");
        assert_conflict(&answers[2..]);
    }
    fixture.hub.close().await;
}

/// Replies are told apart by their ids: a call that takes an id of one that is not answered is
/// refused, and no later one waits for ever.
#[tokio::test]
async fn an_id_that_is_used_twice_is_refused_and_holds_nothing_up() {
    let fixture = fixture::hub().await;
    let mut device = Device::log_in(&fixture).await;
    for round in 0..20 {
        let mut bytes = flight(100, 1, &json!("a"), 1 + 2 * round, b"1\n");
        // Of the same data file, so that it is opened behind the commit whose id it takes.
        let mut second = flight(101, 2, &json!("a"), 2 + 2 * round, b"2\n");
        bytes.append(&mut second);
        bytes.extend(call(103, "upload.abort", &json!({"upload": 1})));
        bytes.extend(call(104, "upload.abort", &json!({"upload": 2})));
        bytes.extend(call(105, "ping", &json!({})));
        device.send(&bytes).await;
        let mut answered = Vec::new();
        while answered.len() < 7 {
            let answer = device.read().await;
            if let Some(id) = answer["id"].as_u64() {
                answered.push(id);
            }
        }
        answered.sort_unstable();
        assert_eq!(answered, [100, 101, 101, 102, 103, 104, 105]);
    }
    fixture.hub.close().await;
}

/// Calls of one flight are taken up in their order, whatever they are.
#[tokio::test]
async fn a_nonce_is_asked_for_behind_the_hello_of_the_same_flight() {
    let fixture = fixture::hub().await;
    for round in 0..40 {
        let mut device = Device::connect(&fixture, LOCAL).await;
        let mut bytes = call(1, "hello", &json!({"versions": [1]}));
        bytes.extend(call(2, "login.nonce", &json!({})));
        device.send(&bytes).await;
        let answers = answers(&mut device, 1..3).await;
        let reason = &answers[1]["error"]["data"]["reason"];
        assert_eq!(reason, "no_channel", "round {round}: {answers:?}");
    }
    fixture.hub.close().await;
}
