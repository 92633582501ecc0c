//! Transfers that do not come to their end.

use std::fs;
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};

use super::{event, listing, receiving, sparse};
use crate::harness::{Hub, Shell};

/// A sender of a large file that is on its way to a receiver.
struct UnderWay {
    hub: Hub,
    sender: Shell,
    receiver: Shell,
    folder: tempfile::TempDir,
    home: tempfile::TempDir,
}

impl UnderWay {
    fn begin() -> Self {
        UnderWay::to(|command| command)
    }

    /// To a receiver that is started so.
    fn to(started: impl FnOnce(Command) -> Command) -> Self {
        let hub = Hub::start(&["cam", "box"]);
        let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(home.path().join("inbox")).unwrap();
        let arguments = ["receive", "--inbox", "inbox", "--events"];
        let command = started(hub.command(home.path(), "box", &arguments));
        let mut receiver = Shell::run(command);
        event(&mut receiver.output, "listening");
        sparse(&folder.path().join("large"));
        let arguments = ["send", "box", "large", "--events"];
        let sender = Shell::run(hub.command(folder.path(), "cam", &arguments));
        let started = event(&mut receiver.output, "started");
        assert_eq!(started["size"], super::LARGE);
        UnderWay {
            hub,
            sender,
            receiver,
            folder,
            home,
        }
    }

    fn inbox(&self) -> Vec<String> {
        listing(&self.home.path().join("inbox"))
    }

    /// The codes of the failure, for the sender and for the receiver.
    #[track_caller]
    fn codes(&mut self) -> [String; 2] {
        [&mut self.sender, &mut self.receiver].map(|process| {
            let failed = event(&mut process.output, "failed");
            format!(
                "{} {}",
                failed["by"].as_str().unwrap(),
                failed["code"].as_str().unwrap()
            )
        })
    }
}

#[test]
fn a_killed_receiver_is_noticed_and_its_leftovers_are_removed() {
    let mut under_way = UnderWay::begin();
    under_way.receiver.signal(Signal::KILL);
    under_way.receiver.wait();
    let failed = event(&mut under_way.sender.output, "failed");
    assert_eq!(failed["code"], "timed_out");
    assert_eq!(
        failed["message"],
        "nothing came from the peer for 15 seconds"
    );
    assert_eq!(under_way.sender.wait(), Some(6));
    let left = under_way.inbox();
    assert!(
        left.len() == 1 && left[0].starts_with(".fleetlink-"),
        "{left:?}"
    );
    let again = receiving(&under_way.hub, under_way.home.path(), "box", &[]);
    assert_eq!(under_way.inbox(), [""; 0]);
    drop(again);
}

#[test]
fn a_killed_sender_is_noticed_and_nothing_stays() {
    let mut under_way = UnderWay::begin();
    under_way.sender.signal(Signal::KILL);
    let failed = event(&mut under_way.receiver.output, "failed");
    assert_eq!(
        (&failed["code"], &failed["by"]),
        (&"timed_out".into(), &"here".into())
    );
    assert_eq!(under_way.inbox(), [""; 0]);
}

#[test]
fn a_file_that_changes_is_an_error_on_both_sides() {
    let mut under_way = UnderWay::begin();
    let path = under_way.folder.path().join("large");
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(0).unwrap();
    assert_eq!(
        under_way.codes(),
        ["here source_changed", "peer source_changed"]
    );
    assert_eq!(under_way.sender.wait(), Some(7));
    assert_eq!(under_way.inbox(), [""; 0]);
}

#[test]
fn an_interrupted_sender_tells_its_receiver() {
    let mut under_way = UnderWay::begin();
    under_way.sender.signal(Signal::INT);
    assert_eq!(under_way.codes(), ["here cancelled", "peer cancelled"]);
    assert_eq!(under_way.sender.wait(), Some(130));
    assert_eq!(under_way.inbox(), [""; 0]);
}

/// The sender reports the files that were stored until then, and names the others.
#[test]
fn an_interrupted_sender_tells_what_was_stored() {
    let mut under_way = UnderWay::begin();
    fs::write(under_way.folder.path().join("small"), b"1").unwrap();
    let arguments = ["send", "box", "small", "large", "--json"];
    let hub = &under_way.hub;
    let mut sender = Shell::run(hub.command(under_way.folder.path(), "cam", &arguments));
    event(&mut under_way.receiver.output, "stored");
    sender.signal(Signal::INT);
    assert_eq!(sender.wait(), Some(130));
    let said = sender.output.to_end();
    let document = said.lines().find(|line| line.starts_with('{'));
    let document: serde_json::Value = serde_json::from_str(document.unwrap()).unwrap();
    assert_eq!(
        (&document["sent"], &document["failed"]),
        (&1.into(), &1.into())
    );
    assert!(document["address"].is_string(), "{document}");
    assert_eq!(document["files"][0]["stored_as"], "cam_small");
    assert_eq!(document["files"][1]["name"], "large");
    assert_eq!(document["files"][1]["error"]["code"], "cancelled");
}

#[test]
fn an_interrupted_receiver_tells_its_sender() {
    let mut under_way = UnderWay::begin();
    under_way.receiver.signal(Signal::TERM);
    assert_eq!(under_way.codes(), ["peer closing", "here closing"]);
    assert_eq!(under_way.receiver.wait(), Some(0));
    assert_eq!(under_way.sender.wait(), Some(13));
    assert_eq!(under_way.inbox(), [""; 0]);
}

/// The same command, to which a limit on the size of files is an error and not its end.
fn outliving_limits(command: &Command) -> Command {
    let mut outliving = Command::new("sh");
    outliving.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    outliving
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outliving.env(name, value),
            None => outliving.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        outliving.current_dir(folder);
    }
    outliving
}

/// Room was taken before the file was accepted; the disk fails all the same while it comes.
#[test]
fn a_disk_that_fails_in_mid_file_fails_that_file_alone() {
    let (limit, code) = (Resource::Fsize, "no_space");
    let mut under_way = UnderWay::to(|command| outliving_limits(&command));
    let receiver = Some(Pid::from_raw(under_way.receiver.pid().cast_signed()).unwrap());
    let usual = getrlimit(limit);
    let tight = Rlimit {
        current: Some(1),
        ..usual
    };
    prlimit(receiver, limit, tight).unwrap();
    let told = [format!("peer {code}"), format!("here {code}")];
    assert_eq!(under_way.codes(), told);
    assert_eq!(under_way.sender.wait(), Some(13));
    assert_eq!(under_way.inbox(), [""; 0]);
    // The next file finds the device as it was.
    prlimit(receiver, limit, usual).unwrap();
    fs::write(under_way.folder.path().join("small"), b"1").unwrap();
    let arguments = ["send", "box", "small"];
    let hub = &under_way.hub;
    let sent = hub.run(under_way.folder.path(), "cam", &arguments);
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    under_way.receiver.signal(Signal::TERM);
    let finished = event(&mut under_way.receiver.output, "finished");
    assert_eq!(
        (&finished["files"], &finished["failed"]),
        (&1.into(), &1.into())
    );
    // A file was accepted and not kept, by this device's own fault.
    assert_eq!(under_way.receiver.wait(), Some(1));
}
