//! The settings file of a hub.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Hub, eventually, fleetlink, run};
use crate::http::{Call, page};
use crate::logs::hang_up;

const FILE: &str = "fleetlink.toml";

#[test]
fn a_hub_takes_its_settings_from_the_file_and_options_go_before_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    let file = folder.path().join("data").join(FILE);
    fs::write(&file, "# ours\nmax-attempts = 1\nkeep-alive = \"5s\"\n").unwrap();
    let shown = |more: &[&str]| {
        let mut command = fleetlink(folder.path());
        command.env("FLEETLINK_HTTP", "off");
        command.args(["config", "show", "--data", "data", "--json"]);
        let finished = run(command.args(more), "");
        assert_eq!(finished.code, Some(0), "{finished:?}");
        serde_json::from_str::<Value>(&finished.stdout).unwrap()
    };
    let find = |shown: &Value, key: &str| {
        let mut settings = shown["settings"].as_array().unwrap().iter();
        settings
            .find(|setting| setting["key"] == key)
            .unwrap()
            .clone()
    };
    let all = shown(&["--", "--keep-alive", "7s"]);
    assert_eq!(
        find(&all, "keep-alive")["origin"],
        json!({ "kind": "flag" })
    );
    assert_eq!(find(&all, "keep-alive")["value"], "7s");
    let attempts = find(&all, "max-attempts");
    assert_eq!(
        (&attempts["value"], &attempts["origin"]["line"]),
        (&json!("1"), &json!(2))
    );
    let of_environment = json!({ "kind": "environment", "name": "FLEETLINK_HTTP" });
    assert_eq!(find(&all, "http")["origin"], of_environment);
    assert_eq!(
        find(&all, "upload-idle")["origin"],
        json!({ "kind": "default" })
    );
    assert_eq!(find(&all, "data-age")["value"], "never");

    // A mistake ends a hub before it has begun, and is found without one.
    fs::write(&file, "keep_alive = \"5s\"\n").unwrap();
    for words in [
        &["hub", "--http", "off", "--listen", "127.0.0.1:0"][..],
        &["config", "check"],
    ] {
        let mut command = fleetlink(folder.path());
        let finished = run(command.args(words).args(["--data", "data"]), "");
        assert_eq!(finished.code, Some(2), "{finished:?}");
        let expected = "fleetlink.toml:1: keep_alive is unknown; keep-alive is the nearest key";
        assert!(finished.stderr.contains(expected), "{finished:?}");
    }
}

#[test]
fn sighup_sets_what_it_can_and_names_what_needs_a_restart() {
    let hub = Hub::start_with_errors_kept(&["cam"], &["--http", "127.0.0.1:0"]);
    let door = page(&hub);
    let said = || fs::read_to_string(hub.folder().join("log.txt")).unwrap();
    let hears = |what: &str| eventually(what, || said().contains(what));
    let file = hub.data().join(FILE);
    let list = "/api/v1/devices/cam/data";
    let wrong = || {
        Call::get(door, list)
            .with_password("cam", "wrong")
            .send()
            .status
    };
    assert_eq!(wrong(), 401);
    assert_eq!(Call::get(door, list).by("cam").send().status, 200);

    let text = "max-attempts = 1\nkeep-alive = \"3s\"\nlog = \"debug\"\ndata-age = \"90d\"\n";
    fs::write(&file, text).unwrap();
    hang_up(&hub);
    hears("set anew: log, max-attempts, data-age");
    hears("these settings need a restart of the hub: keep-alive");
    // The log tells more, and one wrong password locks out.
    assert_eq!(wrong(), 401);
    hears("answered by HTTP");
    assert_eq!(Call::get(door, list).by("cam").send().status, 429);

    // A file that is wrong changes nothing.
    fs::write(&file, "max-attempts = 5\nkeep-alive = 3\n").unwrap();
    hang_up(&hub);
    hears("the settings stay as they are: data/fleetlink.toml:2: keep-alive: invalid value");
    fs::write(&file, text).unwrap();
    let before = said().matches("need a restart").count();
    hang_up(&hub);
    eventually("the restart is asked for again", || {
        said().matches("need a restart").count() > before
    });
    assert_eq!(said().matches("set anew").count(), 1);
}
