//! The times at which devices were seen, over the ends of their hub, and the tags of devices.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Call, hub, page};
use crate::harness::{Hub, eventually};

fn device(hub: &Hub, token: &str, name: &str) -> Value {
    let path = format!("/api/v1/devices/{name}");
    let reply = Call::get(page(hub), &path).bearer(token).send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// The last sign of a heartbeat.
fn sign(device: &Value) -> char {
    let heartbeat = device["heartbeat"].as_str().unwrap();
    assert_eq!(heartbeat.len(), 48, "{heartbeat}");
    heartbeat.chars().next_back().unwrap()
}

#[test]
fn a_device_was_seen_last_whatever_ended_the_hub() {
    let options = ["--http", "127.0.0.1:0"];
    let mut hub = Hub::start_logged("fleetlink_hub=debug", &["cam", "lamp"], &options);
    let token = hub.token("viewer");
    let never = device(&hub, &token, "cam");
    let seen = [
        &never["first_seen"],
        &never["last_seen"],
        &never["heartbeat"],
    ];
    assert_eq!(seen, [&json!(null); 3]);

    let shell = hub.join("cam");
    let joined = device(&hub, &token, "cam");
    assert_eq!(sign(&joined), '2', "present for as long as it is known");
    assert!(joined["last_seen"].as_str() >= joined["joined"].as_str());
    assert!(joined["first_seen"].as_str() <= joined["joined"].as_str());
    let list = Call::new(page(&hub), "GET", "/api/v1/devices/lamp/data").by("lamp");
    assert_eq!(list.send().status, 200);
    let lamp = device(&hub, &token, "lamp");
    assert!(lamp["last_seen"].is_string(), "a call by HTTP counts");
    assert_eq!((sign(&lamp), &lamp["present"]), ('0', &json!(false)));
    eventually("the join is written down", || {
        let log = std::fs::read_to_string(hub.folder().join("log.txt")).unwrap();
        log.contains("sightings are written down") && log.contains("\"devices\":2")
    });
    hub.kill();
    drop(shell);
    hub.restart();
    let crashed = device(&hub, &token, "cam");
    assert_eq!(crashed["first_seen"], joined["first_seen"]);
    assert!(crashed["last_seen"].as_str() >= joined["joined"].as_str());
    assert_eq!(crashed["present"], false);
    assert!(matches!(sign(&crashed), '0' | '1'), "{crashed}");
    assert!(device(&hub, &token, "lamp")["last_seen"].is_string());

    let shell = hub.join("cam");
    let again = device(&hub, &token, "cam")["joined"].clone();
    assert_eq!(hub.stop(Signal::TERM), Some(0));
    drop(shell);
    hub.restart();
    let stopped = device(&hub, &token, "cam");
    assert_eq!(stopped["first_seen"], joined["first_seen"]);
    assert!(stopped["last_seen"].as_str() >= again.as_str(), "{stopped}");
}

#[test]
fn a_removed_device_leaves_no_trace_to_one_of_its_name() {
    let (hub, page) = hub(&["cam"], &[]);
    let token = hub.token("administrator");
    let by_http = || {
        let removed = Call::new(page, "DELETE", "/api/v1/devices/cam").bearer(&token);
        assert_eq!(removed.send().status, 204);
    };
    let by_command = || assert_eq!(hub.account(&["remove", "cam"], "").code, Some(0));
    let ways: [&dyn Fn(); 2] = [&by_http, &by_command];
    for remove in ways {
        drop(hub.join("cam"));
        eventually("it has left", || {
            device(&hub, &token, "cam")["sessions"] == json!(0)
        });
        remove();
        assert_eq!(
            hub.account(&["add", "cam", "--password-stdin"], "comp9331\n")
                .code,
            Some(0)
        );
        let cam = device(&hub, &token, "cam");
        let seen = [&cam["first_seen"], &cam["last_seen"], &cam["heartbeat"]];
        assert_eq!(seen, [&json!(null); 3]);
        assert_eq!(cam["traffic"], json!({ "received": 0, "sent": 0 }));
    }
}

#[test]
fn the_traffic_of_a_device_is_that_of_its_sessions_and_requests() {
    let (hub, page) = hub(&["cam", "lamp"], &[]);
    let token = hub.token("viewer");
    let traffic = |name: &str| {
        let traffic = device(&hub, &token, name)["traffic"].clone();
        let number = |member: &str| traffic[member].as_u64().unwrap();
        (number("received"), number("sent"))
    };
    assert_eq!(traffic("cam"), (0, 0));
    let body = "1\n".repeat(50_000);
    let sent = Call::new(page, "PUT", "/api/v1/devices/cam/data/1").by("cam");
    assert_eq!(sent.body(body).send().status, 201);
    let (received, _) = traffic("cam");
    assert_eq!(received, 100_000);
    let file = Call::get(page, "/api/v1/devices/cam/data/1")
        .by("cam")
        .send();
    assert_eq!(file.body.len(), 100_000);
    let by_http = traffic("cam");
    assert!(by_http.1 >= 100_000, "{by_http:?}");
    let _shell = hub.join("cam");
    let by_both = traffic("cam");
    assert!(
        by_both.0 > by_http.0 && by_both.1 > by_http.1,
        "{by_both:?}"
    );
    assert_eq!(traffic("lamp"), (0, 0));
}

#[test]
fn tags_tell_whether_devices_and_data_files_have_changed() {
    let (hub, page) = hub(&["cam", "lamp"], &[]);
    let token = hub.token("viewer");
    let get = |path: &str, tag: &str| {
        let call = Call::get(page, path).bearer(&token);
        let reply = call.header("if-none-match", tag).send();
        (reply.status, reply.header("etag").to_owned())
    };
    let put = |text: &str| {
        let sent = Call::new(page, "PUT", "/api/v1/devices/cam/data/1").by("cam");
        sent.body(text.to_owned()).send()
    };
    let _shell = hub.join("cam");
    for path in [
        "/api/v1/devices",
        "/api/v1/devices/cam",
        "/api/v1/devices?search=cam",
    ] {
        let (status, tag) = get(path, "\"other\"");
        assert_eq!(status, 200);
        assert!(tag.starts_with("W/"), "{tag}");
        // Traffic is as little a change of the device as the time at which it is seen.
        Call::get(page, "/api/v1/devices/cam/data/1")
            .by("cam")
            .send();
        assert_eq!(get(path, &tag), (304, tag.clone()), "{path}");
        let written = put(&format!("{}\n", path.len()));
        assert_eq!(written.status, 201);
        let (status, next) = get(path, &tag);
        assert_eq!(status, 200, "{path}");
        assert_ne!(next, tag);
        let file = Call::get(page, "/api/v1/devices/cam/data/1")
            .by("cam")
            .send();
        assert_eq!(file.header("etag"), written.header("etag"));
    }
    let more = Call::new(page, "POST", "/api/v1/devices/cam/data/1").by("cam");
    let more = more.header("idempotency-key", "more").body("2\n");
    let tag = more.clone().send().header("etag").to_owned();
    assert!(tag.starts_with("\"v"), "{tag}");
    let again = more.send();
    assert_eq!((again.status, again.header("etag")), (200, tag.as_str()));
}
