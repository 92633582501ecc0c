//! Calls that come in one piece, before any of them is answered.

use std::collections::BTreeSet;

use fleetlink_proto::control::limits::MAX_REQUESTS_IN_FLIGHT;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fixture::{self, DEADLINE};

/// Everything that the hub answers to these bytes before it closes.
async fn answers(fixture: &fixture::Fixture, bytes: &[u8]) -> Vec<Value> {
    let mut stream = TcpStream::connect(fixture.hub.address()).await.unwrap();
    let talking = async {
        stream.write_all(bytes).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    let text = timeout(DEADLINE, talking).await.expect("an end in time");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn call(id: usize, method: &str, params: &Value) -> Vec<u8> {
    let call = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    format!("{call}\n").into_bytes()
}

#[tokio::test]
async fn the_first_calls_may_come_together_and_hold_in_their_order() {
    let fixture = fixture::hub().await;
    let login = json!({"name": "supersmartwatch", "password": "comp9331"});
    for (versions, expected) in [
        // The password is not checked yet when the join comes.
        ([1], json!([[1, null], [3, "out_of_order"], [4, null]])),
        ([9], json!([[1, "version_mismatch"], [null, null]])),
    ] {
        let flight = [
            call(1, "hello", &json!({"versions": versions})),
            call(2, "login", &login),
            call(3, "join", &json!({"udp_port": 0})),
            call(4, "leave", &json!({})),
        ];
        let answers = answers(&fixture, &flight.concat()).await;
        let answers = answers
            .iter()
            .map(|a| json!([a["id"], a["error"]["data"]["reason"]]));
        assert_eq!(answers.collect::<Value>(), expected);
    }
    fixture.hub.close().await;
}

/// The chunk makes the hub read far more at once than it has places for.
#[tokio::test]
async fn more_calls_than_may_be_in_flight_are_all_answered() {
    let fixture = fixture::hub().await;
    let many = MAX_REQUESTS_IN_FLIGHT * 5;
    let chunk = json!({"upload": 1, "bytes": 30_000});
    let line = json!({"jsonrpc": "2.0", "method": "upload.chunk", "params": chunk});
    let mut flight = call(0, "hello", &json!({"versions": [1]}));
    flight.extend(format!("{line}\n").into_bytes());
    flight.extend([b'1'; 30_000]);
    for id in 1..=many {
        flight.extend(call(id, "ping", &json!({})));
    }
    flight.extend(call(many + 1, "leave", &json!({})));
    let answers = answers(&fixture, &flight).await;
    let answered = answers.iter().filter_map(|answer| answer["id"].as_u64());
    let answered: BTreeSet<u64> = answered.collect();
    assert_eq!(answered.len(), many + 2, "{:?}", answers.last());
    fixture.hub.close().await;
}
