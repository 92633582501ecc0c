//! Files that are not complete: whose they are, and who removes them.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::Signal;

use crate::harness::{Hub, eventually, fleetlink, run, signal};

/// Samples that take longer than a test.
const MANY: &str = "1000000000";

struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn partial(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name.starts_with(".fleetlink-"))
        .collect()
}

/// `data generate` in the midst of its work.
#[track_caller]
fn generating(folder: &Path) -> Owned {
    let mut command = fleetlink(folder);
    command.args(["data", "generate", "1", MANY, "--device", "cam"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = Owned(child.unwrap());
    eventually("it writes", || {
        let names = partial(folder);
        let size = |name: &String| fs::metadata(folder.join(name)).map_or(0, |file| file.len());
        names.iter().map(size).sum::<u64>() > 0
    });
    child
}

#[test]
fn whatever_ends_a_process_leaves_nothing_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    for end in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut child = generating(folder.path());
        signal(&child.0, end);
        assert_eq!(child.0.wait().unwrap().code(), Some(130), "{end:?}");
        assert_eq!(partial(folder.path()), [""; 0], "{end:?}");
    }
}

#[test]
fn the_next_start_removes_what_a_kill_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = generating(folder.path());
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    assert_eq!(partial(folder.path()).len(), 1);
    let mut again = fleetlink(folder.path());
    again.args(["data", "generate", "1", "10", "--device", "cam"]);
    assert_eq!(run(&mut again, "").code, Some(0));
    assert_eq!(partial(folder.path()), [""; 0]);
}

/// A process that starts in a folder leaves the file of another one alone that writes there.
#[test]
fn no_process_removes_what_another_one_writes() {
    let hub = Hub::start(&["box", "cam"]);
    let folder = tempfile::tempdir().unwrap();
    let writing = generating(folder.path());
    let mine = partial(folder.path());
    assert_eq!(mine.len(), 1);
    assert_eq!(hub.visit(folder.path(), "box").code, Some(0), "a shell");
    let arguments = ["receive", "--inbox", ".", "--events"];
    let mut receiver = hub.command(folder.path(), "box", &arguments);
    let receiver = receiver.stdout(Stdio::null()).spawn();
    let receiver = Owned(receiver.unwrap());
    eventually("it receives", || hub.active() == ["box"]);
    let mut other = fleetlink(folder.path());
    other.args(["data", "generate", "2", "10", "--device", "cam"]);
    assert_eq!(run(&mut other, "").code, Some(0));
    fs::write(folder.path().join("a.txt"), "1\n").unwrap();
    let upload = hub.run(folder.path(), "cam", &["data", "upload", "3", "a.txt"]);
    assert_eq!(upload.code, Some(0), "{upload:?}");
    let get = hub.run(folder.path(), "cam", &["data", "get", "3", "got.txt"]);
    assert_eq!(get.code, Some(0), "{get:?}");
    assert_eq!(partial(folder.path()), mine);
    drop((receiver, writing));
}
