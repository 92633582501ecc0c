//! People and programs: one-time links, logins with a password, tokens.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::client::Reply;
use super::{Call, hub};
use crate::harness::{Hub, eventually};

const SESSION: &str = "/api/v1/session";
const LIST: &str = "/api/v1/devices/cam/data";

impl Hub {
    /// The result of a command that succeeds, in JSON.
    #[track_caller]
    pub(super) fn operated(&self, words: &[&str], input: &str) -> Value {
        let more = [&words[1..], &["--json"]].concat();
        let finished = self.operate(words[0], &more, input);
        assert_eq!(finished.code, Some(0), "{words:?}: {finished:?}");
        serde_json::from_str(&finished.stdout).unwrap()
    }

    /// The secret of a new one-time link.
    #[track_caller]
    pub(super) fn link(&self) -> String {
        let link = self.operated(&["admin", "link"], "");
        let token = link["token"].as_str().unwrap();
        let url = link["link"].as_str().unwrap();
        assert!(url.ends_with(&format!("/#/login?token={token}")), "{url}");
        token.to_owned()
    }

    /// The text of a new token.
    #[track_caller]
    pub(super) fn token(&self, role: &str) -> String {
        let added = self.operated(&["token", "add", "script", "--role", role], "");
        added["token"].as_str().unwrap().to_owned()
    }
}

impl Call {
    /// With a token.
    pub(super) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// As the page makes it.
    pub(super) fn by_page(self, page: SocketAddr, cookie: &str) -> Self {
        self.header("cookie", cookie)
            .header("x-fleetlink", "1")
            .header("origin", &format!("http://{page}"))
    }

    pub(super) fn json(self, document: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(document.to_string())
    }
}

pub(super) fn log_in(page: SocketAddr, order: &Value) -> Reply {
    Call::new(page, "POST", "/api/v1/login").json(order).send()
}

/// The pair of the cookie that a reply sets.
#[track_caller]
pub(super) fn cookie(reply: &Reply) -> String {
    let set = reply.header("set-cookie");
    set.split(';').next().unwrap().to_owned()
}

/// The cookie of an administrator's session.
#[track_caller]
pub(super) fn administrator(hub: &Hub, page: SocketAddr) -> String {
    let reply = log_in(page, &json!({ "token": hub.link() }));
    assert_eq!(reply.status, 200, "{}", reply.text());
    cookie(&reply)
}

#[test]
fn a_one_time_link_opens_one_session_by_a_strict_cookie() {
    let (hub, page) = hub(&[], &[]);
    let link = hub.link();
    let reply = log_in(page, &json!({ "token": link }));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["role"], "administrator");
    let set = reply.header("set-cookie");
    assert!(
        set.starts_with(&format!("fleetlink-{}=fls_", page.port())),
        "{set}"
    );
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(set.contains(attribute), "{set}");
    }
    let again = log_in(page, &json!({ "token": link }));
    assert_eq!(again.status, 401, "{}", again.text());
    assert_eq!(again.header("set-cookie"), "");

    let cookie = cookie(&reply);
    let session = Call::get(page, SESSION).header("cookie", &cookie).send();
    assert_eq!(session.status, 200, "{}", session.text());
    assert_eq!(session.json()["role"], "administrator");
    assert!(session.json()["expires"].is_string());

    // Another site has the browser send the cookie, and nothing comes of it.
    let end = || Call::new(page, "DELETE", SESSION);
    let foreign = end().header("cookie", &cookie).header("x-fleetlink", "1");
    let foreign = foreign.header("origin", "http://evil.example").send();
    assert_eq!(foreign.status, 403);
    assert_eq!(end().header("cookie", &cookie).send().status, 403);
    assert_eq!(end().by_page(page, &cookie).send().status, 204);
    let ended = Call::get(page, SESSION).header("cookie", &cookie).send();
    assert_eq!(ended.status, 401);
}

#[test]
fn a_login_has_a_password_a_role_and_a_lock_out_of_its_own() {
    let (hub, page) = hub(&["ana"], &["--max-attempts", "2"]);
    let add = [
        "admin",
        "add",
        "ana",
        "--role",
        "viewer",
        "--password-stdin",
    ];
    hub.operated(&add, "secret\n");
    let twice = hub.operate(add[0], &add[1..], "secret\n");
    assert_ne!(twice.code, Some(0), "{twice:?}");
    let order = |password: &str| json!({ "name": "ana", "password": password });
    let reply = log_in(page, &order("secret"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["name"], "ana");
    assert_eq!(reply.json()["role"], "viewer");
    let session = cookie(&reply);
    let shown = |cookie: &str| {
        let reply = Call::get(page, SESSION).header("cookie", cookie).send();
        reply.status
    };
    assert_eq!(shown(&session), 200);

    for status in [401, 401, 429] {
        assert_eq!(log_in(page, &order("wrong")).status, status);
    }
    let device = Call::get(page, "/api/v1/devices/ana/data").by("ana").send();
    assert_eq!(
        device.status, 200,
        "the device of this name is not locked out"
    );

    hub.operated(&["admin", "passwd", "ana", "--password-stdin"], "other\n");
    assert_eq!(shown(&session), 401, "its password is another one");
    eventually("the lock-out is over", || {
        log_in(page, &order("other")).status == 200
    });
    let session = cookie(&log_in(page, &order("other")));
    hub.operated(&["admin", "remove", "ana"], "");
    assert_eq!(shown(&session), 401, "the login is gone");
    let listed = hub.operated(&["admin", "list"], "");
    assert_eq!(listed, json!({ "logins": [] }));
}

#[test]
fn a_token_admits_until_it_is_revoked_and_shows_its_last_use() {
    let (hub, page) = hub(&["cam", "other"], &[]);
    let device = hub.token("device=cam");
    let viewer = hub.token("viewer");
    let ask = |token: &str, path: &str| Call::get(page, path).bearer(token).send();
    assert_eq!(ask(&device, LIST).status, 200);
    assert_eq!(ask(&device, "/api/v1/devices/other/data").status, 403);
    let session = ask(&viewer, SESSION);
    assert_eq!(
        (session.status, &session.json()["role"]),
        (200, &json!("viewer"))
    );
    assert_eq!(session.json()["expires"], Value::Null);
    let listed = hub.operated(&["token", "list"], "");
    let tokens = listed["tokens"].as_array().unwrap().clone();
    assert_eq!(tokens.len(), 2);
    assert!(!listed.to_string().contains("flt_"), "{listed}");
    eventually("the last use is shown", || {
        let listed = hub.operated(&["token", "list"], "");
        listed["tokens"][0]["last_used"].is_string()
    });
    let number = tokens[0]["id"].to_string();
    hub.operated(&["token", "revoke", &number], "");
    assert_eq!(ask(&device, LIST).status, 401, "at once");
    assert_eq!(ask(&viewer, SESSION).status, 200);
    let again = hub.operate("token", &["revoke", &number], "");
    assert!(again.stderr.contains("there is no token"), "{again:?}");
    let ended = Call::new(page, "DELETE", SESSION).bearer(&viewer).send();
    assert_eq!(ended.status, 400, "a token is no session");
    for wrong in ["flt_", &"x".repeat(68), &format!("flt_{}", "0".repeat(64))] {
        assert_eq!(ask(wrong, SESSION).status, 401, "{wrong}");
    }
    // A link is no token.
    let link = hub.link();
    assert_eq!(ask(&link, SESSION).status, 401);
    let nobody = hub.operate("token", &["add", "x", "--role", "device=nobody"], "");
    assert!(nobody.stderr.contains("no account nobody"), "{nobody:?}");
}

#[test]
fn sessions_and_tokens_outlive_the_hub_and_are_managed_without_it() {
    let (mut hub, page) = hub(&["cam"], &[]);
    let cookie = administrator(&hub, page);
    let token = hub.token("viewer");
    hub.stop(rustix::process::Signal::TERM);
    // Beside no hub: at its store.
    let offline = hub.operated(
        &[
            "token",
            "add",
            "late",
            "--role",
            "viewer",
            "--expires",
            "90d",
        ],
        "",
    );
    assert!(offline["expires"].is_string(), "{offline}");
    let link = hub.operated(&["admin", "link"], "");
    hub.restart();
    let page = super::page(&hub);
    let shown = Call::get(page, SESSION).bearer(&token).send();
    assert_eq!(shown.status, 200, "{}", shown.text());
    let late = Call::get(page, SESSION).bearer(offline["token"].as_str().unwrap());
    assert_eq!(late.send().status, 200);
    // The port is another one, and so is the name of the cookie.
    let value = cookie.split_once('=').unwrap().1;
    let cookie = format!("fleetlink-{}={value}", page.port());
    let session = Call::get(page, SESSION).header("cookie", &cookie).send();
    assert_eq!(session.status, 200, "{}", session.text());
    let by_link = log_in(page, &json!({ "token": link["token"] }));
    assert_eq!(by_link.status, 200, "{}", by_link.text());
}

#[test]
fn the_operator_ends_sessions_of_the_page_beside_the_hub_and_without_it() {
    let (mut hub, page) = hub(&[], &[]);
    let add = ["admin", "add", "ana", "--password-stdin"];
    hub.operated(&add, "secret\n");
    let by_password = || {
        let reply = log_in(page, &json!({ "name": "ana", "password": "secret" }));
        assert_eq!(reply.status, 200, "{}", reply.text());
        cookie(&reply)
    };
    let shown = |cookie: &str| {
        let reply = Call::get(page, SESSION).header("cookie", cookie).send();
        reply.status
    };
    let (of_ana, of_link, unused) = (by_password(), administrator(&hub, page), hub.link());
    assert_eq!((shown(&of_ana), shown(&of_link)), (200, 200));
    hub.operated(&["admin", "logout", "ana"], "");
    assert_eq!((shown(&of_ana), shown(&of_link)), (401, 200));
    let of_ana = by_password();
    assert_eq!(shown(&of_ana), 200);
    hub.operated(&["admin", "logout", "--links"], "");
    assert_eq!((shown(&of_ana), shown(&of_link)), (200, 401));
    let late = log_in(page, &json!({ "token": unused }));
    assert_eq!(late.status, 401, "{}", late.text());
    let nobody = hub.operate("admin", &["logout", "nobody"], "");
    assert!(
        nobody.stderr.contains("there is no login nobody"),
        "{nobody:?}"
    );
    hub.output
        .clone()
        .expect("one-time links and the sessions that they opened were ended");

    // Beside no hub: at its store.
    let of_link = administrator(&hub, page);
    hub.stop(rustix::process::Signal::TERM);
    hub.operated(&["admin", "logout", "--all"], "");
    hub.restart();
    let page = super::page(&hub);
    for session in [of_ana, of_link] {
        let value = session.split_once('=').unwrap().1;
        let cookie = format!("fleetlink-{}={value}", page.port());
        let reply = Call::get(page, SESSION).header("cookie", &cookie).send();
        assert_eq!(reply.status, 401, "{}", reply.text());
    }
}

#[test]
fn the_first_start_tells_how_to_log_in_and_shows_a_link_where_it_was_asked_for() {
    let (hub, page) = hub(&[], &[]);
    hub.output
        .clone()
        .expect("log in to the page by a link: fleetlink admin link");
    drop(hub);
    let (hub, page_of_other) = super::hub(&[], &["--print-login"]);
    let mut output = hub.output.clone();
    output.expect(&format!("http://{page_of_other}/#/login?token="));
    let token = output.expect("\n");
    assert_ne!(page, page_of_other);
    let reply = log_in(page_of_other, &json!({ "token": token.trim() }));
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[test]
fn an_order_to_log_in_that_makes_no_sense_is_refused() {
    let (_hub, page) = hub(&[], &[]);
    for order in [
        json!({}),
        json!({ "token": "x" }),
        json!({ "name": "ana" }),
        json!({ "token": "x", "name": "ana", "password": "y" }),
        json!([1]),
    ] {
        let reply = log_in(page, &order);
        assert!(
            matches!(reply.status, 400 | 422),
            "{order}: {}",
            reply.text()
        );
        reply.problem();
    }
    let foreign = Call::new(page, "POST", "/api/v1/login")
        .json(&json!({ "token": "x" }))
        .header("origin", "http://evil.example");
    assert_eq!(foreign.send().status, 403);
}
