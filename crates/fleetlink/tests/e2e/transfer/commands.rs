//! `send` and `receive`, for scripts and head-less boxes.

use std::fs;
use std::net::SocketAddr;

use serde_json::Value;

use super::{content, event, listing, receiving};
use crate::harness::{Hub, fleetlink, run};

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text:?}"))
}

/// A sender that is joined elsewhere, by its key alone once it has one.
#[test]
fn several_files_are_sent_and_summed_up() {
    let hub = Hub::start(&["cam", "box"]);
    let mut joined = hub.join("cam");
    let (folder, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut receiver = receiving(&hub, inbox.path(), "box", &[]);
    for (name, seed) in [("a.mp4", 1), ("b.mp4", 2), ("empty", 3)] {
        let bytes = if seed == 3 { 0 } else { 2_500_000 };
        fs::write(folder.path().join(name), content(bytes, seed)).unwrap();
    }
    // The key of the joined process is this device's.
    let mut send = hub.command_by_key(
        joined.folder(),
        "cam",
        &["send", "box", "--json", "a.mp4", "b.mp4", "empty", "a.mp4"],
    );
    send.env("FLEETLINK_STATE_DIR", joined.file("state"));
    let finished = run(send.current_dir(folder.path()), "");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let summary = document(&finished.stdout);
    assert_eq!(
        (
            &summary["to"],
            &summary["sent"],
            &summary["failed"],
            &summary["bytes"]
        ),
        (&"box".into(), &4.into(), &0.into(), &7_500_000.into())
    );
    // Any address of this host: two devices look for the best way between them.
    summary["address"]
        .as_str()
        .unwrap()
        .parse::<SocketAddr>()
        .unwrap();
    let names: Vec<_> = summary["files"].as_array().unwrap().iter().collect();
    assert_eq!(names[2]["stored_as"], "cam_empty");
    assert_eq!(names[3]["bytes"], 2_500_000);
    assert!(names[3]["milliseconds"].is_u64());
    for (stored, seed) in [("cam_a.mp4", 1), ("cam_a-2.mp4", 1), ("cam_b.mp4", 2)] {
        let stored = fs::read(inbox.path().join("inbox").join(stored)).unwrap();
        assert!(stored == content(2_500_000, seed));
    }
    let stored = event(&mut receiver.output, "stored");
    assert_eq!(
        (&stored["direction"], &stored["device"]),
        (&"in".into(), &"cam".into())
    );
    assert_eq!(joined.ask("AED").split(';').next(), Some("box"));
    receiver.signal(rustix::process::Signal::INT);
    let end = event(&mut receiver.output, "finished");
    assert_eq!(
        (&end["files"], &end["bytes"]),
        (&4.into(), &7_500_000.into())
    );
    assert_eq!(receiver.wait(), Some(0));
}

#[test]
fn what_no_rule_allows_is_refused_and_both_sides_say_why() {
    let hub = Hub::start(&["cam-1", "uav", "box"]);
    let (folder, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let rules = [
        "--from",
        "cam-*",
        "--max-size",
        "2kB",
        "--max-total",
        "3 kB",
    ];
    let mut receiver = receiving(&hub, inbox.path(), "box", &rules);
    for (name, bytes) in [("small", 1500), ("other", 1501), ("large", 2001)] {
        fs::write(folder.path().join(name), content(bytes, 0)).unwrap();
    }
    let mut expect = |sender: &str, file: &str, code: &str, message: &str| {
        let finished = hub.run(folder.path(), sender, &["send", "box", file]);
        assert_eq!(finished.code, Some(13), "{finished:?}");
        let said = format!("box refused {file}: {message}\n");
        assert!(finished.stderr.ends_with(&said), "{finished:?}");
        let failed = event(&mut receiver.output, "failed");
        assert_eq!(
            (
                &failed["code"],
                &failed["by"],
                &failed["device"],
                &failed["name"]
            ),
            (&code.into(), &"here".into(), &sender.into(), &file.into())
        );
        assert_eq!(failed["message"], message);
    };
    let whose = "this device takes no files from uav";
    expect("uav", "small", "not_allowed", whose);
    let size = "this device takes files of at most 2000 bytes";
    expect("cam-1", "large", "too_large", size);
    let sent = hub.run(folder.path(), "cam-1", &["send", "box", "small"]);
    assert_eq!(sent.stdout, "small has been uploaded\n", "{sent:?}");
    let total = "this device takes at most 3000 bytes in all";
    expect("cam-1", "other", "total_reached", total);
    assert_eq!(listing(&inbox.path().join("inbox")), ["cam-1_small"]);

    // Programs read the same as events and as a document.
    let arguments = ["send", "box", "large", "small", "--events"];
    let finished = hub.run(folder.path(), "uav", &arguments);
    assert_eq!(finished.code, Some(13));
    let events: Vec<Value> = finished.stdout.lines().map(document).collect();
    let names: Vec<_> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(names.iter().filter(|name| **name == "started").count(), 2);
    let failed = events.iter().filter(|event| event["event"] == "failed");
    let codes: Vec<_> = failed.map(|event| (&event["code"], &event["by"])).collect();
    assert_eq!(codes, [(&"not_allowed".into(), &"peer".into()); 2]);
    assert_eq!(**names.last().unwrap(), "finished");
    assert!(events.iter().all(|event| event["time"].is_string()));
}

#[test]
fn failures_have_codes_of_their_own() {
    let hub = Hub::start(&["cam", "box"]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "x").unwrap();
    for (arguments, code, name) in [
        (["send", "box", "a"], 12, "offline"),
        (["send", "box", "missing"], 8, "no_such_local_file"),
        (["send", "cam", "a"], 2, "usage"),
        (["send", "box", "state"], 1, "failed"),
        (["receive", "--inbox", "a/inbox"], 1, "failed"),
    ] {
        fs::create_dir_all(folder.path().join("state")).unwrap();
        let mut command = hub.command(folder.path(), "cam", &arguments);
        let finished = run(command.arg("--json"), "");
        assert_eq!(finished.code, Some(code), "{arguments:?}: {finished:?}");
        assert_eq!(document(&finished.stdout)["error"]["code"], name);
        let mut command = hub.command(folder.path(), "cam", &arguments);
        let finished = run(command.arg("--events"), "");
        assert_eq!(finished.code, Some(code), "{arguments:?}: {finished:?}");
        let said = document(finished.stdout.lines().last().unwrap());
        assert_eq!(
            (&said["event"], &said["code"]),
            (&"error".into(), &name.into())
        );
    }
    let help = run(fleetlink(folder.path()).arg("--help"), "");
    for line in [
        "12  the other device is offline",
        "13  the other device refused",
    ] {
        assert!(help.stdout.contains(line), "{help:?}");
    }
}

/// A port in use is said before the login, and before a password is asked for.
#[test]
fn a_port_in_use_is_said_before_the_login() {
    let hub = Hub::start(&["cam"]);
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let address = hub.address.to_string();
    for arguments in [
        &["join", &address, &port][..],
        &[
            "client",
            "127.0.0.1",
            &hub.address.port().to_string(),
            &port,
        ],
        &[
            "receive",
            "--inbox",
            ".",
            "--hub",
            &address,
            "--device",
            "cam",
            "--udp-port",
            &port,
        ],
    ] {
        let finished = run(fleetlink(folder.path()).args(arguments), "");
        assert_eq!(finished.code, Some(1), "{finished:?}");
        let said = format!("the UDP port {port} is in use on this device");
        assert!(finished.stderr.contains(&said), "{finished:?}");
        assert_eq!(finished.stdout, "", "{arguments:?}");
    }
}
