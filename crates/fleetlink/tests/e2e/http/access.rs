//! Accounts, tickets, logins, tokens, lock-outs and penalties by the API.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::client::Reply;
use super::people::log_in;
use super::{Call, hub};
use crate::harness::{Hub, PASSWORD, fleetlink, run};

/// The caller: a token of an administrator.
struct Admin<'a> {
    page: SocketAddr,
    token: &'a str,
}

impl Admin<'_> {
    fn call(&self, method: &str, path: &str) -> Call {
        Call::new(self.page, method, &format!("/api/v1/{path}")).bearer(self.token)
    }

    #[track_caller]
    fn list(&self, path: &str) -> Vec<Value> {
        let reply = self.call("GET", path).send();
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()["items"].as_array().unwrap().clone()
    }

    fn post(&self, path: &str, document: &Value) -> Reply {
        self.call("POST", path).json(document).send()
    }

    fn put(&self, path: &str, document: &Value) -> Reply {
        self.call("PUT", path).json(document).send()
    }

    fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path).send()
    }
}

#[track_caller]
fn is_done(reply: &Reply) {
    assert_eq!(
        (reply.status, reply.body.len()),
        (204, 0),
        "{}",
        reply.text()
    );
}

#[track_caller]
fn is_refused(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{}", reply.text());
    reply.problem();
}

fn lists_as(hub: &Hub, name: &str, password: &str) -> Option<i32> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = fleetlink(folder.path());
    let address = hub.address.to_string();
    command
        .args([
            "data", "list", "--device", name, "--hub", &address, "--json",
        ])
        .args(["--plain"])
        .env("FLEETLINK_PASSWORD", password);
    run(&mut command, "").code
}

#[test]
fn accounts_are_made_and_changed() {
    let (hub, page) = hub(&["cam"], &["--plain"]);
    let token = hub.token("administrator");
    let api = Admin {
        page,
        token: &token,
    };
    let new = json!({ "name": "new", "password": "first" });
    is_done(&api.post("accounts", &new));
    is_refused(&api.post("accounts", &new), 409);
    is_refused(
        &api.post("accounts", &json!({ "name": "a/b", "password": "x" })),
        400,
    );
    is_refused(
        &api.post("accounts", &json!({ "name": "b", "password": "a b" })),
        400,
    );
    assert_eq!(lists_as(&hub, "new", "first"), Some(0));
    is_done(&api.put("accounts/new/password", &json!({ "password": "second" })));
    assert_ne!(lists_as(&hub, "new", "first"), Some(0));
    assert_eq!(lists_as(&hub, "new", "second"), Some(0));
    is_refused(
        &api.put("accounts/nobody/password", &json!({ "password": "x" })),
        404,
    );
    is_refused(&api.delete("accounts/nobody/key"), 404);
    let names = |path: &str| -> Vec<String> {
        let names = api.list(path).into_iter();
        names
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("accounts"), ["cam", "new"]);
    let first = api.call("GET", "accounts?limit=1").send().json();
    assert_eq!(first["next"], "cam");
    assert_eq!(names("accounts?limit=1&after=cam"), ["new"]);
    is_refused(&api.call("GET", "accounts?limit=0").send(), 400);
    let reply = api.call("GET", "accounts").send();
    let tag = reply.header("etag").to_owned();
    let again = api
        .call("GET", "accounts")
        .header("if-none-match", &tag)
        .send();
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[test]
fn a_ticket_is_issued_used_and_revoked() {
    let (hub, page) = hub(&[], &[]);
    let token = hub.token("administrator");
    let api = Admin {
        page,
        token: &token,
    };
    let issued = api.post(
        "tickets",
        &json!({ "prefix": "cam-", "uses": 2, "expires_in": 600 }),
    );
    assert_eq!(issued.status, 201, "{}", issued.text());
    let issued = issued.json();
    let ticket = issued["ticket"].as_str().unwrap();
    assert_eq!(issued["command"], format!("fleetlink join {ticket}"));
    let folder = tempfile::tempdir().unwrap();
    let joined = run(fleetlink(folder.path()).args(["join", ticket]), "OUT\n");
    assert_eq!(joined.code, Some(0), "{joined:?}");
    let listed = api.list("tickets");
    assert_eq!(listed[0]["prefix"], "cam-");
    assert_eq!(
        (&listed[0]["state"], &listed[0]["left"]),
        (&json!("open"), &json!(1))
    );
    assert_eq!(listed[0]["used"][0]["device"], "cam-1");
    assert!(!listed[0].to_string().contains(ticket));
    let path = format!("tickets/{}", issued["number"]);
    is_done(&api.delete(&path));
    assert_eq!(api.list("tickets")[0]["state"], "revoked");
    is_refused(&api.delete("tickets/77"), 404);
    is_refused(&api.delete("tickets/x"), 404);
    for wrong in [
        json!({}),
        json!({ "name": "a", "prefix": "b" }),
        json!({ "name": "a/b" }),
    ] {
        is_refused(&api.post("tickets", &wrong), 400);
    }
}

#[test]
fn logins_and_tokens_are_managed_by_administrators_and_seen_by_viewers() {
    let (hub, page) = hub(&["cam"], &[]);
    let token = hub.token("administrator");
    let api = Admin {
        page,
        token: &token,
    };
    let ana = json!({ "name": "ana", "role": "viewer", "password": "secret" });
    is_done(&api.post("logins", &ana));
    is_refused(&api.post("logins", &ana), 409);
    assert_eq!(api.list("logins")[0]["role"], "viewer");
    let order = |password: &str| json!({ "name": "ana", "password": password });
    assert_eq!(log_in(page, &order("secret")).status, 200);
    is_done(&api.put("logins/ana/password", &json!({ "password": "other" })));
    assert_eq!(log_in(page, &order("secret")).status, 401);

    let added = api.post("tokens", &json!({ "name": "grafana", "role": "viewer" }));
    assert_eq!(added.status, 201, "{}", added.text());
    let viewer = added.json();
    let text = viewer["token"].as_str().unwrap();
    let seen = Admin { page, token: text };
    assert_eq!(seen.list("tokens").len(), 2);
    for path in ["accounts", "tickets", "logins", "lockouts", "penalties"] {
        seen.list(path);
    }
    is_refused(&seen.post("logins", &ana), 403);
    is_refused(
        &seen.post("accounts", &json!({ "name": "x", "password": "y" })),
        403,
    );
    is_refused(
        &seen.post("tokens", &json!({ "name": "x", "role": "administrator" })),
        403,
    );
    is_refused(&seen.post("tickets", &json!({ "name": "x" })), 403);
    for path in [
        "logins/ana",
        "tokens/1",
        "tickets/1",
        "lockouts/cam",
        "accounts/cam/key",
    ] {
        is_refused(&seen.delete(path), 403);
    }
    // A device is none of both.
    let device = Call::get(page, "/api/v1/accounts").by("cam").send();
    is_refused(&device, 403);
    is_refused(&Call::get(page, "/api/v1/accounts").send(), 401);

    let path = format!("tokens/{}", viewer["id"].as_str().unwrap());
    is_done(&api.delete(&path));
    is_refused(&api.delete(&path), 404);
    assert_eq!(seen.call("GET", "tokens").send().status, 401);
    let nobody = json!({ "name": "x", "role": "device", "device": "nobody" });
    is_refused(&api.post("tokens", &nobody), 404);
    let of_cam = json!({ "name": "x", "role": "device", "device": "cam" });
    assert_eq!(api.post("tokens", &of_cam).json()["device"], "cam");
    is_refused(
        &api.post("tokens", &json!({ "name": "x", "role": "device" })),
        400,
    );
    is_refused(
        &api.post("tokens", &json!({ "name": "x", "role": "king" })),
        400,
    );
    is_done(&api.delete("logins/ana"));
    is_refused(&api.delete("logins/ana"), 404);
    assert_eq!(log_in(page, &order("other")).status, 401);
}

#[test]
fn lock_outs_of_devices_and_logins_are_seen_and_ended() {
    let (hub, page) = hub(&["cam"], &["--max-attempts", "1"]);
    let token = hub.token("administrator");
    let api = Admin {
        page,
        token: &token,
    };
    is_done(&api.post(
        "logins",
        &json!({ "name": "ana", "role": "viewer", "password": "secret" }),
    ));
    let list = "/api/v1/devices/cam/data";
    Call::get(page, list).with_password("cam", "wrong").send();
    log_in(page, &json!({ "name": "ana", "password": "wrong" }));
    let locked = api.list("lockouts").into_iter();
    let locked: Vec<Value> = locked.map(|item| item["device"].clone()).collect();
    assert_eq!(locked, ["cam", "login/ana"]);
    is_done(&api.delete("lockouts/cam"));
    is_done(&api.delete("lockouts/login%2Fana"));
    is_refused(&api.delete("lockouts/nobody"), 404);
    assert!(api.list("lockouts").is_empty());
    assert_eq!(
        Call::get(page, list)
            .with_password("cam", PASSWORD)
            .send()
            .status,
        200
    );
    assert_eq!(api.list("penalties"), Vec::<Value>::new());
}
