//! The drill: a backup under load, the loss of everything, a restore. What was acknowledged before the
//! backup began is there, byte for byte, and nothing is half there.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Finished, Hub, PASSWORD, eventually, fleetlink, run};
use crate::http::{Call, hub_with_page, page};

/// The text of a version of the file that is replaced: of some versions in a row, of others in a file.
fn text_of(version: u64) -> String {
    let lines = if version.is_multiple_of(2) {
        200
    } else {
        30_000
    };
    format!("{version}\n").repeat(lines)
}

/// The work of a fleet: for each file the last number that was acknowledged.
#[derive(Default)]
struct Acknowledged {
    by_session: AtomicU64,
    by_http: AtomicU64,
    replaced: AtomicU64,
    accounts: AtomicU64,
    joined: AtomicU64,
    is_over: AtomicBool,
}

impl Acknowledged {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }

    fn now(&self) -> [u64; 5] {
        [
            &self.by_session,
            &self.by_http,
            &self.replaced,
            &self.accounts,
            &self.joined,
        ]
        .map(|number| number.load(Ordering::SeqCst))
    }
}

/// Ends the work.
struct Over<'a>(&'a Acknowledged);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

/// Appends by sessions, as a device that measures.
fn append_by_session(hub: &Hub, noted: &Acknowledged) {
    let folder = tempfile::tempdir().unwrap();
    for number in 1.. {
        let append = ["data", "append", "log", "-"];
        let mut command = hub.command(folder.path(), "cam", &append);
        let done = run(&mut command, &format!("{number}\n"));
        if done.code == Some(0) {
            noted.by_session.store(number, Ordering::SeqCst);
        }
        if !noted.goes_on() {
            return;
        }
        assert_eq!(done.code, Some(0), "{done:?}");
    }
}

/// Many small appends, which the hub merges.
fn append_by_http(page: SocketAddr, noted: &Acknowledged) {
    for number in 1.. {
        let call = Call::new(page, "POST", "/api/v1/devices/uav/data/log");
        let call = call.by("uav").body(format!("{number}\n"));
        match call.try_send() {
            Ok(reply) if reply.status < 300 => noted.by_http.store(number, Ordering::SeqCst),
            other => assert!(!noted.goes_on(), "{other:?}"),
        }
        if !noted.goes_on() {
            return;
        }
    }
}

/// A file that is replaced, and one that comes and goes.
fn replace_and_delete(page: SocketAddr, noted: &Acknowledged) {
    for version in 1.. {
        let replaced = Call::new(page, "PUT", "/api/v1/devices/plc/data/1");
        let replaced = replaced.by("plc").body(text_of(version)).try_send();
        if replaced.is_ok_and(|reply| reply.status < 300) {
            noted.replaced.store(version, Ordering::SeqCst);
        }
        let flickering = "/api/v1/devices/plc/data/2";
        for call in [
            Call::new(page, "PUT", flickering).body(text_of(1)),
            Call::new(page, "DELETE", flickering),
        ] {
            let done = call.by("plc").try_send();
            assert!(!noted.goes_on() || done.is_ok_and(|reply| reply.status < 300));
        }
        if !noted.goes_on() {
            return;
        }
    }
}

/// Accounts that the operator makes, and devices that join by a ticket.
fn add_accounts(hub: &Hub, devices: &Path, noted: &Acknowledged) {
    for number in 1.. {
        let added = hub.account(
            &["add", &format!("added-{number}"), "--password-stdin"],
            &format!("{PASSWORD}\n"),
        );
        if added.code == Some(0) {
            noted.accounts.store(number, Ordering::SeqCst);
        }
        let name = format!("joined-{number}");
        let issued = hub.operate("ticket", &["--name", &name], "");
        let folder = devices.join(&name);
        fs::create_dir(&folder).unwrap();
        let mut join = fleetlink(&folder);
        let joined = run(join.args(["join", issued.stdout.trim()]), "OUT\n");
        if joined.code == Some(0) {
            noted.joined.store(number, Ordering::SeqCst);
        }
        if !noted.goes_on() {
            return;
        }
    }
}

fn keep(folder: &Path, arguments: &[&str]) -> Finished {
    run(fleetlink(folder).args(arguments), "")
}

#[track_caller]
fn done(finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[test]
fn what_was_acknowledged_before_a_backup_comes_back_from_it() {
    let (mut hub, at) = hub_with_page(&["cam", "uav", "plc"], &[]);
    let devices = tempfile::tempdir().unwrap();
    let token = hub.operate("token", &["add", "grafana", "--role", "viewer"], "");
    let token = format!("Bearer {}", token.stdout.trim());
    let (noted, backups) = (Acknowledged::default(), tempfile::tempdir().unwrap());
    let one = backups.path().join("one.tar").display().to_string();
    let all = format!("{}/all/", backups.path().display());
    let data = hub.data().display().to_string();
    let mut before = [0; 5];
    thread::scope(|scope| {
        scope.spawn(|| append_by_session(&hub, &noted));
        scope.spawn(|| append_by_http(at, &noted));
        scope.spawn(|| replace_and_delete(at, &noted));
        scope.spawn(|| add_accounts(&hub, devices.path(), &noted));
        // However this ends, the others end too.
        let _over = Over(&noted);
        eventually("everybody has done something", || {
            noted.now().iter().all(|number| *number >= 2) && noted.now()[1] >= 150
        });
        for to in [&all, &all, &one] {
            before = noted.now();
            done(&keep(
                backups.path(),
                &["backup", "--data", &data, "--to", to, "--json"],
            ));
        }
        done(&keep(backups.path(), &["verify", "--data", &data]));
    });
    done(&keep(backups.path(), &["verify", "--backup", &one]));
    done(&keep(backups.path(), &["verify", "--backup", &all]));
    let pin = hub.pin();
    hub.kill();
    fs::remove_dir_all(hub.data()).unwrap();

    done(&keep(
        backups.path(),
        &["restore", "--from", &one, "--data", &data],
    ));
    done(&keep(backups.path(), &["verify", "--data", &data]));
    hub.restart();
    let at = page(&hub);
    assert_eq!(hub.pin(), pin);
    is_there(&hub, at, before, &noted.now(), devices.path());
    let devices_list = Call::get(at, "/api/v1/devices").header("authorization", &token);
    assert_eq!(devices_list.send().status, 200, "the token works");
    done(&keep(backups.path(), &["verify", "--data", &data]));

    // The last one of the folder too, into another place.
    let other = backups.path().join("other").display().to_string();
    done(&keep(
        backups.path(),
        &["restore", "--from", &all, "--data", &other],
    ));
    done(&keep(backups.path(), &["verify", "--data", &other]));
}

/// Each number of a file up to the last one, which lies between these two.
#[track_caller]
fn is_counted(content: &str, before: u64, after: u64) {
    let numbers: Vec<u64> = content.lines().map(|line| line.parse().unwrap()).collect();
    let last = numbers.len() as u64;
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
    assert!(
        (before..=after + 1).contains(&last),
        "{before} {last} {after}"
    );
}

fn is_there(hub: &Hub, at: SocketAddr, before: [u64; 5], after: &[u64; 5], devices: &Path) {
    let read = |device: &str, file: &str| {
        let path = format!("/api/v1/devices/{device}/data/{file}");
        Call::get(at, &path).by(device).send()
    };
    is_counted(&read("cam", "log").text(), before[0], after[0]);
    is_counted(&read("uav", "log").text(), before[1], after[1]);
    let replaced = read("plc", "1").text();
    let version: u64 = replaced.lines().next().unwrap().parse().unwrap();
    assert!(
        replaced == text_of(version),
        "version {version} is half there"
    );
    assert!((before[2]..=after[2] + 1).contains(&version));
    let flickering = read("plc", "2");
    assert!(flickering.status == 404 || flickering.text() == text_of(1));
    let folder = tempfile::tempdir().unwrap();
    for number in 1..=before[3] {
        let name = format!("added-{number}");
        done(&hub.run(folder.path(), &name, &["data", "list", "--json"]));
    }
    // By the keys that their tickets enrolled, at the hub whose key they remember.
    let address = hub.address.to_string();
    for number in 1..=before[4] {
        let name = format!("joined-{number}");
        let mut join = fleetlink(&devices.join(&name));
        done(&run(
            join.args(["join", &address, "--device", &name]),
            "OUT\n",
        ));
    }
}

/// A hub with a data file that takes a moment to be copied.
fn loaded() -> (Hub, TempDir) {
    let hub = Hub::start(&["cam"]);
    let folder = tempfile::tempdir().unwrap();
    let lines: String = (0..1_500_000).map(|number| format!("{number}\n")).collect();
    fs::write(folder.path().join("big.txt"), lines).unwrap();
    done(&hub.run(folder.path(), "cam", &["data", "upload", "1", "big.txt"]));
    (hub, folder)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

fn remove(folder: &Path, names: &[&str]) {
    for name in names {
        let path = folder.join(name);
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
    }
}

#[test]
fn a_backup_or_restore_that_is_killed_or_interrupted_is_not_half_there() {
    let (hub, folder) = loaded();
    let data = hub.data().display().to_string();
    let place = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.tar").display().to_string();
    done(&keep(
        folder.path(),
        &["backup", "--data", &data, "--to", &whole],
    ));
    let commands = [
        ["backup", "--data", &data, "--to", "one.tar"],
        ["backup", "--data", &data, "--to", "all/"],
        ["restore", "--from", &whole, "--data", "back"],
    ];
    for round in 0..8_u64 {
        for command in &commands {
            let mut started = fleetlink(place.path());
            started
                .args(*command)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut child = started.spawn().unwrap();
            thread::sleep(Duration::from_millis(round * 9));
            let is_killed = !round.is_multiple_of(2);
            match is_killed {
                true => child.kill().unwrap(),
                false => crate::harness::signal(&child, rustix::process::Signal::INT),
            }
            let status = child.wait().unwrap();
            if status.success() {
                remove(place.path(), &["one.tar", "all", "back"]);
                continue;
            }
            let left = |name: &str| place.path().join(name).exists();
            // From the moment on at which it hears of signals it tidies up by itself.
            if status.code() == Some(130) {
                assert!(!left(".one.tar.unfinished") && !left("back"));
            }
            // It may have been done at that moment: then all of it is there.
            for (made, check) in [
                ("one.tar", ["--backup", "one.tar"]),
                ("all/manifests", ["--backup", "all"]),
                ("back/hub.db", ["--data", "back"]),
            ] {
                let made = place.path().join(made);
                if made.is_file() || made.is_dir() && !names(&made).is_empty() {
                    done(&keep(place.path(), &["verify", check[0], check[1]]));
                }
            }
            if round < 7 {
                remove(
                    place.path(),
                    &["one.tar", ".one.tar.unfinished", "all", "back"],
                );
            }
        }
    }
    remove(place.path(), &["one.tar"]);
    if place.path().join("back/hub.db").exists() {
        remove(place.path(), &["back"]);
    }
    // The next ones succeed, whatever was left.
    for command in &commands {
        done(&keep(place.path(), command));
    }
    done(&keep(place.path(), &["verify", "--data", "back"]));
    let mut left = names(place.path());
    left.retain(|name| name != "state");
    left.sort();
    assert_eq!(left, ["all", "back", "one.tar"]);
}

#[test]
fn a_hub_is_checked_while_it_works_and_damage_is_told_line_by_line() {
    let (mut hub, folder) = loaded();
    let data = hub.data();
    let shown = data.display().to_string();
    let verify = |options: &[&str]| {
        let arguments = [&["verify", "--data", &shown], options].concat();
        keep(folder.path(), &arguments)
    };
    let found = verify(&[]);
    done(&found);
    assert!(
        found.stdout.starts_with("whole: 1 accounts, 1 data files"),
        "{found:?}"
    );
    hub.kill();
    let segment = data
        .join("segments")
        .join(&names(&data.join("segments"))[0]);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[12_345] ^= 1;
    fs::write(&segment, bytes).unwrap();
    fs::write(data.join("segments/4711"), "1\n").unwrap();
    let found = verify(&[]);
    assert_eq!(found.code, Some(7), "{found:?}");
    let lines: Vec<&str> = found.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("segments/4711: "), "{lines:?}");
    assert!(
        lines[1].contains(" of cam/1: its bytes are not those of its hash; "),
        "{lines:?}"
    );
    let found = verify(&["--json"]);
    assert_eq!(found.code, Some(7), "{found:?}");
    let document: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(document["whole"], false);
    assert_eq!(document["faults"][1]["part"], "segment");
    let mut backup = fleetlink(folder.path());
    backup.args(["backup", "--data", &shown, "--to", "b.tar", "--json"]);
    let refused = run(&mut backup, "");
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(!folder.path().join("b.tar").exists());
    let nothing = keep(folder.path(), &["verify", "--data", "nothing"]);
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert!(
        nothing.stderr.contains("no hub's store in nothing"),
        "{nothing:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_backup_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let hub = Hub::start(&["cam"]);
    let folder = tempfile::tempdir().unwrap();
    let data = hub.data().display().to_string();
    let script = "umask 0 && exec \"$0\" \"$@\"";
    for to in ["one.tar", "all/"] {
        let backup = fleetlink(folder.path());
        let mut shell = Command::new("sh");
        shell.current_dir(folder.path()).args(["-c", script]);
        shell.arg(backup.get_program());
        shell.args(["backup", "--data", &data, "--to", to]);
        done(&run(&mut shell, ""));
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("one.tar")), 0o600);
    let mut folders = vec![folder.path().join("all")];
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{folder:?}");
        for name in names(&folder) {
            let path = folder.join(name);
            match path.is_dir() {
                true => folders.push(path),
                false => assert_eq!(mode(&path), 0o600, "{path:?}"),
            }
        }
    }
}
