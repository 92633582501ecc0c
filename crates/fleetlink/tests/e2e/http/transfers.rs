//! Transfers between devices, as the hub tells of them.

use std::fs;
use std::net::SocketAddr;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::events::Stream;
use super::{Call, hub};
use crate::harness::{Shell, eventually};
use crate::transfer::{content, event, receiving, sparse};

const TRANSFERS: &str = "/api/v1/transfers";

fn list(page: SocketAddr, token: &str, query: &str) -> Value {
    let reply = Call::get(page, &format!("{TRANSFERS}{query}"))
        .bearer(token)
        .send();
    assert_eq!(reply.status, 200, "{query}: {}", reply.text());
    reply.json()
}

/// The data of the next event of a transfer for which this holds.
#[track_caller]
fn told(stream: &mut Stream, holds: impl Fn(&Value) -> bool) -> Value {
    loop {
        let event = stream.next();
        if event.kind == "transfer" && holds(&event.data) {
            return event.data;
        }
    }
}

#[test]
fn people_see_files_on_their_way_and_how_they_end() {
    let (hub, page) = hub(&["cam", "box"], &[]);
    let token = hub.token("viewer");
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let receiver = receiving(&hub, home.path(), "box", &[]);
    assert_eq!(list(page, &token, "")["items"], json!([]));
    let mut stream = Stream::by(page, &token);

    fs::write(folder.path().join("<img src=x>.txt"), content(1000, 7)).unwrap();
    let arguments = ["send", "box", "<img src=x>.txt"];
    let mut sender = Shell::run(hub.command(folder.path(), "cam", &arguments));
    let stored = told(&mut stream, |data| data["state"] == "finished");
    assert_eq!(sender.wait(), Some(0));
    assert!(stored["at"].is_string());
    assert_eq!(
        (&stored["bytes"], &stored["done"]),
        (&json!(1000), &json!(1000))
    );
    assert_eq!(
        (&stored["from"], &stored["to"]),
        (&json!("cam"), &json!("box"))
    );

    sparse(&folder.path().join("large"));
    let arguments = ["send", "box", "large", "--events"];
    let mut sender = Shell::run(hub.command(folder.path(), "cam", &arguments));
    let moving = told(&mut stream, |data| data["done"].as_u64() > Some(0));
    assert_eq!(
        (&moving["name"], &moving["path"]),
        (&json!("large"), &json!("direct"))
    );
    let running = list(page, &token, "?state=running&device=box");
    assert_eq!(running["items"][0]["id"], moving["id"]);
    sender.signal(Signal::INT);
    let failed = told(&mut stream, |data| data["state"] == "failed");
    assert_eq!(
        (&failed["id"], &failed["reason"]),
        (&moving["id"], &json!("cancelled"))
    );
    assert!(sender.wait().is_some());
    drop(receiver);

    let all = list(page, &token, "");
    let names: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["name"])
        .collect();
    assert_eq!(names, ["large", "<img src=x>.txt"]);
    let first = list(page, &token, "?limit=1");
    assert_eq!(first["items"][0]["name"], "large");
    let next = first["next"].as_str().unwrap();
    let second = list(page, &token, &format!("?limit=1&after={next}"));
    assert_eq!(second["items"][0]["id"], stored["id"]);
    assert_eq!(second["next"], json!(null));
    assert_eq!(list(page, &token, "?state=running")["items"], json!([]));
    assert_eq!(list(page, &token, "?device=nobody")["items"], json!([]));
    for wrong in [
        "?limit=0",
        "?limit=201",
        "?state=lost",
        "?after=x",
        "?device=a%20b",
    ] {
        let reply = Call::get(page, &format!("{TRANSFERS}{wrong}"))
            .bearer(&token)
            .send();
        assert_eq!(reply.status, 400, "{wrong}");
    }
}

#[test]
fn a_device_sees_no_list_of_transfers() {
    let (hub, page) = hub(&["cam"], &[]);
    assert_eq!(Call::get(page, TRANSFERS).by("cam").send().status, 403);
    assert_eq!(Call::get(page, TRANSFERS).send().status, 401);
    for role in ["viewer", "administrator"] {
        let token = hub.token(role);
        assert_eq!(Call::get(page, TRANSFERS).bearer(&token).send().status, 200);
    }
}

/// The end comes before the farewell, so the hub never has to guess.
#[test]
fn a_sender_that_leaves_has_told_the_end_of_its_transfers() {
    let (hub, page) = hub(&["cam", "box"], &[]);
    let token = hub.token("viewer");
    let home = tempfile::tempdir().unwrap();
    let mut receiver = receiving(&hub, home.path(), "box", &[]);
    let folder = tempfile::tempdir().unwrap();
    sparse(&folder.path().join("large"));
    let arguments = ["send", "box", "large", "--events"];
    let mut sender = Shell::run(hub.command(folder.path(), "cam", &arguments));
    event(&mut receiver.output, "started");
    eventually("the hub hears of it", || {
        list(page, &token, "?state=running")["items"] != json!([])
    });
    receiver.signal(Signal::TERM);
    assert!(sender.wait().is_some());
    let ended = list(page, &token, "?state=failed");
    assert_eq!(ended["items"][0]["from"], "cam", "{ended}");
    assert!(ended["items"][0]["reason"].is_string());
}
