//! Join tickets, from the operator's command to a device that has joined.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{
    Finished, Hub, PASSWORD, PROMPT, Shell, Terminal, eventually, fleetlink, run,
};

impl Hub {
    /// Runs `fleetlink ticket …` on this hub's data.
    #[track_caller]
    fn ticket(&self, arguments: &[&str]) -> Finished {
        let folder = self.data();
        let mut command = fleetlink(folder.parent().unwrap());
        command
            .arg("ticket")
            .args(arguments)
            .arg("--data")
            .arg(&folder);
        run(&mut command, "")
    }

    /// A ticket's text.
    #[track_caller]
    fn issue(&self, arguments: &[&str]) -> String {
        let finished = self.ticket(arguments);
        assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
        finished.stdout.trim().to_owned()
    }

    #[track_caller]
    fn tickets(&self) -> Value {
        let finished = self.ticket(&["list", "--json"]);
        let document: Value = serde_json::from_str(&finished.stdout).unwrap();
        document["tickets"].clone()
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// `fleetlink join` with these arguments, in this folder, up to its end.
fn join(folder: &Path, arguments: &[&str], input: &str) -> Finished {
    run(fleetlink(folder).arg("join").args(arguments), input)
}

#[test]
fn a_ticket_makes_the_account_enrols_the_key_pins_the_hub_and_joins() {
    let hub = Hub::start(&["supersmartwatch"]);
    let ticket = hub.issue(&["--name", "new-cam"]);
    assert!(ticket.starts_with("fl1"), "{ticket}");
    let mut shell = Shell::start_command(folder(), &["join", &ticket]);
    shell.output.expect("Welcome!");
    shell.output.expect(PROMPT);
    eventually("it is listed", || hub.active() == ["new-cam"]);
    assert_eq!(hub.log("edge-device-log.txt").lines().count(), 1);
    shell.send("OUT");
    assert_eq!(shell.wait(), Some(0));

    // The next time by its key, without a question about the hub.
    let address = hub.address.to_string();
    let finished = join(shell.folder(), &[&address, "--device", "new-cam"], "OUT\n");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(!finished.stdout.contains("Password:"), "{finished:?}");
    let known = fs::read_to_string(shell.file("state").join("known-hubs")).unwrap();
    assert!(known.contains(&hub.pin()), "{known}");

    // No password opens it until the operator gives it one.
    let by_password = |hub: &Hub| {
        let folder = folder();
        hub.run(folder.path(), "new-cam", &["data", "list", "--json"])
    };
    assert!(by_password(&hub).stdout.contains("wrong_password"));
    let given = hub.account(
        &["passwd", "new-cam", "--password-stdin"],
        &format!("{PASSWORD}\n"),
    );
    assert_eq!(given.code, Some(0), "{given:?}");
    assert_eq!(by_password(&hub).code, Some(0));
}

/// The hub's key changed twice while the ticket was on its way.
#[test]
fn a_ticket_leads_to_the_hubs_new_key() {
    let mut hub = Hub::start(&["supersmartwatch"]);
    let folder = folder();
    assert_eq!(hub.visit(folder.path(), "supersmartwatch").code, Some(0));
    let ticket = hub.issue(&["--name", "new-cam"]);
    hub.rotate();
    let pin = hub.rotate();
    let joined = join(folder.path(), &[&ticket], "OUT\n");
    assert_eq!(joined.code, Some(0), "{joined:?}");
    let announced = "has a new key, announced by its old one";
    assert_eq!(joined.stderr.matches(announced).count(), 1, "{joined:?}");
    let known = fs::read_to_string(folder.path().join("state/known-hubs")).unwrap();
    assert_eq!(known, format!("{} {pin}\n", hub.address));
    // Its key is where it will be looked for, and so is that of who was known before.
    for device in ["new-cam", "supersmartwatch"] {
        let list = run(
            &mut hub.command_by_key(folder.path(), device, &["data", "list"]),
            "",
        );
        assert_eq!((list.code, list.stderr.as_str()), (Some(0), ""), "{list:?}");
    }

    // A shell that came by a ticket follows too.
    let ticket = hub.issue(&["--name", "other-cam"]);
    let mut shell = Shell::start_command(self::folder(), &["join", &ticket]);
    shell.output.expect(PROMPT);
    hub.rotate();
    hub.kill();
    hub.restart();
    shell.output.expect("has joined again");

    // To a key that the ticket's has not announced it leads nobody.
    let ticket = hub.issue(&["--name", "third-cam"]);
    hub.kill();
    fs::remove_file(hub.data().join("hub.key")).unwrap();
    hub.restart();
    hub.rotate();
    let refused = join(self::folder().path(), &[&ticket], "OUT\n");
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stderr.contains("did not announce"), "{refused:?}");
}

#[test]
fn every_ticket_that_is_of_no_use_says_what_it_is() {
    let mut hub = Hub::start(&["supersmartwatch"]);
    let refused = |ticket: &str, exit: i32, words: &str| {
        let folder = folder();
        let finished = join(folder.path(), &[ticket], "OUT\n");
        assert_eq!(finished.code, Some(exit), "{finished:?}");
        assert!(finished.stderr.contains(words), "{finished:?}");
        assert!(!finished.stderr.contains(&ticket[60..]), "{finished:?}");
        if exit != 3 {
            return;
        }
        // Where the hub has said no for good, no key is left behind.
        let left = folder.path().join("state/keys");
        let left = fs::read_dir(left).into_iter().flatten().flatten();
        let left = left.flat_map(|keys| fs::read_dir(keys.path()).unwrap());
        assert_eq!(left.count(), 0);
    };
    let used = hub.issue(&["--name", "a"]);
    assert_eq!(join(folder().path(), &[&used], "OUT\n").code, Some(0));
    refused(&used, 3, "this ticket has been used already");

    let revoked = hub.issue(&["--name", "b"]);
    assert_eq!(hub.ticket(&["revoke", "2"]).code, Some(0));
    refused(&revoked, 3, "this ticket was revoked");

    let expired = hub.issue(&["--name", "c", "--expires", "1ms"]);
    refused(&expired, 3, "this ticket has expired");

    let other = Hub::start(&["supersmartwatch"]);
    let unknown = other.issue(&["--name", "d", "--address", &hub.address.to_string()]);
    refused(&unknown, 7, "key");

    let mut mistyped: Vec<char> = hub.issue(&["--name", "e"]).chars().collect();
    mistyped.swap(20, 100);
    let place = mistyped.len() - 10;
    mistyped[place] = if mistyped[place] == 'a' { 'b' } else { 'a' };
    let mistyped: String = mistyped.into_iter().collect();
    refused(&mistyped, 2, "mistyped");

    hub.output.expect("was refused: it has been used already");
    hub.output.expect("was refused: it was revoked");
    hub.output.expect("was refused: it has expired");
    // A hub that has forgotten it all but its key, which is not a new store's by itself.
    hub.kill();
    let key = fs::read(hub.data().join("hub.key")).unwrap();
    for file in ["hub.db", "hub.db-wal", "hub.db-shm", "hub.key"] {
        let _ = fs::remove_file(hub.data().join(file));
    }
    hub.restart();
    hub.kill();
    fs::write(hub.data().join("hub.key"), key).unwrap();
    hub.restart();
    refused(&used, 3, "this hub knows no such ticket");
    hub.output.expect("was refused: there is no such ticket");
}

/// A hundred processes with one ticket, and one device.
#[test]
fn a_hundred_processes_with_one_ticket_have_one_winner() {
    let hub = Hub::start(&["supersmartwatch"]);
    let ticket = hub.issue(&["--name", "winner"]);
    let folders: Vec<_> = (0..100).map(|_| folder()).collect();
    let attempts: Vec<_> = folders
        .iter()
        .map(|folder| {
            let mut command = fleetlink(folder.path());
            command.args(["join", &ticket]).stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let (mut winners, mut refused) = (0, 0);
    for attempt in attempts {
        let output = attempt.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => winners += 1,
            Some(3) if said.contains("this ticket has been used already") => refused += 1,
            other => panic!("{other:?}: {said}"),
        }
    }
    assert_eq!((winners, refused), (1, 99));
    let uses = &hub.tickets()[0]["used"];
    assert_eq!(uses.as_array().unwrap().len(), 1, "{uses}");
    let listed = hub.account(&["list"], "").stdout;
    assert_eq!(listed.matches("winner").count(), 1, "{listed}");
}

#[test]
fn a_hundred_processes_that_add_one_account_have_one_winner() {
    let hub = Hub::start(&["supersmartwatch"]);
    let folder = folder();
    let attempts: Vec<_> = (0..100)
        .map(|n| {
            let mut command = fleetlink(folder.path());
            let name = ["camera", "CAMERA"][n % 2];
            command
                .args(["account", "add", name, "--data"])
                .arg(hub.data());
            command
                .env("FLEETLINK_PASSWORD", PASSWORD)
                .stdin(Stdio::null());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    let ended = attempts
        .into_iter()
        .map(|mut attempt| attempt.wait().unwrap());
    assert_eq!(ended.filter(|status| status.success()).count(), 1);
    let listed = hub.account(&["list"], "").stdout.to_lowercase();
    assert_eq!(listed.matches("camera").count(), 1, "{listed}");
}

#[test]
fn a_prefix_ticket_makes_devices_and_never_replaces_a_key() {
    let hub = Hub::start(&["supersmartwatch", "camera-2"]);
    let ticket = hub.issue(&["--prefix", "camera-", "--uses", "3"]);
    let join_as = |arguments: &[&str]| {
        let folder = folder();
        let arguments = [&[ticket.as_str()], arguments].concat();
        join(folder.path(), &arguments, "OUT\n")
    };
    let taken = join_as(&["--device", "camera-2"]);
    assert_eq!(taken.code, Some(3), "{taken:?}");
    assert!(taken.stderr.contains("makes new ones only"), "{taken:?}");
    let other = join_as(&["--device", "uav"]);
    assert!(other.stderr.contains("for camera-* only"), "{other:?}");
    for (arguments, name) in [
        (&[][..], "camera-1"),
        (&["--device", "camera-north"], "camera-north"),
        (&[], "camera-3"),
    ] {
        let joined = join_as(arguments);
        assert_eq!(joined.code, Some(0), "{joined:?}");
        let words = format!("this device is {name} from now on");
        assert!(joined.stderr.contains(&words), "{joined:?}");
    }
    assert!(join_as(&[]).stderr.contains("has been used already"));
    let listed = hub.ticket(&["list"]).stdout;
    let words = "1; camera-*; used; used 3 of 3 by camera-1, camera-north, camera-3";
    assert!(listed.contains(words), "{listed}");
}

#[test]
fn a_lost_device_is_enrolled_anew_and_its_old_key_ends() {
    let hub = Hub::start(&["supersmartwatch"]);
    let first = hub.issue(&["--name", "cam"]);
    let mut lost = Shell::start_command(folder(), &["join", &first]);
    lost.output.expect(PROMPT);
    let second = hub.issue(&["--name", "cam"]);
    let mut found = Shell::start_command(folder(), &["join", &second]);
    found.output.expect(PROMPT);
    assert_ne!(lost.wait(), Some(0), "the session of the old key ends");
    eventually("one of them is listed", || hub.active() == ["cam"]);
    let address = hub.address.to_string();
    let again = join(lost.folder(), &[&address, "--device", "cam"], "");
    assert!(again.stderr.contains("by its key any more"), "{again:?}");
    found.send("OUT");
    assert_eq!(found.wait(), Some(0));
}

#[test]
fn a_ticket_comes_from_a_file_standard_input_or_the_environment_too() {
    let hub = Hub::start(&["supersmartwatch"]);
    let folder = folder();
    let ticket = hub.issue(&["--name", "a"]).to_uppercase();
    let wrapped = format!("{}\n{}\n", &ticket[..70], &ticket[70..]);
    fs::write(folder.path().join("ticket"), wrapped).unwrap();
    let joined = join(folder.path(), &["--ticket-file", "ticket", "0"], "OUT\n");
    assert_eq!(joined.code, Some(0), "{joined:?}");

    let ticket = hub.issue(&["--name", "b"]);
    let joined = join(folder.path(), &["-"], &format!("{ticket}\nOUT\n"));
    assert_eq!(joined.code, Some(0), "{joined:?}");

    let ticket = hub.issue(&["--name", "c"]);
    let mut command = fleetlink(folder.path());
    command.arg("join").env("FLEETLINK_TICKET", &ticket);
    let joined = run(&mut command, "OUT\n");
    assert_eq!(joined.code, Some(0), "{joined:?}");

    let elsewhere = tempfile::tempdir().unwrap();
    let none = join(elsewhere.path(), &[], "");
    assert_eq!(none.code, Some(2), "{none:?}");
    let help = join(elsewhere.path(), &["--help"], "").stdout;
    for source in ["--ticket-file", "FLEETLINK_TICKET", "fleetlink join -"] {
        assert!(help.contains(source), "{source}: {help}");
    }
}

/// The store of a hub in `data`, before it starts.
#[track_caller]
fn make_store(folder: &Path) {
    let mut command = fleetlink(folder);
    command.args(["account", "init", "--data", "data"]);
    assert_eq!(run(&mut command, "").code, Some(0));
}

#[test]
fn where_no_hub_runs_the_addresses_must_be_given() {
    let folder = folder();
    let issue = |arguments: &[&str]| {
        let mut command = fleetlink(folder.path());
        command
            .args(["ticket", "--data", "data", "--name", "cam"])
            .args(arguments);
        run(&mut command, "")
    };
    make_store(folder.path());
    let refused = issue(&[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("--address HOST:PORT"),
        "{refused:?}"
    );
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap().to_string();
    drop(port);
    // The first of the addresses leads nowhere.
    let issued = issue(&["--address", "127.0.0.1:1", "--address", &address]);
    assert_eq!(issued.code, Some(0), "{issued:?}");
    let mut command = fleetlink(folder.path());
    command.args(["hub", "--data", "data", "--listen", &address]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut hub = command.spawn().unwrap();
    let mut output = crate::harness::Output::of(hub.stdout.take().unwrap());
    output.expect("pin ");
    let device = tempfile::tempdir().unwrap();
    let joined = join(device.path(), &[issued.stdout.trim()], "OUT\n");
    hub.kill().unwrap();
    hub.wait().unwrap();
    assert_eq!(joined.code, Some(0), "{joined:?}");
}

#[test]
fn scripts_get_the_ticket_alone_or_one_document() {
    let hub = Hub::start_everywhere(&["supersmartwatch"]);
    let finished = hub.ticket(&["--name", "cam", "--json", "--expires", "24h"]);
    let document: Value = serde_json::from_str(&finished.stdout).unwrap();
    let ticket = document["ticket"].as_str().unwrap();
    assert!(ticket.starts_with("fl1"), "{document}");
    assert_eq!(document["info"]["number"], 1);
    assert_eq!(document["info"]["name"], "cam");
    assert_eq!(document["info"]["state"], "open");
    // The addresses of this host, at the port that the hub has got.
    let addresses = document["addresses"].as_array().unwrap();
    let port = format!(":{}", hub.address.port());
    assert!(!addresses.is_empty(), "{document}");
    assert!(
        addresses
            .iter()
            .all(|a| a.as_str().unwrap().ends_with(&port))
    );
    assert!(
        addresses
            .iter()
            .all(|a| !a.as_str().unwrap().starts_with("0.0.0.0"))
    );
    // Nothing that is kept or listed holds the secret.
    let listed = hub.ticket(&["list", "--json"]).stdout;
    assert!(!listed.contains(&ticket[60..80]), "{listed}");
    for wrong in [
        &["--name", "cam", "--uses", "2"][..],
        &["--name", "cam", "--prefix", "c"],
        &["--expires", "1h"],
        &["list", "--name", "cam"],
    ] {
        assert_eq!(hub.ticket(wrong).code, Some(2), "{wrong:?}");
    }
    for wrong in [
        &["--name", "cam", "--expires", "721h"][..],
        &["revoke", "9"],
    ] {
        assert_eq!(hub.ticket(wrong).code, Some(1), "{wrong:?}");
    }
}

#[test]
fn a_terminal_shows_the_ticket_as_a_code_too() {
    let hub = Hub::start(&["supersmartwatch"]);
    let data = hub.data();
    let arguments = ["ticket", "--name", "cam", "--data", data.to_str().unwrap()];
    let mut terminal = Terminal::start(&arguments);
    terminal.output.expect("█");
    terminal.output.expect("fl1");
    assert!(terminal.wait());
    assert!(
        !hub.issue(&["--name", "cam"]).contains('█'),
        "not into a pipe"
    );
}

#[test]
fn tickets_survive_a_hub_that_is_killed() {
    let mut hub = Hub::start(&["supersmartwatch"]);
    let [used, open, revoked] = ["a", "b", "c"].map(|name| hub.issue(&["--name", name]));
    assert_eq!(join(folder().path(), &[&used], "OUT\n").code, Some(0));
    assert_eq!(hub.ticket(&["revoke", "3"]).code, Some(0));
    hub.kill();
    hub.restart();
    let code = |ticket: &str| join(folder().path(), &[ticket], "OUT\n").code;
    assert_eq!(
        [&used, &open, &revoked].map(|t| code(t)),
        [Some(3), Some(0), Some(3)]
    );
}

#[test]
fn a_hub_that_waits_for_its_first_device_is_reachable_from_elsewhere() {
    let folder = folder();
    make_store(folder.path());
    let mut command = fleetlink(folder.path());
    command.args([
        "ticket",
        "--data",
        "data",
        "--name",
        "cam",
        "--address",
        "h:1",
    ]);
    assert_eq!(run(&mut command, "").code, Some(0));
    let mut command = fleetlink(folder.path());
    command.args(["hub", "--data", "data", "--listen", "0.0.0.0:0"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut hub = command.spawn().unwrap();
    let mut output = crate::harness::Output::of(hub.stdout.take().unwrap());
    output.expect("listening on 0.0.0.0:");
    hub.kill().unwrap();
    hub.wait().unwrap();
}
