//! Devices that prove a key in place of a password.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Finished, Hub, PASSWORD, PROMPT, Shell, run};

const DEVICE: &str = "camera";
const NEW_KEY: &str = "this device now has a key";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A folder with the key of a device that has joined once.
fn enrolled(hub: &Hub) -> TempDir {
    let folder = folder();
    let visit = hub.visit(folder.path(), DEVICE);
    assert_eq!(visit.code, Some(0), "{visit:?}");
    assert!(visit.stderr.contains(NEW_KEY), "{visit:?}");
    folder
}

fn by_key(hub: &Hub, folder: &Path, arguments: &[&str]) -> Finished {
    run(&mut hub.command_by_key(folder, DEVICE, arguments), "")
}

/// A joined shell that had no password to show.
fn joined_by_key(hub: &Hub, folder: &Path) -> Shell {
    let address = hub.address.to_string();
    let mut shell = Shell::run(hub.command_by_key(folder, DEVICE, &["join", &address]));
    let dialogue = shell.output.expect(PROMPT);
    assert!(dialogue.starts_with("Welcome!"), "{dialogue:?}");
    shell
}

/// The public key that this command shows.
fn key_of(finished: &Finished) -> String {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let start = finished.stdout.find("ed25519:").unwrap();
    finished.stdout[start..][.."ed25519:".len() + 64].to_owned()
}

fn key_file(folder: &Path) -> PathBuf {
    let hubs: Vec<_> = fs::read_dir(folder.join("state/keys")).unwrap().collect();
    assert_eq!(hubs.len(), 1);
    let hub = hubs[0].as_ref().unwrap().path();
    hub.join(format!("{DEVICE}.pk8"))
}

#[test]
fn a_device_that_has_joined_once_needs_no_password_any_more() {
    let mut hub = Hub::start(&[DEVICE]);
    let folder = enrolled(&hub);
    let file = key_file(folder.path());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);

    let mut shell = joined_by_key(&hub, folder.path());
    let list = by_key(&hub, folder.path(), &["data", "list"]);
    assert_eq!(list.code, Some(0), "{list:?}");
    let own = key_of(&by_key(&hub, folder.path(), &["key", "show"]));
    let known = hub.operate("key", &["list", "--device", DEVICE], "");
    assert_eq!(key_of(&known), own);

    // Also when the hub has been away, and when it has started anew.
    hub.kill();
    hub.restart();
    shell.output.expect("has joined again.\n");
    assert_eq!(shell.ask("AED"), "no other active edge devices");
    let visit = by_key(&hub, folder.path(), &["data", "list"]);
    assert_eq!(visit.code, Some(0), "{visit:?}");
}

#[test]
fn a_second_device_of_a_name_is_told_so_and_takes_the_key_over_by_the_password() {
    let hub = Hub::start(&[DEVICE]);
    let first = enrolled(&hub);
    let mut shell = joined_by_key(&hub, first.path());

    let second = folder();
    let visit = hub.visit(second.path(), DEVICE);
    assert_eq!(visit.code, Some(0), "{visit:?}");
    assert!(
        visit.stderr.contains("fleetlink key replace"),
        "{}",
        visit.stderr
    );
    let refused = by_key(&hub, second.path(), &["data", "list"]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    // The first was replaced by the visit; its key is still the one that counts.
    assert_eq!(shell.wait(), Some(10));
    assert_eq!(by_key(&hub, first.path(), &["data", "list"]).code, Some(0));

    let mut shell = joined_by_key(&hub, first.path());
    let replaced = key_of(&hub.run(second.path(), DEVICE, &["key", "replace"]));
    assert_eq!(
        key_of(&by_key(&hub, second.path(), &["key", "show"])),
        replaced
    );
    assert_eq!(shell.wait(), Some(10), "its key has been replaced");
    assert_eq!(by_key(&hub, second.path(), &["data", "list"]).code, Some(0));
    let refused = by_key(&hub, first.path(), &["data", "list", "--json"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    let document: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!(document["error"]["code"], "key_refused", "{document}");
    // A person reads it once, on standard error.
    let refused = by_key(&hub, first.path(), &["data", "list"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), ""));
    let said = refused.stderr.lines().collect::<Vec<_>>();
    let words = "the hub does not know this device by this key";
    assert!(said.len() == 1 && said[0].contains(words), "{refused:?}");
}

#[test]
fn a_revoked_key_ends_its_sessions_and_opens_none() {
    let hub = Hub::start(&[DEVICE]);
    let by_operator = |_: &Path| hub.operate("key", &["revoke", "--device", DEVICE], "");
    let by_owner = |folder: &Path| hub.run(folder, DEVICE, &["key", "revoke"]);
    let revocations: [&dyn Fn(&Path) -> Finished; 2] = [&by_operator, &by_owner];
    for revoke in revocations {
        let folder = enrolled(&hub);
        let mut shell = joined_by_key(&hub, folder.path());
        let revoked = revoke(folder.path());
        assert_eq!(revoked.code, Some(0), "{revoked:?}");
        assert_eq!(shell.wait(), Some(10));
        let refused = by_key(&hub, folder.path(), &["data", "list"]);
        assert_ne!(refused.code, Some(0), "{refused:?}");
        let again = revoke(folder.path());
        assert_ne!(again.code, Some(0), "there is none any more: {again:?}");
    }
}

#[test]
fn a_key_does_not_change_itself() {
    let hub = Hub::start_with(&[DEVICE], &["--max-attempts", "5"]);
    let folder = enrolled(&hub);
    for change in ["revoke", "replace", "list"] {
        let mut command = hub.command(folder.path(), DEVICE, &["key", change]);
        let refused = run(command.env("FLEETLINK_PASSWORD", "wrong"), "");
        assert_eq!(refused.code, Some(3), "{change}: {refused:?}");
    }
    assert_eq!(by_key(&hub, folder.path(), &["data", "list"]).code, Some(0));
}

#[test]
fn the_owner_of_a_locked_out_name_joins_by_key() {
    let hub = Hub::start_with(&[DEVICE], &["--max-attempts", "1"]);
    let device = enrolled(&hub);
    let elsewhere = folder();
    let mut guess = hub.command(elsewhere.path(), DEVICE, &["data", "list"]);
    guess.env("FLEETLINK_PASSWORD", "wrong");
    assert_eq!(run(&mut guess, "").code, Some(4));
    guess.env("FLEETLINK_PASSWORD", PASSWORD);
    assert_eq!(run(&mut guess, "").code, Some(4), "still blocked");
    joined_by_key(&hub, device.path());
}

#[test]
fn a_key_that_others_can_read_or_that_is_damaged_is_not_used() {
    let hub = Hub::start(&[DEVICE]);
    let folder = enrolled(&hub);
    let file = key_file(folder.path());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = by_key(&hub, folder.path(), &["data", "list"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("chmod 600"), "{refused:?}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "no key").unwrap();
    let refused = by_key(&hub, folder.path(), &["data", "list"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("key replace"), "{refused:?}");
}
