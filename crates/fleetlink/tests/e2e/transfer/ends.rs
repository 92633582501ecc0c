//! Transfers that do not come to their end.

use std::fs;

use rustix::process::Signal;

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
        let hub = Hub::start(&["cam", "box"]);
        let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut receiver = receiving(&hub, home.path(), "box", &[]);
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

    /// How the transfer failed, for its sender and its receiver.
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

#[test]
fn an_interrupted_receiver_tells_its_sender() {
    let mut under_way = UnderWay::begin();
    under_way.receiver.signal(Signal::TERM);
    assert_eq!(under_way.codes(), ["peer closing", "here closing"]);
    assert_eq!(under_way.receiver.wait(), Some(0));
    assert_eq!(under_way.sender.wait(), Some(13));
    assert_eq!(under_way.inbox(), [""; 0]);
}
