//! Uploads over HTTP.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use super::{Call, hub};
use crate::harness::{DEADLINE, PASSWORD, eventually};

const FILE: &str = "/api/v1/devices/cam/data/1";

fn put(page: SocketAddr, text: impl Into<Vec<u8>>) -> Call {
    Call::new(page, "PUT", FILE).by("cam").body(text.into())
}

fn content(page: SocketAddr) -> String {
    Call::get(page, FILE).by("cam").send().text()
}

#[test]
fn an_upload_has_one_effect_under_its_key() {
    let (_hub, page) = hub(&["cam"], &[]);
    let append = || {
        let call = Call::new(page, "POST", FILE).by("cam").body("1\n2\n");
        call.header("idempotency-key", "monday")
    };
    let first = append().send();
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(first.json()["summary"]["sum"], "3");
    let again = append().send();
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["version"], first.json()["version"]);
    assert_eq!(content(page), "1\n2\n");
    let other = put(page, "5\n").header("idempotency-key", "monday").send();
    assert_eq!((other.status, other.problem().as_str()), (409, "conflict"));
}

#[test]
fn a_wrong_line_is_named_and_changes_nothing_however_much_follows_it() {
    let (_hub, page) = hub(&["cam"], &[]);
    assert_eq!(put(page, "7\n").send().status, 201);
    let mut lines = "1\n2\nthree\n".to_owned();
    for follows in [0, 8 << 20] {
        lines.push_str(&"4\n".repeat(follows / 2));
        let reply = put(page, lines.clone()).send();
        assert_eq!((reply.status, reply.problem().as_str()), (422, "bad_line"));
        assert_eq!(reply.json()["line"], 3);
    }
    assert_eq!(content(page), "7\n");
}

/// Sends the head of an upload and the beginning of its body.
fn begin(page: SocketAddr, key: &str, whole: usize, sent: &str) -> TcpStream {
    let shown = data_encoding::BASE64.encode(format!("cam:{PASSWORD}").as_bytes());
    let mut stream = TcpStream::connect(page).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(
        stream,
        "PUT {FILE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {shown}\r\n\
         Idempotency-Key: {key}\r\nContent-Length: {whole}\r\n\r\n{sent}"
    )
    .unwrap();
    stream
}

#[test]
fn an_upload_that_breaks_off_goes_on_where_it_ended() {
    let (_hub, page) = hub(&["cam"], &[]);
    let lines: String = (0..60_000).map(|number| format!("{number}\n")).collect();
    let half = lines.len() / 2;
    let offset = |key: &str| {
        let call = Call::new(page, "HEAD", &format!("{FILE}?upload={key}"));
        let told = call.by("cam").send();
        told.header("upload-offset").parse::<usize>().unwrap_or(0)
    };
    for (key, resends) in [("left-out", false), ("sent-again", true)] {
        drop(begin(page, key, lines.len(), &lines[..half]));
        // To the last byte: the hub keeps all that came.
        eventually("all that was sent is kept", || offset(key) == half);
        let foreign = format!("9{}", &lines[1..]);
        let foreign = put(page, foreign).header("idempotency-key", key).send();
        assert_eq!(
            (foreign.status, foreign.problem().as_str()),
            (409, "conflict")
        );
        let wrong = put(page, &lines[1..]).header("idempotency-key", key);
        let wrong = wrong.header("upload-offset", "1").send();
        assert_eq!((wrong.status, wrong.problem().as_str()), (409, "conflict"));
        assert_eq!(offset(key), half, "it is kept still");
        let rest = match resends {
            true => put(page, lines.clone()),
            false => put(page, &lines[half..]).header("upload-offset", &half.to_string()),
        };
        let done = rest.header("idempotency-key", key).send();
        assert_eq!(done.status, 201, "{}", done.text());
        assert_eq!(done.json()["samples"], 60_000);
        assert_eq!(content(page), lines);
        assert_eq!(offset(key), 0, "nothing is left");
    }
}

#[test]
fn a_request_that_stalls_while_it_sends_again_gives_its_upload_to_the_next() {
    let (_hub, page) = hub(&["cam"], &[]);
    let lines: String = (0..60_000).map(|number| format!("{number}\n")).collect();
    let half = lines.len() / 2;
    drop(begin(page, "key", lines.len(), &lines[..half]));
    eventually("all that was sent is kept", || {
        let call = Call::new(page, "HEAD", &format!("{FILE}?upload=key"));
        call.by("cam").send().header("upload-offset") == half.to_string()
    });
    let shown = data_encoding::BASE64.encode(format!("cam:{PASSWORD}").as_bytes());
    let mut stalled = TcpStream::connect(page).unwrap();
    stalled.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(
        stalled,
        "PUT {FILE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {shown}\r\n\
         Idempotency-Key: key\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        lines.len()
    )
    .unwrap();
    // The hub says so when it reads the body.
    let mut go_on = [0; 25];
    stalled.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stalled.write_all(&lines.as_bytes()[..1000]).unwrap();

    let rest = put(page, &lines[half..]).header("upload-offset", &half.to_string());
    let done = rest.header("idempotency-key", "key").send();
    assert_eq!(done.status, 201, "{}", done.text());
    assert_eq!(content(page), lines);
    // It was told so, and has not run out of patience.
    let mut refused = [0; 12];
    stalled.read_exact(&mut refused).unwrap();
    assert_eq!(&refused, b"HTTP/1.1 409");
}

#[test]
fn a_device_has_few_uploads_at_once_and_one_that_breaks_off_makes_room() {
    let (_hub, page) = hub(&["cam", "other"], &[]);
    let mut open: Vec<TcpStream> = Vec::new();
    let other = "/api/v1/devices/other/data/1";
    let is_full = || {
        let reply = put(page, "1\n").send();
        assert!(matches!(reply.status, 201 | 503), "{}", reply.text());
        reply.status == 503
    };
    for number in 0..8 {
        assert!(!is_full());
        open.push(begin(page, &format!("key-{number}"), 10, "1\n"));
        // It has a slot when its share of the body has been read or the next one is refused.
        std::thread::yield_now();
    }
    eventually("the device has all its uploads", is_full);
    let refused = put(page, "1\n").send();
    assert_eq!(refused.problem(), "busy");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    let others = Call::new(page, "PUT", other).by("other").body("1\n").send();
    assert_eq!(others.status, 201);
    drop(open.pop());
    eventually("there is room again", || !is_full());
}

#[test]
fn a_hub_that_ends_finishes_what_was_sent() {
    let (mut hub, page) = hub(&["cam"], &[]);
    let mut stream = begin(page, "last", 4, "1\n2");
    std::thread::yield_now();
    stream.write_all(b"\n").unwrap();
    let mut reply = [0; 12];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"HTTP/1.1 201");
    assert_eq!(hub.stop(rustix::process::Signal::TERM), Some(0));
}

#[test]
fn curl_uploads_and_downloads_without_further_ado() {
    if Command::new("curl").arg("--version").output().is_err() {
        return fleetlink_testkit::skip("there is no curl");
    }
    let (_hub, page) = hub(&["cam"], &[]);
    let folder = tempfile::tempdir().unwrap();
    let readings = folder.path().join("readings.txt");
    let lines: String = (0..400_000).map(|number| format!("{number}\n")).collect();
    fs::write(&readings, &lines).unwrap();
    let curl = |arguments: &[&str]| {
        let output = Command::new("curl")
            .args([
                "-sS",
                "-u",
                &format!("cam:{PASSWORD}"),
                "-w",
                "%{http_code}",
            ])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let url = format!("http://{page}/api/v1/devices/cam/data/");
    let path = readings.display().to_string();
    // A URL that ends with a slash gets the file's name.
    let sent = curl(&["-T", &path, &url]);
    assert!(sent.ends_with("201"), "{sent}");
    let got = curl(&[&format!("{url}readings.txt")]);
    assert_eq!(got, format!("{lines}200"));
    fs::write(&readings, format!("x\n{lines}{lines}")).unwrap();
    let refused = curl(&["-T", &path, &url]);
    assert!(
        refused.contains("\"line\":1") && refused.ends_with("422"),
        "{refused}"
    );
}

#[test]
fn a_part_of_a_file_is_not_taken_for_the_whole() {
    let (_hub, page) = hub(&["cam"], &[]);
    assert_eq!(put(page, "1\n2\n").send().status, 201);
    for method in ["PUT", "POST"] {
        let part = Call::new(page, method, FILE).by("cam").body("2\n");
        let part = part.header("content-range", "bytes 2-3/4").send();
        let found = (part.status, part.problem());
        assert_eq!(found, (400, "invalid_params".to_owned()), "{method}");
    }
    assert_eq!(content(page), "1\n2\n");
}

#[test]
fn an_upload_changes_the_version_that_is_meant_or_nothing() {
    let (_hub, page) = hub(&["cam"], &[]);
    let tag = || {
        Call::get(page, FILE)
            .by("cam")
            .send()
            .header("etag")
            .to_owned()
    };
    let refused = |call: Call| {
        let reply = call.send();
        let found = (reply.status, reply.problem());
        assert_eq!(found, (412, "conflict".to_owned()));
    };
    refused(put(page, "1\n").header("if-match", "*"));
    let first = || put(page, "1\n").header("if-none-match", "*");
    assert_eq!(first().send().status, 201);
    refused(first());
    let seen = tag();
    assert_eq!(
        put(page, "2\n").header("if-match", &seen).send().status,
        201
    );
    for method in ["PUT", "POST"] {
        let late = Call::new(page, method, FILE).by("cam").body("3\n");
        refused(late.header("if-match", &seen));
    }
    assert_eq!(content(page), "2\n");
    let more = Call::new(page, "POST", FILE).by("cam").body("3\n");
    let more = more.header("idempotency-key", "more");
    let more = more.header("if-match", &tag());
    assert_eq!(more.clone().send().status, 201);
    // It has been done, though the version is another one since.
    assert_eq!(more.send().status, 200);
    assert_eq!(content(page), "2\n3\n");
}

#[test]
fn of_two_uploads_for_one_version_one_is_committed() {
    let (_hub, page) = hub(&["cam"], &[]);
    for _ in 0..8 {
        assert_eq!(put(page, "0\n").send().status, 201);
        let seen = Call::get(page, FILE)
            .by("cam")
            .send()
            .header("etag")
            .to_owned();
        let sending = [1, 2, 3].map(|number| {
            let call = put(page, format!("{number}\n")).header("if-match", &seen);
            std::thread::spawn(move || call.send().status)
        });
        let mut found = sending.map(|sent| sent.join().unwrap());
        found.sort_unstable();
        assert_eq!(found, [201, 412, 412]);
    }
}

/// Sends a whole request before it reads the reply, as simple clients do; the status of the reply.
fn send_first(page: SocketAddr, lines: &str, body: usize) -> String {
    let mut stream = TcpStream::connect(page).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(
        stream,
        "PUT {FILE} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: {body}\r\n\r\n"
    )
    .unwrap();
    stream
        .write_all(&"1\n".repeat(body / 2).into_bytes())
        .unwrap();
    let mut reply = [0; 12];
    stream.read_exact(&mut reply).unwrap();
    String::from_utf8_lossy(&reply).into_owned()
}

#[test]
fn whoever_sends_a_long_body_in_vain_sees_why() {
    const LONG: usize = 8 << 20;
    let (_hub, page) = hub(&["cam", "other"], &[]);
    let by = |name: &str, password: &str| {
        let shown = data_encoding::BASE64.encode(format!("{name}:{password}").as_bytes());
        format!("Authorization: Basic {shown}\r\n")
    };
    let own = by("cam", PASSWORD);
    for (lines, status) in [
        (String::new(), "401"),
        (by("cam", "wrong"), "401"),
        (by("other", PASSWORD), "403"),
        (format!("{own}If-Match: *\r\n"), "412"),
        (format!("{own}Idempotency-Key: x\r\n"), "201"),
        // Done before: the body is not looked at.
        (format!("{own}Idempotency-Key: x\r\n"), "200"),
    ] {
        let reply = send_first(page, &lines, LONG);
        assert_eq!(reply, format!("HTTP/1.1 {status}"), "{lines}");
    }
}
