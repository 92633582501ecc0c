//! The operator's view of uploads that are not finished.

use std::fs;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::Hub;

const KEY: &str = "0123456789abcdef0123456789abcdef";
/// Of an upload behind it in the list.
const LATER: &str = "f123456789abcdef0123456789abcdef";

fn listed(hub: &Hub) -> Value {
    let finished = hub.operate("upload", &["list", "--json"], "");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    serde_json::from_str(&finished.stdout).unwrap()
}

#[test]
fn interrupted_uploads_are_shown_until_they_are_too_old() {
    let mut hub = Hub::start(&["cam"]);
    assert_eq!(listed(&hub)["uploads"].as_array().unwrap().len(), 0);
    hub.stop(Signal::TERM);
    let partial = hub.data().join(format!("partial/{KEY}-cam.part"));
    fs::write(&partial, "1\n".repeat(50_000)).unwrap();
    let seen = |list: &Value| {
        let upload = &list["uploads"][0];
        assert_eq!(upload["device"], "cam", "{list}");
        assert_eq!(upload["key"], KEY);
        assert_eq!(upload["bytes"], 100_000);
        assert!(upload["kept_until"].as_str() > upload["interrupted"].as_str());
        assert!(upload["interrupted"].is_string());
    };
    // Without a hub, and beside one.
    seen(&listed(&hub));
    hub.restart();
    seen(&listed(&hub));
    let text = hub.operate("upload", &["list"], "").stdout;
    assert!(
        text.starts_with("cam; 100000 bytes; interrupted since "),
        "{text}"
    );

    // The data file and the mode too, unless an earlier version has kept the upload.
    hub.stop(Signal::TERM);
    assert!(listed(&hub)["uploads"][0].get("file").is_none());
    let later = hub
        .data()
        .join(format!("partial/{LATER}-cam+lab@temperature.part"));
    fs::write(&later, "1\n".repeat(50_000)).unwrap();
    let upload = &listed(&hub)["uploads"][1];
    assert_eq!(
        (&upload["file"], &upload["mode"]),
        (&"lab/temperature".into(), &"append".into())
    );
    let text = hub.operate("upload", &["list"], "").stdout;
    let second = text.lines().nth(1).unwrap();
    assert!(
        second.starts_with("cam; appends to lab/temperature; 100000 bytes; interrupted since "),
        "{text}"
    );
    fs::remove_file(&later).unwrap();

    let day = Duration::from_secs(24 * 3600 + 60);
    let file = fs::File::options().write(true).open(&partial).unwrap();
    file.set_modified(SystemTime::now() - day).unwrap();
    hub.restart();
    let text = hub.operate("upload", &["list"], "").stdout;
    assert_eq!(text.trim(), "no unfinished uploads");
    assert!(!partial.exists());
}
