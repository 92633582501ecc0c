//! Data files over HTTP: listed, read, summed up and deleted.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::json;

use super::{Call, hub};
use crate::harness::DEADLINE;

const FILE: &str = "/api/v1/devices/cam/data/temperature";

fn put(page: SocketAddr, path: &str, text: &str) {
    let sent = Call::new(page, "PUT", path)
        .by("cam")
        .body(text.to_owned())
        .send();
    assert_eq!(sent.status, 201, "{}", sent.text());
}

fn get(page: SocketAddr, path: &str) -> super::client::Reply {
    Call::get(page, path).by("cam").send()
}

#[test]
fn a_data_file_is_saved_under_one_ending() {
    let (_hub, page) = hub(&["cam"], &[]);
    let file = "/api/v1/devices/cam/data/readings.txt";
    put(page, file, "1\n");
    for (form, name) in [
        ("", "cam-readings.txt"),
        ("?format=csv", "cam-readings.txt.csv"),
    ] {
        let reply = get(page, &format!("{file}{form}"));
        let expected = format!("attachment; filename=\"{name}\"");
        assert_eq!(reply.header("content-disposition"), expected);
    }
}

#[test]
fn a_data_file_is_sent_whole_in_ranges_and_in_other_forms() {
    let (_hub, page) = hub(&["cam"], &[]);
    put(page, FILE, "1600000000,1.5\n1600000001,-7");
    let more = Call::new(page, "POST", FILE)
        .by("cam")
        .body("1600000002,0.25\n");
    assert_eq!(more.send().status, 201);
    let whole = "1600000000,1.5\n1600000001,-7\n1600000002,0.25\n";
    let reply = get(page, FILE);
    assert_eq!((reply.status, reply.text().as_str()), (200, whole));
    assert_eq!(
        reply.header("content-disposition"),
        "attachment; filename=\"cam-temperature.txt\""
    );
    let tag = reply.header("etag").to_owned();
    let known = Call::get(page, FILE)
        .by("cam")
        .header("if-none-match", &tag)
        .send();
    assert_eq!((known.status, known.body.len()), (304, 0));
    let head = Call::new(page, "HEAD", FILE).by("cam").send();
    assert_eq!(head.header("content-length"), whole.len().to_string());
    assert_eq!(head.header("etag"), tag);

    // From every place to every place, over the joint of the two segments.
    for from in (0..whole.len()).step_by(7) {
        for last in (from..whole.len()).step_by(5) {
            let range = format!("bytes={from}-{last}");
            let part = Call::get(page, FILE)
                .by("cam")
                .header("range", &range)
                .send();
            assert_eq!(
                (part.status, part.text().as_str()),
                (206, &whole[from..=last])
            );
            let told = format!("bytes {from}-{last}/{}", whole.len());
            assert_eq!(part.header("content-range"), told);
        }
    }
    let behind = Call::get(page, FILE)
        .by("cam")
        .header("range", "bytes=999-")
        .send();
    assert_eq!(behind.status, 416);
    let told = format!("bytes */{}", whole.len());
    assert_eq!(behind.header("content-range"), told);
    let other = Call::get(page, FILE).by("cam").header("range", "bytes=0-1");
    let other = other.header("if-range", "\"v999\"").send();
    assert_eq!((other.status, other.body.len()), (200, whole.len()));

    let csv = get(page, &format!("{FILE}?format=csv"));
    assert_eq!(csv.text().lines().next(), Some("time,value"));
    let head = Call::new(page, "HEAD", &format!("{FILE}?format=csv")).by("cam");
    let head = head.send();
    for name in [
        "content-type",
        "content-disposition",
        "etag",
        "content-length",
    ] {
        assert_eq!(head.header(name), csv.header(name), "{name}");
    }
    assert_ne!(csv.header("etag"), tag);
    assert_eq!(csv.text().lines().nth(2), Some("2020-09-13T12:26:41Z,-7"));
    let lines = get(page, &format!("{FILE}?format=ndjson"));
    let last: serde_json::Value =
        serde_json::from_str(lines.text().lines().last().unwrap()).unwrap();
    assert_eq!(
        last,
        json!({"time": "2020-09-13T12:26:42Z", "value": "0.25"})
    );
    assert_eq!(get(page, &format!("{FILE}?format=xml")).status, 400);
}

#[test]
fn sums_are_exact_of_the_whole_and_of_every_stretch() {
    let (_hub, page) = hub(&["cam"], &[]);
    // Out of order, and a sum beyond 2^53.
    put(
        page,
        FILE,
        "1600000002,9007199254740993\n1600000000,1\n1600000001,0.5\n",
    );
    let summary = |query: &str| get(page, &format!("{FILE}/summary{query}"));
    assert_eq!(
        summary("").json(),
        json!({
            "count": 3, "sum": "9007199254740994.5", "mean": "3002399751580331.5",
            "min": "0.5", "max": "9007199254740993",
            "first": "2020-09-13T12:26:40Z", "last": "2020-09-13T12:26:42Z",
        })
    );
    let stretch = summary("?from=1600000000000&to=2020-09-13T12:26:42Z").json();
    assert_eq!(
        (&stretch["count"], &stretch["sum"]),
        (&json!(2), &json!("1.5"))
    );
    let none = summary("?from=2030-01-01T00:00:00Z").json();
    assert_eq!((&none["count"], &none["first"]), (&json!(0), &json!(null)));
    assert_eq!(summary("?from=yesterday").problem(), "invalid_params");
    assert_eq!(summary("?from=2&to=1").problem(), "invalid_params");

    let points = get(page, &format!("{FILE}/points?width=2")).json();
    assert_eq!(points["count"], json!([2, 1]));
    assert_eq!(points["t"], json!([1600000000000.0, 1600000002000.0]));
    assert_eq!(points["max"], json!([1.0, 9007199254740993.0]));
    assert_eq!(get(page, &format!("{FILE}/points?width=0")).status, 400);

    let plain = "/api/v1/devices/cam/data/7";
    put(page, plain, "5\n6\n7\n8\n");
    let stretch = get(page, &format!("{plain}/summary?from=1&to=3")).json();
    assert_eq!(
        (&stretch["sum"], &stretch["first"]),
        (&json!("13"), &json!(null))
    );
    let points = get(page, &format!("{plain}/points")).json();
    assert_eq!(points["t"], json!([0.0, 1.0, 2.0, 3.0]));
}

#[test]
fn a_list_has_pages_and_a_name_is_one_segment() {
    let (_hub, page) = hub(&["cam"], &[]);
    let list = "/api/v1/devices/cam/data";
    for name in ["a%2Fb", "2", "10"] {
        put(page, &format!("{list}/{name}"), "1\n2\n");
    }
    assert_eq!(get(page, &format!("{list}/a%2Fb")).text(), "1\n2\n");
    assert_eq!(get(page, &format!("{list}/a/b")).status, 404);
    assert_eq!(
        get(page, &format!("{list}/..%2Fx")).problem(),
        "invalid_params"
    );
    let mut names = Vec::new();
    let mut query = "?limit=1".to_owned();
    loop {
        let found = get(page, &format!("{list}{query}")).json();
        let items = found["items"].as_array().unwrap();
        names.extend(
            items
                .iter()
                .map(|item| item["name"].as_str().unwrap().to_owned()),
        );
        assert_eq!(items[0]["summary"]["sum"], "3");
        match found["next"].as_str() {
            Some(next) => query = format!("?limit=1&after={}", next.replace('/', "%2F")),
            None => break,
        }
    }
    assert_eq!(names, ["2", "10", "a/b"]);
    assert_eq!(get(page, &format!("{list}?limit=0")).status, 400);
}

#[test]
fn a_deletion_is_of_the_version_that_was_seen() {
    let (_hub, page) = hub(&["cam"], &[]);
    put(page, FILE, "1\n");
    let seen = get(page, FILE).header("etag").to_owned();
    put(page, FILE, "2\n");
    let delete = || Call::new(page, "DELETE", FILE).by("cam");
    let late = delete().header("if-match", &seen).send();
    assert_eq!((late.status, late.problem().as_str()), (412, "conflict"));
    let seen = get(page, FILE).header("etag").to_owned();
    assert_eq!(delete().header("if-match", &seen).send().status, 204);
    let gone = get(page, FILE);
    assert_eq!(
        (gone.status, gone.problem().as_str()),
        (404, "no_such_file")
    );
    assert_eq!(delete().send().problem(), "no_such_file");
    for path in ["summary", "points"] {
        assert_eq!(get(page, &format!("{FILE}/{path}")).status, 404);
    }
}

#[test]
fn no_device_touches_the_data_of_another() {
    let (_hub, page) = hub(&["cam", "other"], &[]);
    put(page, FILE, "1\n");
    for (method, path) in [
        ("GET", ""),
        ("PUT", ""),
        ("POST", ""),
        ("DELETE", ""),
        ("GET", "/summary"),
        ("GET", "/points"),
    ] {
        for path in [
            format!("{FILE}{path}"),
            format!("/api/v1/devices/nobody/data/1{path}"),
        ] {
            let reply = Call::new(page, method, &path)
                .by("other")
                .body("2\n")
                .send();
            assert_eq!(reply.status, 403, "{method} {path}");
            let nobody = Call::new(page, method, &path).body("2\n").send();
            assert_eq!(nobody.status, 401, "{method} {path}");
        }
    }
    assert_eq!(get(page, FILE).text(), "1\n");
}

#[test]
fn a_download_ends_with_the_permission_to_read() {
    let (hub, page) = hub(&["cam"], &[]);
    // More than the sockets between the hub and its client take.
    let lines = "123456789.123456789\n".repeat(1 << 20);
    put(page, FILE, &lines);
    let token = hub.token("viewer");
    let mut stream = TcpStream::connect(page).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(
        stream,
        "GET {FILE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    let listed = hub.operated(&["token", "list"], "");
    hub.operated(
        &["token", "revoke", &listed["tokens"][0]["id"].to_string()],
        "",
    );
    // The hub believes for a second what it has found out.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut rest);
    assert!(
        rest.len() < lines.len(),
        "{} of {}",
        rest.len(),
        lines.len()
    );
}
