//! The rules for every request.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::{Call, hub, page};
use crate::harness::{DEADLINE, Hub};

#[test]
fn the_page_is_sent_with_strict_headers_and_only_when_it_has_changed() {
    let (_hub, page) = hub(&[], &[]);
    let first = Call::get(page, "/").send();
    assert_eq!(first.status, 200);
    assert_eq!(first.header("content-type"), "text/html; charset=utf-8");
    assert!(first.text().contains("fleetlink"));
    let policy = first.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(first.header("x-content-type-options"), "nosniff");
    assert_eq!(first.header("referrer-policy"), "no-referrer");
    let tag = first.header("etag").to_owned();
    let again = Call::get(page, "/index.html").header("if-none-match", &tag);
    let again = again.send();
    assert_eq!((again.status, again.body.len()), (304, 0));
    let head = Call::new(page, "HEAD", "/").send();
    assert_eq!((head.status, head.header("etag")), (200, tag.as_str()));
    let packed = Call::get(page, "/api/v1/openapi.json").header("accept-encoding", "gzip");
    assert_eq!(packed.send().header("content-encoding"), "gzip");
}

#[test]
fn every_error_is_a_problem_document_with_the_same_headers() {
    let (_hub, page) = hub(&["cam"], &[]);
    for (method, path, status, code) in [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("POST", "/", 405, "method_not_allowed"),
        ("POST", "/healthz", 405, "method_not_allowed"),
        ("GET", "/api/v1/devices/cam/data", 401, "login_needed"),
    ] {
        let reply = Call::new(page, method, path).send();
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (status, code),
            "{path}"
        );
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert!(reply.header("content-security-policy").contains("'none'"));
    }
    for (path, code) in [
        ("/api/v1/devices/.cam/data", "invalid_params"),
        ("/api/v1/devices/%ff/data", "invalid_params"),
        ("/api/v1/devices/cam/data?after=..", "invalid_params"),
        ("/api/v1/devices/cam/data?after=1&after=2", "invalid_params"),
    ] {
        let reply = Call::get(page, path).by("cam").send();
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (400, code),
            "{path}"
        );
    }
}

#[test]
fn a_name_that_points_to_the_hub_without_its_knowledge_is_refused() {
    let (_hub, page) = hub(&[], &["--http-host", "hub.example.org"]);
    let ask = |host: &str| Call::get(page, "/").header("host", host).send();
    for host in ["localhost:7480", "127.0.0.1", "hub.example.org:80"] {
        assert_eq!(ask(host).status, 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example:7480"] {
        let reply = ask(host);
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (421, "wrong_host")
        );
    }
}

#[test]
fn behind_a_proxy_its_word_about_the_client_is_taken_and_nobody_elses() {
    let options = ["--http", "0.0.0.0:0", "--http-proxy", "127.0.0.2"];
    let hub = Hub::start_with(&["cam"], &options);
    let mut address = page(&hub);
    address.set_ip([127, 0, 0, 1].into());
    let list = || Call::get(address, "/api/v1/devices/cam/data").by("cam");
    let told = |call: Call, scheme: &str| {
        call.from("127.0.0.2")
            .header("x-forwarded-for", "192.0.2.7")
            .header("x-forwarded-proto", scheme)
            .send()
    };
    assert_eq!(told(list(), "https").status, 200);
    let plain = told(list(), "http");
    assert_eq!(
        (plain.status, plain.problem().as_str()),
        (403, "not_allowed")
    );
    // Somebody else who says so is on this machine all the same.
    let forged = list().header("x-forwarded-for", "192.0.2.7").send();
    assert_eq!(forged.status, 200);
}

#[test]
fn a_client_network_has_half_of_the_connections_and_others_still_come() {
    let (hub, descriptors) = (Hub::start_with_descriptors, 200);
    let hub = hub(descriptors, &[], &["--http", "127.0.0.1:0"]);
    let page = page(&hub);
    let mut held = Vec::new();
    for _ in 0..descriptors {
        let mut stream = TcpStream::connect(page).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        // Answered, or closed because there are too many.
        let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut first = [0; 1];
        match asked.and_then(|()| stream.read_exact(&mut first)) {
            Ok(()) => held.push(stream),
            Err(_) => break,
        }
    }
    assert!(!held.is_empty() && held.len() < 100, "{}", held.len());
    let other = Call::get(page, "/healthz").from("127.0.0.2").send();
    assert_eq!(other.status, 200);
    drop(held.pop());
    crate::harness::eventually("there is room again", || {
        Call::get(page, "/healthz").try_send().is_ok()
    });
}

#[test]
fn a_page_of_another_port_changes_nothing_by_a_password_that_a_browser_knows() {
    let (_hub, page) = hub(&["cam"], &[]);
    let file = "/api/v1/devices/cam/data/1";
    let post = || Call::new(page, "POST", file).by("cam").body("1\n");
    let foreign = format!("http://127.0.0.1:{}", page.port() ^ 1);
    for (name, value) in [
        ("origin", foreign.as_str()),
        ("origin", "null"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let refused = post().header(name, value).send();
        let found = (refused.status, refused.problem());
        assert_eq!(found, (403, "not_allowed".to_owned()), "{name}: {value}");
        let delete = Call::new(page, "DELETE", file)
            .by("cam")
            .header(name, value);
        assert_eq!(delete.send().status, 403, "{name}: {value}");
    }
    assert_eq!(Call::get(page, file).by("cam").send().status, 404);
    let own = format!("http://{page}");
    assert_eq!(post().header("origin", &own).send().status, 201);
    assert_eq!(post().send().status, 201, "no browser");
    let read = Call::get(page, file).by("cam").header("origin", &foreign);
    assert_eq!(read.send().status, 200);
}
