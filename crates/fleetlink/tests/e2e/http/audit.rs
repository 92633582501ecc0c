//! Audit records by the API: who did what, from where, and who may see that.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::Reply;
use super::{Call, hub};
use crate::harness::{fleetlink, run};

const HOSTILE: &str = "<img src=x onerror=alert(1)>\u{202e}\u{1b}[2J\r\n=1+1";

fn get(page: SocketAddr, token: &str, query: &str) -> Reply {
    let path = format!("/api/v1/audit{query}");
    Call::new(page, "GET", &path).bearer(token).send()
}

#[track_caller]
fn records(page: SocketAddr, token: &str, query: &str) -> Vec<Value> {
    let reply = get(page, token, query);
    assert_eq!(reply.status, 200, "{query}: {}", reply.text());
    reply.json()["items"].as_array().unwrap().clone()
}

/// The records, once there are any: events without a change are written within a moment.
#[track_caller]
fn wait(page: SocketAddr, token: &str, query: &str) -> Vec<Value> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let found = records(page, token, query);
        if !found.is_empty() {
            return found;
        }
        assert!(Instant::now() < end, "{query}: nothing");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn fail_login(page: SocketAddr, name: &str) {
    let login = json!({ "name": name, "password": "wrong" });
    let refused = Call::new(page, "POST", "/api/v1/login").json(&login).send();
    assert_eq!(refused.status, 401, "{}", refused.text());
}

#[test]
fn a_change_has_one_record_that_says_who_and_from_where() {
    let (hub, page) = hub(&["cam"], &["--plain"]);
    let token = hub.token("administrator");
    let new = json!({ "name": "new", "password": "first" });
    let added = Call::new(page, "POST", "/api/v1/accounts")
        .bearer(&token)
        .json(&new)
        .send();
    assert_eq!(added.status, 204, "{}", added.text());
    // It is there as soon as the change is.
    let found = records(page, &token, "?device=new");
    let [record] = &found[..] else {
        panic!("{found:?}");
    };
    let by = json!({ "kind": "token", "name": record["by"]["name"] });
    let wanted = json!({
        "id": record["id"], "at": record["at"], "action": "account.added", "by": by, "door": "http",
        "address": "127.0.0.1", "device": "new", "file": null, "subject": null, "outcome": "done",
        "detail": null,
    });
    assert_eq!(*record, wanted);
    // The token itself was made by the operator at the socket.
    let made = records(page, &token, "?action=token");
    assert_eq!(made.len(), 1);
    assert_eq!(
        (&made[0]["by"]["kind"], &made[0]["door"]),
        (&json!("operator"), &json!("socket"))
    );
    // Refused: written apart.
    let again = Call::new(page, "POST", "/api/v1/accounts")
        .bearer(&token)
        .json(&new)
        .send();
    assert!(again.status >= 400);
    let refused = wait(page, &token, "?device=new&outcome=refused");
    assert_eq!(refused[0]["action"], "account.added");
}

#[test]
fn a_device_s_upload_and_deletion_are_recorded_and_its_appends_are_not() {
    let (hub, page) = hub(&["cam"], &["--plain"]);
    let token = hub.token("viewer");
    let path = "/api/v1/devices/cam/data/readings";
    let call = |method: &str| Call::new(page, method, path).by("cam");
    assert_eq!(call("PUT").body(&b"1\n2\n"[..]).send().status, 201);
    assert_eq!(call("POST").body(&b"3\n"[..]).send().status, 201);
    assert_eq!(call("DELETE").send().status, 204);
    let found = records(page, &token, "?file=readings");
    let actions: Vec<&Value> = found.iter().map(|record| &record["action"]).collect();
    assert_eq!(actions, ["data.deleted", "data.uploaded"]);
    for record in &found {
        assert_eq!(record["by"], json!({ "kind": "device", "name": "cam" }));
        assert_eq!(record["address"], "127.0.0.1");
    }
    assert_eq!(found[1]["detail"], "2 samples, 4 bytes");
}

#[test]
fn a_hostile_name_is_a_text_in_every_form() {
    let (hub, page) = hub(&["cam"], &["--plain"]);
    let token = hub.token("viewer");
    fail_login(page, HOSTILE);
    let found = wait(page, &token, "?action=page.login_failed");
    let wanted = format!("login {}", HOSTILE.to_ascii_lowercase());
    assert_eq!(found[0]["subject"], wanted);
    assert_eq!(found[0]["by"], json!({ "kind": "nobody", "name": null }));

    let reply = get(page, &token, "?action=page&format=ndjson");
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = reply
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, found);
    let reply = get(page, &token, "?action=page&format=csv");
    let disposition = reply.header("content-disposition");
    assert_eq!(disposition, "attachment; filename=\"fleetlink-audit.csv\"");
    let text = reply.text();
    assert!(text.starts_with("id,time,action,"), "{text}");
    assert!(text.contains(&format!("\"{wanted}\"")), "{text}");
}

#[test]
fn pages_and_exports_have_every_record_once() {
    let (hub, page) = hub(&["cam"], &["--plain"]);
    let token = hub.token("administrator");
    for number in 0..12 {
        let new = json!({ "name": format!("new-{number}"), "password": "first" });
        Call::new(page, "POST", "/api/v1/accounts")
            .bearer(&token)
            .json(&new)
            .send();
    }
    let all = records(page, &token, "?action=account&by=token");
    assert_eq!(all.len(), 12);
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let query = format!("?action=account&by=token&limit=5{after}");
        let reply = get(page, &token, &query).json();
        paged.extend(reply["items"].as_array().unwrap().clone());
        match reply["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(paged, all);
    let exported = get(page, &token, "?action=account&by=token&format=ndjson").text();
    assert_eq!(exported.lines().count(), 12);
    for wrong in [
        "?action=acc",
        "?outcome=ok",
        "?from=now",
        "?format=xml",
        "?after=7",
        "?limit=0",
    ] {
        let refused = get(page, &token, wrong);
        assert_eq!(refused.status, 400, "{wrong}");
        refused.problem();
    }
}

#[test]
fn nobody_but_people_sees_the_records() {
    let (hub, page) = hub(&["cam"], &["--plain"]);
    let viewer = hub.token("viewer");
    assert_eq!(get(page, &viewer, "").status, 200);
    let device = hub.token("device=cam");
    for form in ["", "?format=csv", "?format=ndjson"] {
        assert_eq!(get(page, &device, form).status, 403, "{form}");
        let path = format!("/api/v1/audit{form}");
        let basic = Call::new(page, "GET", &path).by("cam").send();
        assert_eq!(basic.status, 403, "{form}");
        assert_eq!(Call::new(page, "GET", &path).send().status, 401, "{form}");
    }
    let forbidden = wait(page, &viewer, "?action=forbidden");
    assert_eq!(
        forbidden[0]["by"],
        json!({ "kind": "device", "name": "cam" })
    );
}

#[test]
fn an_operator_sees_the_records_beside_the_hub_and_without_one() {
    let (hub, _page) = hub(&["cam"], &["--plain"]);
    let made = hub.operated(&["token", "add", "script", "--role", "viewer"], "");
    assert!(made["token"].is_string());
    let found = hub.operated(&["audit", "--action", "token"], "");
    assert_eq!(found["records"][0]["door"], "socket");
    assert_eq!(found["records"][0]["by"]["kind"], "operator");

    // Commands without a running hub write records too, and read them.
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], input: &str| {
        let mut command = fleetlink(folder.path());
        command.args(arguments).args(["--data", "d"]);
        run(&mut command, input)
    };
    assert_eq!(run(&["account", "init"], "").code, Some(0));
    let added = run(
        &["account", "add", "new", "--password-stdin"],
        "a-password\n",
    );
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let found = run(&["audit", "--device", "NEW", "--json"], "");
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(found["records"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["records"][0]["action"], "account.added");
    assert_eq!(found["records"][0]["door"], Value::Null);
    let text = run(&["audit", "--last", "1"], "").stdout;
    assert!(
        text.ends_with("; account.added; new; by operator; done\n"),
        "{text}"
    );
    let wrong = run(&["audit", "--action", "acc"], "");
    assert_ne!(wrong.code, Some(0));
    assert!(wrong.stderr.contains("account.added"), "{}", wrong.stderr);
}
