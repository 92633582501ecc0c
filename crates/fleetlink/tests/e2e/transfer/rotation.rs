//! Devices whose sessions know their hub by different keys.

use std::fs;

use super::listing;
use crate::harness::{Hub, Shell};

/// Sends a file, which arrives.
#[track_caller]
fn sends(from: &mut Shell, sender: &str, to: &mut Shell, receiver: &str, file: &str) {
    fs::write(from.file(file), file).unwrap();
    from.send(&format!("UVF {receiver} {file}"));
    from.output.expect(&format!("{file} has been uploaded"));
    to.output.expect(&format!("Received {file} from {sender}"));
    let stored = to.file(&format!("{sender}_{file}"));
    assert_eq!(fs::read_to_string(stored).unwrap(), file);
}

#[test]
fn who_joined_before_and_who_joined_after_a_rotation_send_to_each_other() {
    let mut hub = Hub::start(&["old", "older", "new"]);
    let mut older = hub.join("older");
    hub.rotate();
    let mut old = hub.join("old");
    hub.rotate();
    let mut new = hub.join("new");
    sends(&mut old, "old", &mut new, "new", "1");
    sends(&mut new, "new", &mut old, "old", "2");
    sends(&mut older, "older", &mut old, "old", "3");
    sends(&mut old, "old", &mut older, "older", "4");
    sends(&mut new, "new", &mut older, "older", "5");

    // And when all of them have learnt the newest.
    let announced = hub.rotate();
    hub.kill();
    hub.restart();
    assert_eq!(hub.pin(), announced);
    for shell in [&mut older, &mut old, &mut new] {
        shell.output.expect("has joined again");
    }
    sends(&mut new, "new", &mut older, "older", "6");
    sends(&mut older, "older", &mut new, "new", "7");
}

/// A one-shot has a session of its own, newer than the joined one.
#[test]
fn a_one_shot_after_a_rotation_sends_to_who_joined_before() {
    let hub = Hub::start(&["old", "new"]);
    let old = hub.join("old");
    hub.rotate();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x"), "x").unwrap();
    let sent = hub.run(folder.path(), "new", &["send", "old", "x"]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(listing(old.folder()), ["new_x"]);
}

/// The statements with a grant have a bound; a device that was shown a much older key connects anew.
#[test]
fn a_session_that_has_slept_through_too_many_rotations_is_told_so() {
    let mut hub = Hub::start(&["old", "new"]);
    let mut old = hub.join("old");
    for _ in 0..17 {
        hub.rotate();
    }
    let mut new = hub.join("new");
    fs::write(new.file("x"), "x").unwrap();
    let refused = new.ask("UVF old x");
    assert!(refused.contains("it is of another hub"), "{refused}");
    assert_eq!(listing(old.folder()), [""; 0]);
    hub.kill();
    hub.restart();
    for shell in [&mut old, &mut new] {
        shell.output.expect("has joined again");
    }
    sends(&mut new, "new", &mut old, "old", "x");
}
