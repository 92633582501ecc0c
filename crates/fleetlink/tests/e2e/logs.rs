//! The log files of uploads are rotated while the hub runs, and while it does not.

use std::fs::{self, File};
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Hub, eventually};

const DEVICE: &str = "supersmartwatch";
const LOG: &str = "upload-log.txt";

/// Uploads a file of this number, which the log will name.
fn upload(hub: &Hub, folder: &Path, id: u32) {
    fs::write(folder.join(format!("{DEVICE}-{id}.txt")), "1\n2\n").unwrap();
    let finished = hub.run(folder, DEVICE, &["data", "upload", &id.to_string()]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

/// The files that the lines of a log name.
fn named(text: &str) -> Vec<u32> {
    let file = |line: &str| line.split("; ").nth(2).unwrap().parse().unwrap();
    text.lines().map(file).collect()
}

fn shows(hub: &Hub, ids: &[u32]) {
    eventually(&format!("the log shows {ids:?}"), || {
        hub.data().join(LOG).exists() && named(&hub.log(LOG)) == ids
    });
}

pub(crate) fn hang_up(hub: &Hub) {
    let pid = Pid::from_raw(i32::try_from(hub.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
}

#[test]
fn a_log_that_is_renamed_is_opened_anew_at_sighup_and_loses_no_line() {
    let mut hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    upload(&hub, folder.path(), 1);
    shows(&hub, &[1]);
    let rotated = hub.data().join("upload-log.txt.old");
    fs::rename(hub.data().join(LOG), &rotated).unwrap();
    // Until the signal comes, lines go to the file that was renamed.
    upload(&hub, folder.path(), 2);
    let text = || fs::read_to_string(&rotated).unwrap();
    eventually("the renamed log gets the line", || named(&text()) == [1, 2]);
    hang_up(&hub);
    shows(&hub, &[]);
    upload(&hub, folder.path(), 3);
    shows(&hub, &[3]);
    assert_eq!(named(&text()), [1, 2]);

    // Neither a kill nor an orderly end brings back what was rotated away.
    hub.kill();
    hub.restart();
    upload(&hub, folder.path(), 4);
    shows(&hub, &[3, 4]);
    hub.stop(Signal::TERM);
    fs::rename(
        hub.data().join(LOG),
        hub.data().join("upload-log.txt.older"),
    )
    .unwrap();
    hub.restart();
    upload(&hub, folder.path(), 5);
    shows(&hub, &[5]);
}

#[test]
fn a_log_that_is_cut_by_copytruncate_goes_on_at_its_beginning() {
    let mut hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let cut = |hub: &Hub| {
        let log = File::options().write(true).open(hub.data().join(LOG));
        log.unwrap().set_len(0).unwrap();
    };
    upload(&hub, folder.path(), 1);
    shows(&hub, &[1]);
    cut(&hub);
    upload(&hub, folder.path(), 2);
    shows(&hub, &[2]);
    hub.stop(Signal::TERM);
    cut(&hub);
    hub.restart();
    upload(&hub, folder.path(), 3);
    shows(&hub, &[3]);
}
