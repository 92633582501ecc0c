//! Disks and files that stand still: no failure while the connection lives, and named where it lasts
//! for too long.

use std::fs;
use std::path::Path;
use std::time::Duration;

use fleetlink_testkit::{Frozen, PausingFile, run_on_pausing_disk, small_disk};

use super::{content, event, listing, receiving, sparse_of};
use crate::harness::{Hub, Shell, eventually};

/// Longer than a connection may be silent, and than any other time within a transfer that cannot be
/// set, but for the one from an offer to its answer.
const LONG: Duration = Duration::from_secs(17);
/// Bytes that are under way for some time.
const BYTES: u64 = 200 << 20;

/// A device that takes files onto this disk.
fn receiving_on(disk: &Path, hub: &Hub, home: &Path, options: &[&str]) -> Shell {
    let disk = disk.to_str().unwrap();
    let arguments = [&["receive", "--inbox", disk, "--events"], options].concat();
    let mut receiver = Shell::run(hub.command(home, "box", &arguments));
    event(&mut receiver.output, "listening");
    receiver
}

fn on_a_disk_that_pauses(test: &str, work: impl FnOnce(&Path)) {
    if let Some(disk) = small_disk() {
        fs::remove_dir(disk.join("lost+found")).unwrap();
        return work(&disk);
    }
    let folder = tempfile::tempdir().unwrap();
    let test = format!("transfer::stalls::{test}");
    run_on_pausing_disk(&test, 300, folder.path());
}

#[test]
fn a_disk_that_pauses_for_long_loses_no_file() {
    on_a_disk_that_pauses("a_disk_that_pauses_for_long_loses_no_file", |disk| {
        let hub = Hub::start(&["cam", "box"]);
        let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut receiver = receiving_on(disk, &hub, home.path(), &[]);
        sparse_of(&folder.path().join("film"), BYTES);
        let arguments = ["send", "box", "film", "--events"];
        let mut sender = Shell::run(hub.command(folder.path(), "cam", &arguments));
        event(&mut receiver.output, "started");
        let frozen = Frozen::disk(disk);
        std::thread::sleep(LONG);
        drop(frozen);
        event(&mut sender.output, "stored");
        assert_eq!(sender.wait(), Some(0));
        let stored = fs::metadata(disk.join("cam_film")).unwrap();
        assert_eq!(stored.len(), BYTES);
    });
}

/// The time can be set, and both sides read whose disk it was. The next file finds all as it was.
#[test]
fn a_disk_that_stands_still_for_too_long_is_named() {
    on_a_disk_that_pauses("a_disk_that_stands_still_for_too_long_is_named", |disk| {
        let hub = Hub::start(&["cam", "box"]);
        let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let options = ["--idle-timeout", "2s"];
        let mut receiver = receiving_on(disk, &hub, home.path(), &options);
        fs::write(folder.path().join("film"), content(5_000_000, 1)).unwrap();
        let frozen = Frozen::disk(disk);
        let arguments = ["send", "box", "film", "--events"];
        let mut sender = Shell::run(hub.command(folder.path(), "cam", &arguments));
        for (side, by) in [(&mut sender, "peer"), (&mut receiver, "here")] {
            let failed = event(&mut side.output, "failed");
            assert_eq!(
                (&failed["code"], &failed["by"]),
                (&"disk_stalled".into(), &by.into())
            );
        }
        assert_eq!(sender.wait(), Some(6));
        drop(frozen);
        eventually("nothing of it stays", || listing(disk).is_empty());
        let sent = hub.run(folder.path(), "cam", &["send", "box", "film"]);
        assert_eq!(sent.code, Some(0), "{}", sent.stderr);
        assert!(fs::read(disk.join("cam_film")).unwrap() == content(5_000_000, 1));
    });
}

#[test]
fn a_file_that_is_read_slowly_is_sent_whole() {
    let hub = Hub::start(&["cam", "box"]);
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("film");
    fs::write(&path, content(5_000_000, 1)).unwrap();
    let Some(slow) = PausingFile::after(2, &path) else {
        return;
    };
    let _receiver = receiving(&hub, home.path(), "box", &["--idle-timeout", "30s"]);
    let arguments = ["send", "box", "film", "--events"];
    let mut sender = Shell::run(hub.command(folder.path(), "cam", &arguments));
    eventually("the file stands still", || slow.has_paused());
    event(&mut sender.output, "progress");
    event(&mut sender.output, "progress");
    drop(slow);
    event(&mut sender.output, "stored");
    assert_eq!(sender.wait(), Some(0));
    let stored = fs::read(home.path().join("inbox/cam_film")).unwrap();
    assert!(stored == content(5_000_000, 1));
}

/// Whichever side gives up first: it is the sender's file, not the receiver and not the network.
#[test]
fn a_file_that_gives_nothing_for_too_long_is_named() {
    let hub = Hub::start(&["cam", "box"]);
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("film");
    fs::write(&path, content(5_000_000, 1)).unwrap();
    let Some(_slow) = PausingFile::after(2, &path) else {
        return;
    };
    for (theirs, ours) in [("30s", "3s"), ("3s", "30s")] {
        let options = ["--idle-timeout", theirs];
        let mut receiver = receiving(&hub, home.path(), "box", &options);
        let arguments = ["send", "box", "film", "--events", "--idle-timeout", ours];
        let mut sender = Shell::run(hub.command(folder.path(), "cam", &arguments));
        for side in [&mut sender, &mut receiver] {
            let failed = event(&mut side.output, "failed");
            assert_eq!(failed["code"], "source_stalled", "{failed}");
        }
        assert_eq!(sender.wait(), Some(6));
        assert_eq!(listing(&home.path().join("inbox")), [""; 0]);
    }
}

/// The shell's own time.
#[test]
fn the_shell_ends_a_transfer_that_stands_still() {
    let hub = Hub::start(&["cam", "box"]);
    let home = tempfile::tempdir().unwrap();
    let _receiver = receiving(&hub, home.path(), "box", &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film");
    fs::write(&path, content(5_000_000, 1)).unwrap();
    let Some(_slow) = PausingFile::after(2, &path) else {
        return;
    };
    let address = hub.address.to_string();
    let arguments = ["join", &address, "--idle-timeout", "5s"];
    let mut shell = Shell::run(hub.command(folder.path(), "cam", &arguments));
    shell.send("UVF box film");
    let told = "film was not sent to box: the sender's disk has given nothing of the file for 5 s";
    shell.output.expect(told);
}
