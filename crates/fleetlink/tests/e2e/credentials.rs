//! `hub --credentials`: an import, in the background, and the operator's later word.

use std::fs;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::harness::{Finished, Hub, Output, PASSWORD, eventually, fleetlink, run, signal};

fn done(finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

/// Whether this password lets the device in.
fn lets_in(hub: &Hub, device: &str, password: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut command = hub.command(folder.path(), device, &["data", "list"]);
    let finished = run(command.env("FLEETLINK_PASSWORD", password), "");
    assert!(matches!(finished.code, Some(0 | 3)), "{finished:?}");
    finished.code == Some(0)
}

fn names(hub: &Hub) -> Vec<String> {
    let list = hub.account(&["list"], "").stdout;
    let name = |line: &str| line.split(';').next().unwrap().to_owned();
    list.lines().map(name).collect()
}

#[test]
fn what_the_operator_does_survives_a_restart_with_the_same_file() {
    let mut hub = Hub::start(&["cam", "other", "third"]);
    // The first login waits for the line of its name, and for no other.
    assert!(lets_in(&hub, "third", PASSWORD));
    assert!(lets_in(&hub, "cam", PASSWORD) && lets_in(&hub, "other", PASSWORD));
    done(&hub.account(&["passwd", "cam", "--password-stdin"], "another\n"));
    done(&hub.account(&["remove", "other"], ""));
    for restart in 0..2 {
        hub.kill();
        hub.restart();
        assert!(!lets_in(&hub, "cam", PASSWORD), "restart {restart}");
        assert!(lets_in(&hub, "cam", "another"));
        assert!(!lets_in(&hub, "other", PASSWORD));
        assert_eq!(names(&hub), ["cam", "third"]);
    }

    // A line that is new or has changed takes effect, and no other one.
    let file = hub.folder().join("accounts.txt");
    let text = format!("new {PASSWORD}\ncam {PASSWORD}\nother {PASSWORD}\nthird changed\n");
    fs::write(&file, text).unwrap();
    hub.kill();
    hub.restart();
    assert!(lets_in(&hub, "new", PASSWORD) && lets_in(&hub, "third", "changed"));
    assert!(!lets_in(&hub, "cam", PASSWORD) && lets_in(&hub, "cam", "another"));
    eventually("all of it is imported", || {
        names(&hub) == ["cam", "new", "third"]
    });

    // It is the same file elsewhere.
    let moved = hub.folder().join("moved.txt");
    fs::rename(&file, &moved).unwrap();
    hub.kill();
    hub.restart_with(&["--credentials", "moved.txt"]);
    assert!(lets_in(&hub, "new", PASSWORD), "its line is looked at");
    assert!(!lets_in(&hub, "cam", PASSWORD) && lets_in(&hub, "cam", "another"));
    assert_eq!(names(&hub), ["cam", "new", "third"]);
}

/// A hub that is starting with a file of many accounts.
struct Starting {
    child: Child,
    output: Output,
    folder: tempfile::TempDir,
}

impl Starting {
    fn of(mut command: Command, folder: tempfile::TempDir) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Output::of(child.stdout.take().unwrap());
        Starting {
            child,
            output,
            folder,
        }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn many(count: u32) -> Starting {
    let folder = tempfile::tempdir().unwrap();
    let line = |n: u32| format!("device-{n} {PASSWORD}-{n}\n");
    let text: String = (0..count).map(line).collect();
    fs::write(folder.path().join("many.txt"), text).unwrap();
    let mut command = fleetlink(folder.path());
    command.args(["hub", "--listen", "127.0.0.1:0", "--data", "data"]);
    command.args(["--credentials", "many.txt"]);
    Starting::of(command, folder)
}

fn operate(folder: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = fleetlink(folder.path());
    command.args(arguments).args(["--data", "data"]);
    command
}

/// Thousands of lines take minutes in a build for tests; none of this takes as long.
#[test]
fn neither_logins_nor_commands_nor_signals_wait_for_an_import() {
    let mut hub = many(20_000);
    // Right after the start: it waits for the hub that is starting.
    let store = hub.folder.path().join("data/hub.db");
    eventually("the hub has begun", || store.exists());
    let listed = run(&mut operate(&hub.folder, &["account", "list"]), "");
    done(&listed);
    hub.output.expect("listening on ");
    let address = hub.output.expect("\n");
    let folder = tempfile::tempdir().unwrap();
    let login = |name: &str, password: &str| {
        let mut command = fleetlink(folder.path());
        command
            .args(["data", "list", "--hub", address.trim(), "--device", name])
            .env("FLEETLINK_PASSWORD", password);
        run(&mut command, "").code
    };
    // The last line of the file, and others.
    assert_eq!(login("device-19999", &format!("{PASSWORD}-19999")), Some(0));
    assert_eq!(login("device-10000", &format!("{PASSWORD}-10001")), Some(3));
    assert_eq!(login("ghost", PASSWORD), Some(3));
    let listed = run(&mut operate(&hub.folder, &["account", "list"]), "");
    let imported = listed.stdout.lines().count();
    assert!(
        imported < 20_000,
        "the import is still under way: {imported}"
    );
    signal(&hub.child, Signal::TERM);
    assert!(hub.child.wait().unwrap().success());
}

#[test]
fn an_import_that_was_cut_off_goes_on_and_undoes_nothing() {
    let mut hub = many(200);
    hub.output.expect("account device-20 was added");
    let passwd = ["account", "passwd", "device-3", "--password-stdin"];
    done(&run(&mut operate(&hub.folder, &passwd), "another\n"));
    hub.child.kill().unwrap();
    hub.child.wait().unwrap();
    let mut command = operate(&hub.folder, &["hub", "--listen", "127.0.0.1:0"]);
    command.args(["--credentials", "many.txt"]);
    let again = Starting::of(command, tempfile::tempdir().unwrap());
    eventually("the rest is imported", || {
        let listed = run(&mut operate(&hub.folder, &["account", "list"]), "");
        listed.stdout.lines().count() == 200
    });
    let said = again.output.so_far();
    assert!(!said.contains("device-3 "), "{said}");
}

#[test]
fn a_command_of_the_operator_keeps_no_hub_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    // While it waits for its password it holds nothing; while it works, the hub waits.
    let add = ["account", "add", "cam", "--password-stdin"];
    done(&run(&mut operate(&folder, &["account", "init"]), ""));
    done(&run(&mut operate(&folder, &add), "secret\n"));
    let mut commands: Vec<Child> = (0..4)
        .map(|_| {
            operate(&folder, &["account", "list"])
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let command = operate(&folder, &["hub", "--listen", "127.0.0.1:0"]);
    let mut hub = Starting::of(command, folder);
    hub.output.expect("listening on ");
    for command in &mut commands {
        assert!(command.wait().unwrap().success());
    }
}
