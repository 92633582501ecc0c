//! `fleetlink demo --serve`: a live fleet that is whole, and gone when it ends.

use std::net::SocketAddr;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Shell, eventually, fleetlink};
use crate::http::Call;

/// The widest terminal that nobody has to scroll.
const WIDTH: usize = 60;

fn get(page: SocketAddr, cookie: &str, path: &str) -> Value {
    let reply = Call::get(page, path).header("cookie", cookie).send();
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.json()
}

#[test]
fn the_fleet_of_the_demo_measures_sends_fails_comes_back_and_leaves_nothing() {
    let (folder, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut command = fleetlink(folder.path());
    command
        .args(["demo", "--serve"])
        .env("TMPDIR", place.path())
        .stderr(Stdio::null());
    let mut demo = Shell::run(command);
    let before = demo.output.expect("http://");
    let page: SocketAddr = demo.output.expect("\n").trim().parse().unwrap();
    let more = demo.output.expect("#/login?token=");
    let token = demo.output.expect("\n");
    let end = demo.output.expect("removes its folder.\n");
    for line in before.lines().chain(more.lines()).chain(end.lines()) {
        assert!(line.chars().count() <= WIDTH, "{line}");
    }
    let entered = Call::new(page, "POST", "/api/v1/login");
    let entered = entered.header("content-type", "application/json");
    let entered = entered
        .body(json!({ "token": token.trim() }).to_string())
        .send();
    assert_eq!(entered.status, 200, "{}", entered.text());
    let cookie = entered
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();

    let devices = || {
        get(page, &cookie, "/api/v1/devices")["items"]
            .as_array()
            .unwrap()
            .clone()
    };
    let present = |name: &str| {
        let found = devices().into_iter().find(|device| device["name"] == name);
        found.unwrap()["present"] == true
    };
    eventually("five devices are there", || {
        devices().len() == 5 && devices().iter().all(|device| device["present"] == true)
    });
    let samples = || {
        let list = get(page, &cookie, "/api/v1/devices/greenhouse/data");
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file["samples"].as_u64().unwrap())
            .min()
    };
    eventually("a day has been measured", || samples() >= Some(1440));
    let first = samples();
    eventually("they measure on", || samples() > first);
    eventually("a file has arrived", || {
        get(page, &cookie, "/api/v1/transfers?state=finished")["items"] != json!([])
    });
    eventually("a device has failed", || !present("boiler"));
    eventually("it has come back", || present("boiler"));

    demo.signal(Signal::INT);
    assert_eq!(demo.wait(), Some(0));
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
