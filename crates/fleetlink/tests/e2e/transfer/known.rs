//! Devices that know each other by the keys that they had when they first exchanged a file.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::{event, listing, receiving};
use crate::harness::{Finished, Hub, Shell, run};

const FILE: &str = "state/known-devices";

/// A sender, `cam`, and a receiver, `box`, each with a key that its hub knows.
struct Pair {
    hub: Hub,
    cam: TempDir,
    home: TempDir,
    receiver: Shell,
}

impl Pair {
    fn new() -> Self {
        let hub = Hub::start(&["cam", "box"]);
        let (cam, home) = (folder(), folder());
        fs::write(cam.path().join("x"), "x").unwrap();
        assert_eq!(hub.visit(cam.path(), "cam").code, Some(0));
        let receiver = receiving(&hub, home.path(), "box", &[]);
        Pair {
            hub,
            cam,
            home,
            receiver,
        }
    }

    /// The same after a first file, which makes them known to each other.
    fn met() -> Self {
        let mut pair = Pair::new();
        pair.arrives();
        pair
    }

    fn send(&self, options: &[&str]) -> Finished {
        let arguments = [&["send", "box", "x"], options].concat();
        self.hub.run(self.cam.path(), "cam", &arguments)
    }

    #[track_caller]
    fn arrives(&mut self) {
        let sent = self.send(&[]);
        assert_eq!((sent.code, sent.stderr.as_str()), (Some(0), ""), "{sent:?}");
        event(&mut self.receiver.output, "stored");
    }

    fn arrived(&self) -> usize {
        listing(&self.home.path().join("inbox")).len()
    }

    fn key(&self, folder: &Path, device: &str) -> String {
        let shown = self.hub.run(folder, device, &["key", "show"]);
        assert_eq!(shown.code, Some(0), "{shown:?}");
        shown.stdout.trim().to_owned()
    }

    /// Gives the device another key, and returns its old and new one.
    fn replace(&self, folder: &Path, device: &str) -> [String; 2] {
        let old = self.key(folder, device);
        let replaced = self.hub.run(folder, device, &["key", "replace"]);
        assert_eq!(replaced.code, Some(0), "{replaced:?}");
        [old, self.key(folder, device)]
    }

    fn forget(&self, folder: &Path, name: &str) -> Finished {
        // Without an environment that names the hub.
        run(
            crate::harness::fleetlink(folder).args(["key", "forget", name]),
            "",
        )
    }

    /// Ends the receiver, and says how many files it has heard of.
    fn stop_receiver(&mut self) -> [u64; 2] {
        self.receiver.signal(Signal::INT);
        let end = event(&mut self.receiver.output, "finished");
        assert_eq!(self.receiver.wait(), Some(0));
        ["files", "failed"].map(|member| end[member].as_u64().unwrap())
    }

    fn start_receiver(&mut self) {
        self.receiver = receiving(&self.hub, self.home.path(), "box", &[]);
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Hub, name and key of the devices that are known in this folder.
fn known(folder: &Path) -> Vec<[String; 3]> {
    let mut command = crate::harness::fleetlink(folder);
    let listed = run(command.args(["key", "known", "--json"]), "");
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let document: Value = serde_json::from_str(&listed.stdout).unwrap();
    let known = document["known"].as_array().unwrap().iter();
    let member = |device: &Value, name| device[name].as_str().unwrap().to_owned();
    known
        .map(|device| ["hub", "device", "key"].map(|name| member(device, name)))
        .collect()
}

#[track_caller]
fn says(text: &str, keys: &[String; 2], whom: &str) {
    for part in [&keys[0], &keys[1], &format!("fleetlink key forget {whom}")] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_receiver_whose_key_has_changed_is_sent_nothing() {
    let mut pair = Pair::met();
    let (cam, home) = (pair.cam.path(), pair.home.path());
    let pin = pair.hub.pin();
    let knows = |name: &str, key| vec![[pin.clone(), name.to_owned(), key]];
    assert_eq!(known(cam), knows("box", pair.key(home, "box")));
    assert_eq!(known(home), knows("cam", pair.key(cam, "cam")));
    let table = pair.hub.run(cam, "cam", &["key", "known"]).stdout;
    assert!(table.starts_with("box; ed25519:"), "{table}");
    assert!(table.contains(&pair.hub.address.to_string()), "{table}");
    pair.arrives();

    assert_eq!(pair.stop_receiver(), [2, 0]);
    let keys = pair.replace(pair.home.path(), "box");
    pair.start_receiver();
    let refused = pair.send(&[]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    says(&refused.stderr, &keys, "box");
    let document = pair.send(&["--json"]);
    assert!(document.stdout.contains("\"key_changed\""), "{document:?}");
    let events = pair.send(&["--events"]);
    assert_eq!(events.code, Some(7), "{events:?}");
    let last: Value = serde_json::from_str(events.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["event"], &last["code"]),
        (&"error".into(), &"key_changed".into())
    );
    assert_eq!(pair.stop_receiver(), [0, 0], "it heard of nothing");
    pair.start_receiver();
    assert_eq!(pair.arrived(), 2);

    let forgotten = pair.forget(pair.cam.path(), "box");
    assert_eq!(forgotten.code, Some(0), "{forgotten:?}");
    assert!(forgotten.stdout.contains(&keys[0]), "{forgotten:?}");
    pair.arrives();
    assert_eq!(known(pair.cam.path())[0][2], keys[1]);
    let unknown = pair.forget(pair.cam.path(), "nobody");
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
}

#[test]
fn a_sender_whose_key_has_changed_is_refused_and_both_sides_say_why() {
    let mut pair = Pair::met();
    let keys = pair.replace(pair.cam.path(), "cam");
    let refused = pair.send(&[]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    says(&refused.stderr, &keys, "cam");
    assert!(refused.stderr.contains("run on box"), "{refused:?}");
    let failed = event(&mut pair.receiver.output, "failed");
    let said = ["code", "by", "device"].map(|member| failed[member].as_str().unwrap());
    assert_eq!(said, ["key_changed", "here", "cam"]);
    assert!(failed["name"].is_null());
    says(failed["message"].as_str().unwrap(), &keys, "cam");
    assert_eq!(pair.arrived(), 1);

    // The process that runs hears of it.
    let forgotten = pair.forget(pair.home.path(), "cam");
    assert_eq!(forgotten.code, Some(0), "{forgotten:?}");
    pair.arrives();
}

/// The key of a process is another at each start: nothing is remembered of it, but what is known
/// stays known whatever the hub says.
#[test]
fn a_device_without_an_enrolled_key_is_not_remembered_and_replaces_nobody() {
    let mut pair = Pair::new();
    // By its password alone, from a folder without a key.
    assert_eq!(
        pair.hub
            .operate("key", &["revoke", "--device", "cam"], "")
            .code,
        Some(0)
    );
    fs::remove_dir_all(pair.cam.path().join("state")).unwrap();
    for _ in 0..2 {
        pair.arrives();
    }
    assert_eq!(known(pair.home.path()), Vec::<[String; 3]>::new());
    assert_eq!(pair.hub.visit(pair.cam.path(), "cam").code, Some(0));
    pair.arrives();
    let met = known(pair.home.path());
    assert_eq!(met[0][2], pair.key(pair.cam.path(), "cam"));

    // The hub knows no key any more: the one that the device still has is as good as before.
    assert_eq!(
        pair.hub
            .operate("key", &["revoke", "--device", "cam"], "")
            .code,
        Some(0)
    );
    pair.arrives();
    fs::remove_dir_all(pair.cam.path().join("state")).unwrap();
    let refused = pair.send(&[]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stderr.contains(&met[0][2]), "{refused:?}");
    assert_eq!(known(pair.home.path()), met);
}

#[test]
fn what_is_known_outlives_the_hubs_key() {
    let mut pair = Pair::met();
    let keys = pair.replace(pair.cam.path(), "cam");
    let pin = pair.hub.rotate();
    // Another process of the receiver's device follows; its session stays at the old key.
    let listed = pair.hub.run(pair.home.path(), "box", &["data", "list"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert_eq!(
        known(pair.home.path()),
        [[pin.clone(), "cam".to_owned(), keys[0].clone()]]
    );
    let refused = pair.send(&[]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    says(&refused.stderr, &keys, "cam");
    // And the sender, whose own followed when it connected.
    assert_eq!(known(pair.cam.path())[0][0], pin);
    assert_eq!(pair.stop_receiver(), [1, 1]);
    let keys = pair.replace(pair.home.path(), "box");
    pair.start_receiver();
    let refused = pair.send(&[]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    says(&refused.stderr, &keys, "box");
}

#[test]
fn what_is_known_is_not_passed_over_where_it_is_damaged() {
    let mut pair = Pair::met();
    let damaged = "sha256:12 cam\n";
    for (folder, code) in [(pair.cam.path(), 1), (pair.home.path(), 13)] {
        let whole = fs::read_to_string(folder.join(FILE)).unwrap();
        fs::write(folder.join(FILE), damaged).unwrap();
        let refused = pair.send(&[]);
        assert_eq!(refused.code, Some(code), "{refused:?}");
        let own = folder == pair.cam.path();
        assert_eq!(
            refused.stderr.contains("known-devices: line 1 "),
            own,
            "{refused:?}"
        );
        assert_eq!(fs::read_to_string(folder.join(FILE)).unwrap(), damaged);
        let listed = pair.hub.run(folder, "cam", &["key", "known"]);
        assert_eq!(listed.code, Some(1), "{listed:?}");
        fs::write(folder.join(FILE), whole).unwrap();
    }
    let failed = event(&mut pair.receiver.output, "failed");
    assert_eq!(failed["code"], "internal");
    let message = failed["message"].as_str().unwrap();
    assert!(message.contains("known-devices: line 1 "), "{message}");
    assert_eq!(pair.arrived(), 1);
    pair.arrives();
}

#[test]
fn where_nothing_can_be_kept_that_is_said_and_the_file_arrives() {
    let mut pair = Pair::new();
    // Nothing can be locked by this name, whoever one is.
    fs::create_dir_all(pair.cam.path().join("state/known-devices.lock")).unwrap();
    let sent = pair.send(&[]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert!(
        sent.stderr
            .contains("the key of box could not be remembered"),
        "{sent:?}"
    );
    event(&mut pair.receiver.output, "stored");
    assert!(!pair.cam.path().join(FILE).exists());
}

#[test]
fn two_shells_say_whose_key_has_changed() {
    let hub = Hub::start(&["a", "b"]);
    let (mut a, mut b) = (hub.join("a"), hub.join("b"));
    fs::write(a.file("x"), "x").unwrap();
    a.send("UVF b x");
    a.output.expect("x has been uploaded");
    a.send("OUT");
    assert_eq!(a.wait(), Some(0));
    let replaced = hub.run(a.folder(), "a", &["key", "replace"]);
    assert_eq!(replaced.code, Some(0), "{replaced:?}");
    let address = hub.address.to_string();
    let mut again = Shell::run(hub.command_by_key(a.folder(), "a", &["join", &address]));
    again.output.expect(crate::harness::PROMPT);
    let said = again.ask("UVF b x");
    assert!(
        said.starts_with("b refused x: b knows a by the key ed25519:"),
        "{said}"
    );
    b.output
        .expect("Refused a file from a: b knows a by the key ed25519:");
    assert_eq!(listing(b.folder()), ["a_x"]);
}
