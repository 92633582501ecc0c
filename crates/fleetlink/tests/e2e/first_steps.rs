//! The hub and device that commands remember, and commands that come before their hub.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::Signal;

use crate::harness::network::{Family, Network};
use crate::harness::{Finished, Hub, Output, PASSWORD, eventually, fleetlink, run, signal};

const DEVICE: &str = "porch-camera";

/// Runs a command on the device's host, with nothing in its environment that names hub or device.
fn on_device(network: &Network, folder: &Path, arguments: &[&str], input: &str) -> Finished {
    let mut command = fleetlink(folder);
    command.args(arguments).env("FLEETLINK_PASSWORD", PASSWORD);
    run(&mut network.on_device(&command), input)
}

#[test]
fn what_a_given_pin_confirmed_is_remembered_and_the_device_is_the_default() {
    let Some(network) = Network::make() else {
        return;
    };
    let hub = Hub::start_in(&network, &[DEVICE], &[]);
    let folder = tempfile::tempdir().unwrap();
    let (address, pin) = (hub.address.to_string(), hub.pin());
    let join = ["join", &address, "--pin", &pin, "--device", DEVICE];
    let joined = on_device(&network, folder.path(), &join, "OUT\n");
    assert_eq!(joined.code, Some(0), "{joined:?}");
    assert!(joined.stderr.contains("fleetlink use"), "{joined:?}");
    // Neither --pin nor --hub nor --device from here on.
    for arguments in [&["data", "list"][..], &["key", "show"], &["device", "list"]] {
        let listed = on_device(&network, folder.path(), arguments, "");
        assert_eq!(listed.code, Some(0), "{arguments:?}: {listed:?}");
    }
    let again = on_device(&network, folder.path(), &["join"], "OUT\n");
    assert_eq!(again.code, Some(0), "{again:?}");
    let shown = on_device(&network, folder.path(), &["use"], "");
    assert_eq!(shown.stdout, format!("{DEVICE} at {address}\n"));
    on_device(&network, folder.path(), &["use", "--forget"], "");
    let lost = on_device(&network, folder.path(), &["data", "list"], "");
    assert_eq!(lost.code, Some(2), "{lost:?}");
    assert!(lost.stderr.contains("fleetlink use"), "{lost:?}");
}

#[test]
fn a_known_hub_at_a_new_address_is_followed_and_that_is_said() {
    let Some(network) = Network::make_of(Family::Both) else {
        return;
    };
    let hub = Hub::start_everywhere_in(&network, &[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let (port, pin) = (hub.address.port(), hub.pin());
    let first = format!("10.77.0.1:{port}");
    let join = ["join", &first, "--pin", &pin, "--device", DEVICE];
    assert_eq!(
        on_device(&network, folder.path(), &join, "OUT\n").code,
        Some(0)
    );
    // The same host by another of its addresses.
    let second = format!("[::ffff:10.77.0.1]:{port}");
    let list = ["data", "list", "--hub", &second, "--device", DEVICE];
    let followed = on_device(&network, folder.path(), &list, "");
    assert_eq!(followed.code, Some(0), "{followed:?}");
    assert!(
        followed.stderr.contains(&format!("met at {first}")),
        "{followed:?}"
    );
    let quiet = on_device(&network, folder.path(), &list, "");
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_environment_names_the_hub_of_a_join() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let joined = run(&mut hub.command(folder.path(), DEVICE, &["join"]), "OUT\n");
    assert_eq!(joined.code, Some(0), "{joined:?}");
    let address = format!("https://{}/", hub.address);
    let mut list = hub.command(folder.path(), DEVICE, &["data", "list"]);
    let listed = run(list.env("FLEETLINK_HUB", &address), "");
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let mut wrong = hub.command(folder.path(), DEVICE, &["data", "list", "--hub", "h/page"]);
    let refused = run(&mut wrong, "");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("no path"), "{refused:?}");
}

#[test]
fn join_and_receive_wait_for_a_hub_that_comes_later() {
    let mut hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(hub.visit(folder.path(), DEVICE).code, Some(0));
    let address = hub.address.to_string();
    hub.stop(Signal::TERM);
    let now = hub.run(folder.path(), DEVICE, &["join", &address]);
    assert_eq!(now.code, Some(5), "{now:?}");
    for arguments in [
        &["join", &address, "--wait"][..],
        &["receive", "--inbox", "inbox"],
    ] {
        let mut child = hub
            .command(folder.path(), DEVICE, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut notices = Output::of(child.stderr.take().unwrap());
        let mut output = Output::of(child.stdout.take().unwrap());
        notices.expect("waiting for the hub at");
        hub.restart();
        output.expect(if arguments[0] == "join" {
            "Welcome!"
        } else {
            "takes files into"
        });
        signal(&child, Signal::TERM);
        child.wait().unwrap();
        hub.stop(Signal::TERM);
    }
    let mut briefly = hub.command(folder.path(), DEVICE, &["join", &address, "--wait=300ms"]);
    assert_eq!(run(&mut briefly, "").code, Some(5));
}

#[test]
fn a_ticket_that_is_used_again_joins_by_the_key_of_the_first_time() {
    let hub = Hub::start(&[]);
    for subject in [["--name", DEVICE], ["--prefix", "box-"]] {
        let folder = tempfile::tempdir().unwrap();
        let issued = hub.operate("ticket", &subject, "");
        assert_eq!(issued.code, Some(0), "{issued:?}");
        let ticket = issued.stdout.lines().next().unwrap().to_owned();
        for _ in 0..3 {
            let mut join = fleetlink(folder.path());
            join.args(["join"]).env("FLEETLINK_TICKET", &ticket);
            let joined = run(&mut join, "OUT\n");
            assert_eq!(joined.code, Some(0), "{joined:?}");
            assert!(joined.stdout.contains("Welcome!"), "{joined:?}");
        }
    }
}

/// A process of the test; killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Another process holds the lock of the file meanwhile.
#[test]
fn a_join_that_waits_to_remember_its_device_hears_an_interrupt() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    let lock = File::create(state.join("default.lock")).unwrap();
    lock.lock().unwrap();
    let mut join = hub.command(folder.path(), DEVICE, &["join"]);
    let join = join.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut joining = Killed(join.spawn().unwrap());
    let has_key = || {
        let hubs = fs::read_dir(state.join("keys")).into_iter().flatten();
        let file = format!("{DEVICE}.pk8");
        hubs.flatten().any(|hub| hub.path().join(&file).exists())
    };
    eventually("the device has a key", has_key);
    signal(&joining.0, Signal::INT);
    let mut ended = None;
    eventually("it ends", || {
        ended = joining.0.try_wait().unwrap();
        ended.is_some()
    });
    assert_eq!(ended.unwrap().code(), Some(130));
}
