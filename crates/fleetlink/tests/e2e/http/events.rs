//! The live events over real connections.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use serde_json::{Value, json};

use super::client::Follow;
use super::people::{cookie, log_in};
use super::tls::write_certificate;
use super::{Call, hub, page};
use crate::harness::{DEADLINE, Hub, PASSWORD, eventually, fleetlink, run};

const EVENTS: &str = "/api/v1/events";

/// An event as a reader sees it.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) kind: String,
    id: String,
    pub(super) data: Value,
}

/// A stream of events that is read.
pub(super) struct Stream {
    follow: Follow,
    read: usize,
    /// The id that a reader which comes back shows.
    last_id: String,
}

impl Stream {
    /// Opens it, and waits until the hub has begun it.
    #[track_caller]
    fn open(call: Call) -> Self {
        let follow = call.follow();
        assert_eq!(follow.status, 200);
        assert_eq!(follow.headers["content-type"], "text/event-stream");
        assert_eq!(follow.headers["cache-control"], "no-store");
        assert!(follow.headers.get("content-encoding").is_none());
        let mut stream = Stream {
            follow,
            read: 0,
            last_id: String::new(),
        };
        let block = stream.block().unwrap();
        assert!(block.starts_with(": fleetlink\nid: "), "{block}");
        stream
    }

    #[track_caller]
    pub(super) fn by(page: SocketAddr, token: &str) -> Self {
        Stream::open(Call::get(page, EVENTS).bearer(token))
    }

    /// The next event or comment; `None` at the end.
    #[track_caller]
    fn block(&mut self) -> Option<String> {
        loop {
            let rest = &self.follow.came[self.read..];
            if let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
                let block = String::from_utf8(rest[..end].to_vec()).unwrap();
                self.read += end + 2;
                let mut ids = block.lines().filter_map(|line| line.strip_prefix("id: "));
                self.last_id = ids.next_back().unwrap_or(&self.last_id).to_owned();
                return Some(block);
            }
            if !self.follow.more() {
                return None;
            }
        }
    }

    /// The next event; `None` at the end.
    #[track_caller]
    fn try_next(&mut self) -> Option<Event> {
        loop {
            let block = self.block()?;
            let member = |name: &str| {
                let mut lines = block.lines();
                let found = lines.find_map(|line| line.strip_prefix(name));
                found.map(str::to_owned)
            };
            if let Some(kind) = member("event: ") {
                return Some(Event {
                    kind,
                    id: member("id: ").unwrap(),
                    data: serde_json::from_str(&member("data: ").unwrap()).unwrap(),
                });
            }
        }
    }

    #[track_caller]
    pub(super) fn next(&mut self) -> Event {
        self.try_next().expect("the stream goes on")
    }

    /// The next event, which is of this kind; its data without the time.
    #[track_caller]
    fn expect(&mut self, kind: &str) -> Value {
        let mut event = self.next();
        assert_eq!(event.kind, kind, "{event:?}");
        let members = event.data.as_object_mut().unwrap();
        assert!(members.remove("at").is_some_and(|at| at.is_string()));
        event.data
    }
}

#[track_caller]
fn upload(page: SocketAddr, method: &str, file: &str, text: &str) {
    let path = format!("/api/v1/devices/cam/data/{file}");
    let call = Call::new(page, method, &path).by("cam");
    let reply = call.body(text.to_owned()).send();
    assert!(reply.status < 300, "{}", reply.text());
}

#[test]
fn what_happens_at_the_hub_is_told_as_it_happens() {
    let (hub, page) = hub(&["cam"], &["--max-attempts", "1"]);
    let token = hub.token("administrator");
    let mut stream = Stream::by(page, &token);
    let mut shell = hub.join("cam");
    let enrolled = json!({"device": "cam", "change": "key_enrolled"});
    assert_eq!(stream.expect("account"), enrolled);
    assert_eq!(
        stream.expect("joined"),
        json!({"device": "cam", "address": "127.0.0.1"})
    );
    upload(page, "PUT", "t", "1600000000,1\n1600000001,2.50\n");
    let told = stream.expect("uploaded");
    assert_eq!(
        (&told["device"], &told["file"], &told["samples"]),
        (&json!("cam"), &json!("t"), &json!(2))
    );
    assert_eq!(
        (&told["value"], &told["time"]),
        (&json!("2.5"), &json!("2020-09-13T12:26:41Z"))
    );
    upload(page, "POST", "t", "1600000002,-3\n");
    let told = stream.expect("samples");
    assert_eq!(
        (&told["samples"], &told["bytes"], &told["value"]),
        (&json!(1), &json!(14), &json!("-3"))
    );
    let file = "/api/v1/devices/cam/data/t";
    assert_eq!(Call::new(page, "DELETE", file).by("cam").send().status, 204);
    assert_eq!(
        stream.expect("deleted"),
        json!({"device": "cam", "file": "t"})
    );
    shell.close_input();
    assert!(shell.wait().is_some());
    assert_eq!(stream.expect("left"), json!({"device": "cam"}));

    Call::get(page, file).with_password("cam", "wrong").send();
    let mut locked = stream.expect("locked_out");
    assert!(locked["until"].take().is_string());
    assert_eq!(locked, json!({"device": "cam", "until": null}));
    let call = |method: &str, path: &str| {
        Call::new(page, method, &format!("/api/v1/{path}")).bearer(&token)
    };
    assert_eq!(call("DELETE", "lockouts/cam").send().status, 204);
    assert_eq!(stream.expect("unlocked"), json!({"device": "cam"}));

    let ana = json!({ "name": "ana", "role": "viewer", "password": "secret" });
    assert_eq!(call("POST", "logins").json(&ana).send().status, 204);
    assert_eq!(
        stream.expect("login"),
        json!({"name": "ana", "change": "added"})
    );
    log_in(page, &json!({ "name": "ana", "password": "wrong" }));
    assert_eq!(stream.expect("locked_out")["device"], "login/ana");
    assert_eq!(call("DELETE", "lockouts/login%2Fana").send().status, 204);
    assert_eq!(stream.expect("unlocked"), json!({"device": "login/ana"}));
    let order = json!({ "name": "t", "role": "viewer" });
    assert_eq!(call("POST", "tokens").json(&order).send().status, 201);
    assert_eq!(stream.expect("token")["change"], "added");

    assert_eq!(call("DELETE", "devices/cam").send().status, 204);
    assert_eq!(
        stream.expect("account"),
        json!({"device": "cam", "change": "removed"})
    );
    assert_eq!(stream.expect("deleted"), json!({"device": "cam"}));
}

#[test]
fn a_ticket_that_is_used_is_told_with_its_device() {
    let (hub, page) = hub(&[], &[]);
    let token = hub.token("viewer");
    let mut stream = Stream::by(page, &token);
    let admin = hub.token("administrator");
    assert_eq!(stream.expect("token")["change"], "added");
    let issue = Call::new(page, "POST", "/api/v1/tickets").bearer(&admin);
    let issued = issue.json(&json!({ "name": "cam" })).send().json();
    let told = stream.expect("ticket");
    assert_eq!(
        told,
        json!({"number": issued["number"], "change": "issued", "device": null})
    );
    let folder = tempfile::tempdir().unwrap();
    let ticket = issued["ticket"].as_str().unwrap();
    let joined = run(fleetlink(folder.path()).args(["join", ticket]), "OUT\n");
    assert_eq!(joined.code, Some(0), "{joined:?}");
    let mut told = Vec::new();
    while told.len() < 4 {
        let event = stream.next();
        told.push((event.kind, event.data["change"].clone()));
        assert_eq!(event.data["device"], "cam", "{told:?}");
    }
    let change = |kind: &str, change: Value| (kind.to_owned(), change);
    assert_eq!(
        told,
        [
            change("account", json!("added")),
            change("account", json!("key_enrolled")),
            change("ticket", json!("used")),
            change("joined", Value::Null),
        ]
    );
}

#[test]
fn a_reader_that_comes_back_gets_what_it_missed_and_one_of_another_hub_a_reset() {
    let (mut hub, page) = hub(&["cam"], &[]);
    let token = hub.token("viewer");
    let mut stream = Stream::by(page, &token);
    upload(page, "PUT", "1", "1\n");
    let seen = stream.next();
    drop(stream);
    let missed: Vec<String> = (2..5).map(|file| file.to_string()).collect();
    for file in &missed {
        upload(page, "PUT", file, "1\n");
    }
    let resume = |page, id: &str| {
        let call = Call::get(page, EVENTS).bearer(&token);
        Stream::open(call.header("last-event-id", id))
    };
    let mut stream = resume(page, &seen.id);
    let files: Vec<Value> = (2..5)
        .map(|_| stream.expect("uploaded")["file"].take())
        .collect();
    assert_eq!(json!(files), json!([2, 3, 4]));
    let (epoch, number) = stream.last_id.split_once('-').unwrap();
    let first = seen.id.split_once('-').unwrap().1;
    let counted = |text: &str| text.parse::<u64>().unwrap();
    assert_eq!(counted(number), counted(first) + 3);
    let last = stream.last_id.clone();

    let mut odd = ["17-1", "x", &format!("{epoch}-99")].map(|id| resume(page, id));
    for stream in &mut odd {
        let reset = stream.next();
        assert_eq!(
            (reset.kind.as_str(), &reset.id, &reset.data),
            ("reset", &last, &json!({}))
        );
    }
    upload(page, "PUT", "1", "1\n");
    for stream in &mut odd {
        assert_eq!(stream.next().kind, "uploaded", "told once");
    }

    hub.kill();
    hub.restart();
    let page = super::page(&hub);
    let mut stream = resume(page, &last);
    assert_eq!(stream.next().kind, "reset");
    assert_eq!(stream.last_id.split_once('-').unwrap().1, "0");
}

#[test]
fn a_stream_has_the_events_of_a_device_or_of_some_kinds() {
    let (hub, page) = hub(&["cam", "lamp"], &[]);
    let token = hub.token("viewer");
    let open =
        |query: &str| Stream::open(Call::get(page, &format!("{EVENTS}?{query}")).bearer(&token));
    let mut of_lamp = open("device=lamp");
    let mut uploads = open("types=uploaded,deleted");
    let mut both = open("device=cam&types=left");
    let shells = ["cam", "lamp"].map(|name| hub.join(name));
    upload(page, "PUT", "1", "1\n");
    for mut shell in shells {
        shell.close_input();
        shell.wait();
    }
    assert_eq!(of_lamp.next().kind, "account", "it has a key now");
    assert_eq!(of_lamp.next().kind, "joined");
    let left = of_lamp.next();
    assert_eq!(
        (left.kind.as_str(), &left.data["device"]),
        ("left", &json!("lamp"))
    );
    assert_eq!(uploads.expect("uploaded")["device"], "cam");
    assert_eq!(both.expect("left")["device"], "cam");
    for wrong in ["types=joined,lost", "types=", "device=a/b", "device="] {
        let path = format!("{EVENTS}?{wrong}");
        let refused = Call::get(page, &path).bearer(&token).send();
        assert_eq!(refused.status, 400, "{wrong}");
        assert_eq!(refused.problem(), "invalid_params", "{wrong}");
    }
}

#[test]
fn a_device_has_its_own_events_alone_and_a_stranger_none() {
    let (hub, page) = hub(&["cam", "lamp"], &[]);
    let mut own = Stream::open(Call::get(page, EVENTS).by("cam"));
    let of_device = hub.token("device=cam");
    let mut by_token = Stream::open(Call::get(page, EVENTS).bearer(&of_device));
    let other = format!("{EVENTS}?device=lamp");
    for call in [
        Call::get(page, &other).by("cam"),
        Call::get(page, &other).bearer(&of_device),
    ] {
        let refused = call.send();
        assert_eq!(
            (refused.status, refused.problem()),
            (403, "not_allowed".to_owned())
        );
    }
    assert_eq!(Call::get(page, EVENTS).send().status, 401);
    let mut lamp = hub.join("lamp");
    upload(page, "PUT", "1", "1\n");
    for stream in [&mut own, &mut by_token] {
        assert_eq!(stream.expect("uploaded")["device"], "cam");
    }
    lamp.close_input();
    lamp.wait();
}

#[test]
fn a_stream_ends_with_the_permission_to_follow() {
    let (hub, page) = hub(&["cam"], &[]);
    let token = hub.token("viewer");
    let admin = hub.token("administrator");
    let call = |method: &str, path: &str| {
        Call::new(page, method, &format!("/api/v1/{path}")).bearer(&admin)
    };
    let ends = |mut stream: Stream| while stream.try_next().is_some() {};
    let by_token = Stream::by(page, &token);
    let listed = call("GET", "tokens").send().json();
    let path = format!("tokens/{}", listed["items"][0]["id"].as_str().unwrap());
    assert_eq!(call("DELETE", &path).send().status, 204);
    ends(by_token);

    let ana = json!({ "name": "ana", "role": "viewer", "password": "secret" });
    call("POST", "logins").json(&ana).send();
    let session = || {
        cookie(&log_in(
            page,
            &json!({ "name": "ana", "password": "secret" }),
        ))
    };
    let with = |cookie: &str| Call::get(page, EVENTS).header("cookie", cookie);
    let logged_out = session();
    let by_session = Stream::open(with(&logged_out));
    let of_login = Stream::open(with(&session()));
    let leave = Call::new(page, "DELETE", "/api/v1/session").by_page(page, &logged_out);
    assert_eq!(leave.send().status, 204);
    ends(by_session);
    assert_eq!(call("DELETE", "logins/ana").send().status, 204);
    ends(of_login);

    let of_device = Stream::open(Call::get(page, EVENTS).by("cam"));
    let changed = json!({ "password": "another" });
    let reply = call("PUT", "accounts/cam/password").json(&changed).send();
    assert_eq!(reply.status, 204);
    ends(of_device);
}

#[test]
fn fast_samples_are_told_together_and_none_is_forgotten() {
    let (hub, page) = hub(&["cam"], &[]);
    let token = hub.token("viewer");
    let mut stream = Stream::by(page, &token);
    let appends = 60_u64;
    let began = Instant::now();
    for value in 1..=appends {
        upload(page, "POST", "t", &format!("{value}\n"));
    }
    let number = |id: &str| id.split_once('-').unwrap().1.parse::<u64>().unwrap();
    let mut before = number(&stream.last_id);
    let (mut samples, mut events, mut value) = (0, 0_u64, Value::Null);
    while samples < appends {
        let event = stream.next();
        assert_eq!(event.kind, "samples");
        samples += event.data["samples"].as_u64().unwrap();
        value = event.data["value"].clone();
        assert_eq!(number(&event.id), before + 1, "contiguous");
        (events, before) = (events + 1, before + 1);
    }
    assert_eq!((samples, value), (appends, json!(appends.to_string())));
    // The first one at once, then one each quarter of a second.
    let quarters = u64::try_from(began.elapsed().as_millis() / 250).unwrap();
    assert!(events <= quarters + 1, "{events} in {:?}", began.elapsed());
    // What waits is told before the file goes.
    upload(page, "POST", "t", "7\n");
    upload(page, "POST", "t", "8\n");
    let file = "/api/v1/devices/cam/data/t";
    assert_eq!(Call::new(page, "DELETE", file).by("cam").send().status, 204);
    let mut last = (0, String::new());
    loop {
        let event = stream.next();
        if event.kind == "deleted" {
            break;
        }
        last.0 += event.data["samples"].as_u64().unwrap();
        last.1 = event.data["value"].as_str().unwrap().to_owned();
    }
    assert_eq!(last, (2, "8".to_owned()));
}

#[test]
fn no_compression_holds_an_event_back_and_a_closing_hub_ends_the_stream() {
    let (mut hub, page) = hub(&["cam"], &[]);
    let token = hub.token("viewer");
    let call = Call::get(page, EVENTS).bearer(&token);
    let mut stream = Stream::open(call.header("accept-encoding", "gzip"));
    upload(page, "PUT", "1", "1\n");
    assert_eq!(stream.next().kind, "uploaded");
    let begun = Instant::now();
    hub.stop(rustix::process::Signal::TERM);
    while stream.try_next().is_some() {}
    assert!(begun.elapsed() < DEADLINE);
}

#[test]
fn events_come_over_tls_too() {
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name).display().to_string();
    let trusted = write_certificate(files.path(), &["localhost"]);
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let options = [
        "--http",
        "127.0.0.1:0",
        "--http-cert",
        &cert,
        "--http-key",
        &key,
    ];
    let hub = Hub::start_with(&["cam"], &options);
    let address = page(&hub);
    let call = |method: &str, path: &str| {
        let call = Call::new(address, method, path).by("cam");
        call.header("host", "localhost").over_tls(&trusted)
    };
    let mut stream = Stream::open(call("GET", EVENTS));
    let put = call("PUT", "/api/v1/devices/cam/data/1").body("1\n").send();
    assert_eq!(put.status, 201);
    assert_eq!(stream.next().kind, "uploaded");
}

#[test]
fn a_caller_has_so_many_streams_and_a_closed_one_makes_room() {
    let (hub, page) = hub(&["cam"], &[]);
    let token = hub.token("viewer");
    let mut streams = Vec::new();
    let refused = loop {
        // Raw, for a stream that is opened and not read.
        let mut stream = TcpStream::connect(page).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(
            stream,
            "GET {EVENTS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
        .unwrap();
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).unwrap();
        match &begun[9..] {
            b"200" => streams.push(stream),
            _ => break String::from_utf8(begun.to_vec()).unwrap(),
        }
    };
    assert_eq!(refused, "HTTP/1.1 503");
    assert_eq!(streams.len(), 64);
    assert_eq!(
        Call::get(page, EVENTS).bearer(&token).send().problem(),
        "busy"
    );
    // Another caller has its own.
    drop(Stream::open(
        Call::get(page, EVENTS).with_password("cam", PASSWORD),
    ));
    streams.pop();
    eventually("there is room again", || {
        Call::get(page, EVENTS).bearer(&token).follow().status == 200
    });
}
