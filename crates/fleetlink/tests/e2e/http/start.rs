//! The address of the page at the start of a hub.

use std::net::TcpListener;
use std::process::Stdio;

use super::{Call, hub};
use crate::harness::{Output, fleetlink, run};

#[test]
fn a_hub_whose_default_port_is_taken_warns_and_has_no_page() {
    // Where this fails somebody else has it, which is as good.
    let _taken = TcpListener::bind("127.0.0.1:7480");
    let folder = tempfile::tempdir().unwrap();
    let mut command = fleetlink(folder.path());
    command
        .env_remove("FLEETLINK_HTTP")
        .args(["hub", "--listen", "127.0.0.1:0", "--data", "data"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut told = Output::of(child.stderr.take().unwrap());
    told.expect("127.0.0.1:7480 cannot be listened on");
    told.expect("--http off");
    let mut output = Output::of(child.stdout.take().unwrap());
    let before = output.expect("devices join with");
    assert!(!before.contains("page at"), "{before}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_page_that_was_asked_for_and_cannot_be_is_an_error_and_nothing_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    for (options, words) in [
        (&["--http", &taken][..], "cannot listen on"),
        (&["--http", "0.0.0.0:0"], "--http-cert"),
        (&["--http", "[::]:0"], "--http-proxy"),
        (
            &[
                "--http",
                "127.0.0.1:0",
                "--http-cert",
                "no.pem",
                "--http-key",
                "no.pem",
            ],
            "no.pem",
        ),
    ] {
        let mut command = fleetlink(folder.path());
        command.args(["hub", "--listen", "127.0.0.1:0", "--data", "data"]);
        let finished = run(command.args(options), "");
        assert_ne!(finished.code, Some(0), "{options:?}");
        assert!(finished.stderr.contains(words), "{finished:?}");
        assert!(!folder.path().join("data").exists(), "{options:?}");
    }
}

#[test]
fn a_program_is_told_the_address_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = fleetlink(folder.path());
    command
        .args(["hub", "--listen", "127.0.0.1:0", "--data", "data"])
        .args(["--http", "127.0.0.1:0", "--event-format", "json"])
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut output = Output::of(child.stdout.take().unwrap());
    let line = output.expect("\n");
    let started: serde_json::Value = serde_json::from_str(&line).unwrap();
    let page = started["page"].as_str().unwrap();
    let address = page.strip_prefix("http://").unwrap().parse().unwrap();
    assert_eq!(Call::get(address, "/healthz").send().text(), "ok");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_hub_says_that_it_runs_and_that_it_is_ready() {
    let (_hub, page) = hub(&[], &[]);
    for path in ["/healthz", "/readyz"] {
        let reply = Call::get(page, path).send();
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
    }
}
