//! The start of a hub.

use std::fs;
use std::process::Stdio;
use std::time::Instant;

use rustix::process::Signal;

use crate::harness::{DEADLINE, PASSWORD, eventually, fleetlink, signal};

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
