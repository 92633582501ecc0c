//! A hub that gets a new key: devices follow where the old one has announced it, and nowhere else.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{Finished, Hub, PASSWORD, PROMPT, Shell, eventually, fleetlink, run};

const DEVICE: &str = "supersmartwatch";
const ANNOUNCED: &str = "has a new key, announced by its old one";

/// The pins that a device in this folder keeps, a line an address.
fn known(folder: &Path) -> String {
    fs::read_to_string(folder.join("state/known-hubs")).unwrap_or_default()
}

/// A one-shot without a password: it succeeds by the device's key alone.
fn by_key(hub: &Hub, folder: &Path, arguments: &[&str]) -> Finished {
    let mut command = hub.command(folder, DEVICE, &["data", "list"]);
    run(command.args(arguments).env_remove("FLEETLINK_PASSWORD"), "")
}

/// A device that has joined once and is away, with a pin and a key.
fn away(hub: &Hub) -> Shell {
    let mut shell = hub.join(DEVICE);
    shell.send("OUT");
    assert_eq!(shell.wait(), Some(0));
    assert_eq!(by_key(hub, shell.folder(), &[]).code, Some(0));
    shell
}

#[test]
fn a_device_that_was_away_follows_to_an_announced_key_with_one_notice() {
    let hub = Hub::start(&[DEVICE]);
    let first = hub.pin();
    let device = away(&hub);
    let second = hub.rotate();
    assert_ne!(second, first);
    let moved = by_key(&hub, device.folder(), &[]);
    assert_eq!(moved.code, Some(0), "{moved:?}");
    let notices = moved.stderr.matches(ANNOUNCED).count();
    assert_eq!(notices, 1, "{moved:?}");
    assert!(moved.stderr.contains(&first) && moved.stderr.contains(&second));
    assert_eq!(
        known(device.folder()),
        format!("{} {second}\n", hub.address)
    );
    let again = by_key(&hub, device.folder(), &[]);
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""));

    // Twice while it was away: one notice, and the key is still in use.
    hub.rotate();
    let last = hub.rotate();
    let moved = by_key(&hub, device.folder(), &["--json"]);
    assert_eq!(moved.code, Some(0), "{moved:?}");
    assert_eq!(moved.stderr.matches(ANNOUNCED).count(), 1, "{moved:?}");
    assert_eq!(known(device.folder()), format!("{} {last}\n", hub.address));
}

#[test]
fn a_device_with_a_password_follows_too() {
    let mut hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let list = || hub.run(folder.path(), DEVICE, &["data", "list"]);
    assert_eq!(list().code, Some(0));
    let new = hub.rotate();
    let moved = list();
    assert_eq!(moved.code, Some(0), "{moved:?}");
    assert_eq!(moved.stderr.matches(ANNOUNCED).count(), 1, "{moved:?}");
    assert_eq!(known(folder.path()), format!("{} {new}\n", hub.address));

    // Rotated where no hub runs, for its next start.
    hub.kill();
    let new = hub.rotate();
    hub.restart();
    assert_eq!(hub.pin(), new);
    let moved = hub.run(folder.path(), DEVICE, &["data", "list"]);
    assert_eq!(moved.code, Some(0), "{moved:?}");
    assert_eq!(moved.stderr.matches(ANNOUNCED).count(), 1, "{moved:?}");
}

/// Keys that cannot move hold up the pin, which leads to the move again, and nothing else.
#[test]
fn damaged_known_devices_keep_nobody_from_following() {
    let hub = Hub::start(&[DEVICE]);
    let device = away(&hub);
    let before = known(device.folder());
    let damaged = device.file("state/known-devices");
    fs::write(&damaged, "damage\n").unwrap();
    let new = hub.rotate();
    for _ in 0..2 {
        let moved = by_key(&hub, device.folder(), &[]);
        assert_eq!(moved.code, Some(0), "{moved:?}");
        assert!(moved.stderr.contains("known-devices: line 1 "), "{moved:?}");
        assert_eq!(known(device.folder()), before);
    }
    fs::remove_file(damaged).unwrap();
    assert_eq!(by_key(&hub, device.folder(), &[]).code, Some(0));
    assert_eq!(known(device.folder()), format!("{} {new}\n", hub.address));
}

#[test]
fn a_pin_that_was_given_is_followed_and_not_kept() {
    let hub = Hub::start(&[DEVICE]);
    let (folder, pin) = (tempfile::tempdir().unwrap(), hub.pin());
    hub.rotate();
    let listed = hub.run(folder.path(), DEVICE, &["data", "list", "--pin", &pin]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stderr.contains(ANNOUNCED), "{listed:?}");
    assert!(listed.stderr.contains("--pin"), "{listed:?}");
    assert_eq!(known(folder.path()), "");
}

#[test]
fn a_joined_shell_stays_and_joins_again_under_the_new_key() {
    let mut hub = Hub::start(&[DEVICE]);
    let mut shell = hub.join(DEVICE);
    let before = known(shell.folder());
    let new = hub.rotate();
    assert_eq!(shell.ask("AED"), "no other active edge devices");
    assert_eq!(known(shell.folder()), before, "its session goes on");
    hub.kill();
    shell.output.expect("The hub is away");
    hub.restart();
    shell.output.expect("has joined again");
    assert_eq!(known(shell.folder()), format!("{} {new}\n", hub.address));
    eventually("it is listed", || hub.active() == [DEVICE]);
    shell.send("AED");
    shell.output.expect("no other active edge devices");
    shell.output.expect(PROMPT);
    assert_eq!(
        by_key(&hub, shell.folder(), &[]).code,
        Some(0),
        "by its key"
    );
}

#[test]
fn a_new_key_that_nobody_announced_is_a_hard_failure_and_nothing_moves() {
    let mut hub = Hub::start(&[DEVICE]);
    let device = away(&hub);
    hub.kill();
    let kept = known(device.folder());
    let key = fs::read_to_string(hub.data().join("hub.key")).unwrap();
    fs::remove_file(hub.data().join("hub.key")).unwrap();
    hub.restart();
    // Announced by a key that the device has never known.
    hub.rotate();
    for password in [None, Some(PASSWORD)] {
        let mut command = hub.command(device.folder(), DEVICE, &["data", "list", "--json"]);
        command.env_remove("FLEETLINK_PASSWORD");
        command.envs(password.map(|password| ("FLEETLINK_PASSWORD", password)));
        let refused = run(&mut command, "");
        assert_eq!(refused.code, Some(7), "{refused:?}");
        let document: serde_json::Value = serde_json::from_str(&refused.stdout).unwrap();
        assert_eq!(document["error"]["code"], "pin_changed");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains("did not announce"), "{message}");
        assert!(message.contains(kept.trim().rsplit(' ').next().unwrap()));
        assert_eq!(known(device.folder()), kept, "nothing moved");
    }
    assert!(hub.log("upload-log.txt").is_empty());

    // The old key again: the device's own key is still where it was.
    hub.kill();
    fs::write(hub.data().join("hub.key"), key).unwrap();
    hub.restart();
    assert_eq!(by_key(&hub, device.folder(), &[]).code, Some(0));
}

/// Devices that have followed are not led back by whoever has an old key.
#[test]
fn an_old_key_from_a_backup_is_a_hard_failure() {
    let mut hub = Hub::start(&[DEVICE]);
    let device = away(&hub);
    let old = fs::read_to_string(hub.data().join("hub.key")).unwrap();
    hub.rotate();
    assert_eq!(by_key(&hub, device.folder(), &[]).code, Some(0));
    hub.kill();
    fs::write(hub.data().join("hub.key"), old).unwrap();
    hub.restart();
    let refused = by_key(&hub, device.folder(), &[]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stderr.contains("backup"), "{refused:?}");
    hub.rotate();
    assert_eq!(by_key(&hub, device.folder(), &[]).code, Some(7));
}

#[test]
fn a_hub_that_is_killed_while_it_rotates_still_leads_from_its_first_key() {
    let mut hub = Hub::start(&[DEVICE]);
    let device = away(&hub);
    for round in 0..16_u64 {
        let mut command = hub.rotate_command();
        let rotating = std::thread::spawn(move || command.output().unwrap());
        // A different moment each time, over the life of the command.
        std::thread::sleep(Duration::from_millis(round * 7 % 60));
        hub.kill();
        rotating.join().unwrap();
        // The command may have found no hub, and have done it by itself.
        hub.restart();
    }
    let pin = hub.pin();
    let moved = by_key(&hub, device.folder(), &[]);
    assert_eq!(moved.code, Some(0), "{moved:?}");
    assert_eq!(known(device.folder()), format!("{} {pin}\n", hub.address));
    assert_eq!(hub.stop(Signal::TERM), Some(0));
}

#[test]
fn a_hub_without_a_key_has_none_to_rotate() {
    let folder = tempfile::tempdir().unwrap();
    let mut init = fleetlink(folder.path());
    init.args(["account", "init", "--data", "data"]);
    assert_eq!(run(&mut init, "").code, Some(0));
    let mut command = fleetlink(folder.path());
    command.args(["hub", "rotate-key", "--data", "data"]);
    // The environment's folder is no argument of the other form.
    let refused = run(command.env("FLEETLINK_DATA", "elsewhere"), "");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("first start"), "{refused:?}");
    assert!(!folder.path().join("data/hub.key").exists());
}
