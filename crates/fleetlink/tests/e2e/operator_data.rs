//! Any device's data in the operator's hands, beside a running hub and without one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Finished, Hub, Terminal, eventually, fleetlink, run};

/// A hub with two devices: `cam` has the files 1 and 2, `uav` has 1.
fn hub() -> Hub {
    let hub = Hub::start(&["cam", "uav"]);
    let folder = tempfile::tempdir().unwrap();
    for (device, file, samples) in [
        ("cam", "1", "1\n2\n"),
        ("cam", "2", "7"),
        ("uav", "1", "30\n"),
    ] {
        let mut upload = hub.command(folder.path(), device, &["data", "upload", file, "-"]);
        done(&run(&mut upload, samples));
    }
    let more = hub.command(folder.path(), "cam", &["data", "append", "2", "more"]);
    fs::write(folder.path().join("more"), "8\n".repeat(100_000)).unwrap();
    done(&run(&mut { more }, ""));
    hub
}

fn data(hub: &Hub, arguments: &[&str]) -> Finished {
    hub.operate("data", arguments, "")
}

#[track_caller]
fn done(finished: &Finished) -> &str {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    &finished.stdout
}

#[track_caller]
fn document(finished: &Finished) -> Value {
    serde_json::from_str(done(finished)).unwrap()
}

#[track_caller]
fn refused(finished: &Finished, code: i32, said: &str) {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    assert!(finished.stderr.contains(said), "{said}: {finished:?}");
}

fn names(document: &Value) -> Vec<String> {
    let files = document["files"].as_array().unwrap().iter();
    files
        .map(|file| format!("{} {}", file["device"].as_str().unwrap(), file["file"]))
        .collect()
}

/// Commands that work the same beside a hub and without one.
fn reads_everything(hub: &Hub) {
    let all = document(&data(hub, &["list", "--json"]));
    assert_eq!(names(&all), ["cam 1", "cam 2", "uav 1"]);
    assert_eq!(all["files"][1]["samples"], 100_001);
    let one = document(&data(hub, &["list", "--device", "uav", "--json"]));
    assert_eq!(names(&one), ["uav 1"]);
    let text = data(hub, &["list"]);
    let first = done(&text).lines().next().unwrap();
    assert!(first.starts_with("cam; 1; 2 samples; 4 bytes; "), "{first}");

    let sum = data(hub, &["compute", "2", "SUM", "--device", "cam"]);
    assert_eq!(done(&sum), "800007\n");
    let sum = document(&data(
        hub,
        &["compute", "1", "sum", "--device", "uav", "--json"],
    ));
    assert_eq!(
        (&sum["result"], &sum["device"]),
        (&"30".into(), &"uav".into())
    );

    // Two segments, of which the first ends in the midst of a line.
    let whole = format!("7\n{}", "8\n".repeat(100_000));
    let got = document(&data(
        hub,
        &["get", "2", "got", "--device", "cam", "--json"],
    ));
    assert_eq!(got["bytes"], whole.len());
    assert_eq!(fs::read_to_string(hub.folder().join("got")).unwrap(), whole);
    fs::remove_file(hub.folder().join("got")).unwrap();
    let printed = data(hub, &["get", "2", "-", "--device", "cam"]);
    assert_eq!(done(&printed), whole);
    done(&data(hub, &["get", "1", "--device", "uav"]));
    let named = hub.folder().join("uav-1.txt");
    assert_eq!(fs::read_to_string(&named).unwrap(), "30\n");
    refused(
        &data(hub, &["get", "1", "--device", "uav"]),
        1,
        "is not overwritten",
    );
    done(&data(hub, &["get", "1", "--device", "uav", "--force"]));
    fs::remove_file(named).unwrap();
}

/// Wrong arguments, and what is not there.
fn refuses_what_is_not_there(hub: &Hub) {
    for arguments in [
        &["list", "--device", "nobody"][..],
        &["compute", "1", "SUM", "--device", "nobody"],
        &["get", "1", "--device", "nobody"],
        &["delete", "1", "--device", "nobody"],
    ] {
        refused(&data(hub, arguments), 1, "there is no account nobody");
    }
    for arguments in [
        &["compute", "9", "SUM", "--device", "uav"][..],
        &["get", "9", "--device", "uav"],
        &["delete", "9", "--device", "uav"],
    ] {
        let missing = "there is no file with ID of 9 of uav";
        refused(&data(hub, arguments), 8, missing);
    }
    assert!(!hub.folder().join("uav-9.txt").exists());
    refused(&data(hub, &["delete", "1"]), 2, "--device NAME");
    refused(
        &data(hub, &["delete", "--all", "--device", "cam"]),
        2,
        "--yes",
    );
    refused(
        &data(hub, &["upload", "1", "x", "--device", "cam"]),
        2,
        "only the device itself uploads",
    );
    let failed = data(hub, &["delete", "9", "--device", "uav", "--json"]);
    let document: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!(document["error"]["code"], "no_such_file");
    // Nothing is left of what was not read.
    let left = fs::read_dir(hub.folder()).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains(".part")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn the_operator_reads_any_device_s_data() {
    let mut hub = hub();
    reads_everything(&hub);
    refuses_what_is_not_there(&hub);
    hub.stop(Signal::TERM);
    reads_everything(&hub);
    refuses_what_is_not_there(&hub);
}

#[test]
fn the_operator_deletes_any_device_s_data_and_is_named() {
    let mut hub = hub();
    let joined = hub.join("uav");
    let deleted = document(&data(&hub, &["delete", "1", "--device", "uav", "--json"]));
    assert_eq!(
        (&deleted["device"], &deleted["samples"]),
        (&"uav".into(), &1.into())
    );
    let line = "The file with ID of 1 of uav has been removed by the operator, deletion-log.txt";
    hub.output.expect(line);
    let logged = |hub: &Hub| hub.log("deletion-log.txt").lines().count();
    eventually("it is logged", || logged(&hub) == 1);
    let log = hub.log("deletion-log.txt");
    assert!(
        log.starts_with("uav; ") && log.ends_with("; 1; 1; by the operator\n"),
        "{log}"
    );
    drop(joined);

    hub.stop(Signal::TERM);
    let all = data(&hub, &["delete", "--all", "--yes", "--device", "cam"]);
    assert_eq!(done(&all), "2 data files of cam have been removed\n");
    assert_eq!(done(&data(&hub, &["list"])), "no uploaded files\n");
    hub.restart();
    eventually("the log follows at the next start", || logged(&hub) == 3);
    let text = data(&hub, &["list"]);
    assert_eq!(done(&text), "no uploaded files\n");
}

#[test]
fn a_person_is_asked_before_data_are_deleted() {
    let hub = hub();
    let folder = hub.data();
    let delete = |what: &str| {
        let folder = folder.to_str().unwrap();
        Terminal::start(&["data", "delete", what, "--device", "cam", "--data", folder])
    };
    let mut kept = delete("1");
    kept.output
        .expect("Delete the data file with ID of 1 of cam (2 samples, 4 bytes)? (yes/no)");
    kept.type_line("no");
    kept.output.expect("nothing was deleted");
    assert!(!kept.wait());
    let mut all = delete("--all");
    all.output
        .expect("Delete all 2 data files of cam (100003 samples, ");
    all.type_line("maybe");
    all.output.expect("Please answer yes or no.");
    all.type_line("yes");
    all.output.expect("2 data files of cam have been removed");
    assert!(all.wait());
    let left = document(&data(&hub, &["list", "--json"]));
    assert_eq!(names(&left), ["uav 1"]);
}

#[test]
fn only_who_may_open_the_hub_s_folder_is_the_operator() {
    let mut hub = hub();
    for _ in 0..2 {
        let listed = list_as_somebody_else(&hub);
        assert_eq!(listed.code, Some(1), "{listed:?}");
        assert!(listed.stderr.contains("ermission denied"), "{listed:?}");
        assert_eq!(listed.stdout, "");
        hub.kill();
    }
    let nowhere = data_at(&hub, Path::new("nowhere"));
    refused(&nowhere, 1, "there are no hub's data in nowhere");
    assert!(!hub.folder().join("nowhere").exists());
}

fn data_at(hub: &Hub, folder: &Path) -> Finished {
    let mut command = fleetlink(hub.folder());
    command.args(["data", "list", "--data"]).arg(folder);
    run(&mut command, "")
}

/// As another user, or where the tests are an ordinary user's, as one whose folder is closed.
fn list_as_somebody_else(hub: &Hub) -> Finished {
    let mode = |mode| fs::set_permissions(hub.data(), fs::Permissions::from_mode(mode)).unwrap();
    if !rustix::process::geteuid().is_root() {
        mode(0o000);
        let finished = data_at(hub, &hub.data());
        mode(0o700);
        return finished;
    }
    // The binary may stand where nobody else may go: it is opened before that.
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    open(hub.folder());
    let copy = hub.folder().join("fleetlink-copy");
    if !copy.exists() {
        fs::copy(env!("CARGO_BIN_EXE_fleetlink"), &copy).unwrap();
        open(&copy);
    }
    let mut command = std::process::Command::new(copy);
    command
        .current_dir(hub.folder())
        .args(["data", "list", "--data", "data"]);
    command.uid(65534).gid(65534).env("TZ", "UTC");
    run(&mut command, "")
}

/// Kills in the midst of it lose nothing but time.
#[test]
fn retention_deletes_the_oldest_files_and_is_named() {
    let mut hub = hub();
    let folder = tempfile::tempdir().unwrap();
    let lines = "123456\n".repeat(1000);
    for file in 10..40 {
        let file = file.to_string();
        let mut upload = hub.command(folder.path(), "uav", &["data", "upload", &file, "-"]);
        done(&run(&mut upload, &lines));
    }
    hub.stop(Signal::TERM);
    // The largest file is one of the oldest; of the others two may stay.
    hub.restart_with(&["--data-size", "15000"]);
    hub.kill();
    hub.restart();
    hub.kill();
    hub.restart();
    let files = |hub: &Hub| names(&document(&data(hub, &["list", "--json"])));
    eventually("the oldest are gone", || files(&hub).len() <= 2);
    assert_eq!(files(&hub), ["uav 38", "uav 39"]);
    let got = data(&hub, &["get", "39", "-", "--device", "uav"]);
    assert_eq!(done(&got), lines);
    let logged = |hub: &Hub| hub.log("deletion-log.txt");
    eventually("they are logged", || logged(&hub).lines().count() == 31);
    assert!(
        logged(&hub)
            .lines()
            .all(|line| line.ends_with("; by retention"))
    );
    assert!(logged(&hub).starts_with("cam; "));
}
