//! Names of files on their way: which are sent, under which, and what both sides read of it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::Value;

use super::{event, listing, receiving};
use crate::harness::{Hub, run};

/// One bad file among several is named, and the others arrive.
#[test]
fn a_refused_file_is_named_and_the_others_are_sent() {
    let hub = Hub::start(&["cam", "box"]);
    let (folder, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _receiver = receiving(&hub, inbox.path(), "box", &[]);
    for name in ["a.c", "b.c"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    fs::create_dir(folder.path().join("folder.c")).unwrap();
    let files = ["send", "box", "a.c", "folder.c", "missing.c", "b.c"];
    let finished = hub.run(folder.path(), "cam", &files);
    assert_eq!(finished.code, Some(1), "the first failure's: {finished:?}");
    for line in ["a.c has been uploaded", "b.c has been uploaded"] {
        assert!(finished.stdout.contains(line), "{finished:?}");
    }
    for line in [
        "folder.c: it is no regular file\n",
        "missing.c: the file to be uploaded does not exist\n",
    ] {
        assert_eq!(finished.stderr.matches(line).count(), 1, "{finished:?}");
    }
    assert_eq!(listing(&inbox.path().join("inbox")), ["cam_a.c", "cam_b.c"]);

    let finished = hub.run(folder.path(), "cam", &[&files[..], &["--events"]].concat());
    assert_eq!(finished.code, Some(1));
    let events: Vec<Value> = finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let failed: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] == "failed")
        .collect();
    let names: Vec<&Value> = failed.iter().map(|event| &event["name"]).collect();
    assert!(
        names.contains(&&"folder.c".into()) && names.contains(&&"missing.c".into()),
        "{names:?}"
    );

    // Where there is nothing to send, nobody is asked for a password.
    let mut none = hub.command(
        folder.path(),
        "cam",
        &["send", "box", "folder.c", "missing.c"],
    );
    let finished = run(none.env_remove("FLEETLINK_PASSWORD"), "");
    assert_eq!(finished.code, Some(8), "{finished:?}");
    for name in ["folder.c: ", "missing.c: "] {
        assert_eq!(finished.stderr.matches(name).count(), 1, "{finished:?}");
    }
}

#[test]
fn names_that_cannot_travel_are_written_otherwise_or_given() {
    let hub = Hub::start(&["cam", "box"]);
    let (folder, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _receiver = receiving(&hub, inbox.path(), "box", &[]);
    let names = [
        OsStr::from_bytes(b"caf\xe9.txt"),
        OsStr::new("می\u{200c}خواهم.pdf"),
        OsStr::new("a\u{202e}b"),
        OsStr::new("NUL"),
    ];
    for name in names {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    let mut send = hub.command(folder.path(), "cam", &["send", "box"]);
    let finished = run(send.args(names), "");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let long = "n".repeat(250);
    fs::write(folder.path().join(&long), "x").unwrap();
    let finished = hub.run(
        folder.path(),
        "cam",
        &["send", "box", &long, "--as", "short.x"],
    );
    assert_eq!(
        finished.stdout, "short.x has been uploaded\n",
        "{finished:?}"
    );
    let two = hub.run(
        folder.path(),
        "cam",
        &["send", "box", "NUL", &long, "--as", "x"],
    );
    assert_eq!(two.code, Some(2), "{two:?}");
    let bad = hub.run(
        folder.path(),
        "cam",
        &["send", "box", "NUL", "--as", "../x"],
    );
    assert_eq!(bad.code, Some(2), "{bad:?}");
    let mut stored = listing(&inbox.path().join("inbox"));
    stored.sort();
    assert_eq!(
        stored,
        [
            "cam_NUL",
            "cam_ab",
            "cam_caf%E9.txt",
            "cam_short.x",
            "cam_می\u{200c}خواهم.pdf"
        ]
    );
}

/// Both sides read the name that a file really has, and programs whose it is.
#[test]
fn both_sides_read_the_stored_name_and_the_true_sender() {
    let hub = Hub::start(&["a", "a_b", "box", "phone"]);
    let (folder, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut receiver = receiving(&hub, inbox.path(), "box", &[]);
    for name in ["b_c.JPG", "c.JPG"] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    let first = hub.run(folder.path(), "a", &["send", "box", "b_c.JPG"]);
    assert_eq!(first.stdout, "b_c.JPG has been uploaded\n", "{first:?}");
    let second = hub.run(folder.path(), "a_b", &["send", "box", "c.JPG"]);
    let said = "c.JPG has been uploaded (stored as a_b_c-2.JPG)\n";
    assert_eq!(second.stdout, said, "{second:?}");
    for (sender, stored) in [("a", "a_b_c.JPG"), ("a_b", "a_b_c-2.JPG")] {
        let heard = event(&mut receiver.output, "stored");
        assert_eq!(
            (&heard["sender"], &heard["stored_as"]),
            (&sender.into(), &stored.into())
        );
    }
    let third = hub.run(folder.path(), "a", &["send", "box", "b_c.JPG", "--json"]);
    let document: Value = serde_json::from_str(&third.stdout).unwrap();
    let file = &document["files"][0];
    assert_eq!(
        (&file["sender"], &file["stored_as"]),
        (&"a".into(), &"a_b_c-3.JPG".into())
    );
    let mut shell = hub.join("phone");
    for _ in 0..2 {
        let sent = hub.run(folder.path(), "a", &["send", "phone", "c.JPG"]);
        assert_eq!(sent.code, Some(0), "{sent:?}");
    }
    shell.output.expect("Received c.JPG from a\n");
    shell
        .output
        .expect("Received c.JPG from a (stored as a_c-2.JPG)\n");
}
