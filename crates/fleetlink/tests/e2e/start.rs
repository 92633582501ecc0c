//! The start of a hub.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::Signal;

use crate::harness::{DEADLINE, Output, PASSWORD, eventually, fleetlink, signal};

/// More than can be hashed before the deadline.
const MANY: usize = 20_000;

#[test]
fn a_start_with_many_accounts_can_be_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let accounts: String = (0..MANY).map(|i| format!("d{i} {PASSWORD}\n")).collect();
    fs::write(folder.path().join("accounts.txt"), accounts).unwrap();
    for with in [Signal::INT, Signal::TERM] {
        let mut command = fleetlink(folder.path());
        command.args(["hub", "--listen", "127.0.0.1:0", "--data", "data"]);
        let mut hub = command
            .args(["--credentials", "accounts.txt"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let reserve = folder.path().join("data/reserve");
        eventually("the store is open", || reserve.exists());
        let began = Instant::now();
        signal(&hub, with);
        eventually("the hub ends", || hub.try_wait().unwrap().is_some());
        assert!(began.elapsed() < DEADLINE / 2, "{:?}", began.elapsed());
        assert_eq!(hub.wait().unwrap().code(), Some(0));
        fs::remove_file(reserve).unwrap();
    }
}

#[test]
fn nothing_that_a_hub_makes_can_be_written_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    let mut open = Command::new("sh");
    let hub = fleetlink(folder.path());
    open.args(["-c", "umask 000; exec \"$0\" \"$@\""])
        .arg(hub.get_program())
        .args(["hub", "--listen", "127.0.0.1:0", "--data", "data"])
        .current_dir(folder.path())
        .stdout(Stdio::piped());
    let mut hub = open.spawn().unwrap();
    let mut output = Output::of(hub.stdout.take().unwrap());
    output.expect("devices join with");
    let made = files(&data);
    hub.kill().unwrap();
    hub.wait().unwrap();
    assert!(made.len() >= 8, "{made:?}");
    for (name, mode) in made {
        assert_eq!(mode & 0o022, 0, "{name} has mode {mode:o}");
    }
}

fn files(folder: &Path) -> Vec<(String, u32)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let mode = entry.metadata().unwrap().permissions().mode();
            (entry.file_name().into_string().unwrap(), mode & 0o777)
        })
        .collect()
}
