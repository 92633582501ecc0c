//! A receiver and a shell of one device share its presence; anybody else takes over, once.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{event, listing, receiving};
use rustix::process::Signal;

use crate::harness::{Hub, PASSWORD, Shell, eventually};

/// A shell of the box in `folder`, by the key that it has there.
#[track_caller]
fn shell(hub: &Hub, folder: &Path) -> Shell {
    let address = hub.address.to_string();
    let command = hub.command(folder, "box", &["join", &address]);
    let mut shell = Shell::run(with_notices(&command, &folder.join("shell")));
    shell.output.expect("Welcome!");
    shell
}

/// A shell of the box elsewhere: it has no key to show.
#[track_caller]
fn stranger(hub: &Hub, folder: &Path) -> Shell {
    let address = hub.address.to_string();
    let command = hub.command(folder, "box", &["join", &address]);
    let mut shell = Shell::run(with_notices(&command, &folder.join("shell")));
    shell.output.expect("Welcome!");
    shell
}

/// The box takes files by these options.
fn receive(hub: &Hub, folder: &Path, options: &[&str]) -> Shell {
    let arguments = [&["receive", "--inbox", "inbox", "--events"], options].concat();
    let command = hub.command(folder, "box", &arguments);
    Shell::run(with_notices(&command, &folder.join("receive")))
}

/// The same command with its errors and notices in this file.
fn with_notices(command: &Command, file: &Path) -> Command {
    let mut noted = Command::new("sh");
    let redirected = format!("exec \"$0\" \"$@\" 2>'{}'", file.display());
    noted.args(["-c", &redirected]).arg(command.get_program());
    noted.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => noted.env(name, value),
            None => noted.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        noted.current_dir(folder);
    }
    noted
}

#[track_caller]
fn expect_notice(file: &Path, text: &str) {
    eventually(text, || {
        fs::read_to_string(file).is_ok_and(|said| said.contains(text))
    });
}

/// Sends a file of this name to the box.
#[track_caller]
fn send(hub: &Hub, folder: &Path, name: &str) {
    fs::write(folder.join(name), name).unwrap();
    let sent = hub.run(folder, "cam", &["send", "box", name]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
}

#[test]
fn a_receiver_and_a_shell_of_one_device_run_beside_each_other() {
    let mut hub = Hub::start(&["cam", "box"]);
    let [cam, own] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut receiver = receiving(&hub, own.path(), "box", &[]);
    let mut beside = shell(&hub, own.path());
    expect_notice(&own.path().join("shell"), "other sessions of this device");
    eventually("one entry", || hub.active() == ["box"]);
    send(&hub, cam.path(), "one.txt");
    assert_eq!(event(&mut receiver.output, "stored")["name"], "one.txt");

    beside.send("OUT");
    assert_eq!(beside.wait(), Some(0));
    assert_eq!(hub.active(), ["box"], "the receiver stays");
    send(&hub, cam.path(), "two.txt");
    assert_eq!(event(&mut receiver.output, "stored")["name"], "two.txt");

    // The hub restarts: both come back.
    let mut beside = shell(&hub, own.path());
    assert_eq!(hub.stop(Signal::TERM), Some(0));
    hub.restart();
    beside.output.expect("has joined again");
    event(&mut receiver.output, "hub_back");
    eventually("one entry", || hub.active() == ["box"]);
    send(&hub, cam.path(), "three.txt");
    assert_eq!(event(&mut receiver.output, "stored")["name"], "three.txt");

    // One is killed: the other takes the files.
    receiver.signal(Signal::KILL);
    receiver.wait();
    hub.output.expect("box stays active by another one");
    send(&hub, cam.path(), "four.txt");
    beside.output.expect("Received four.txt from cam");
    assert!(listing(own.path()).contains(&"cam_four.txt".to_owned()));
    assert_eq!(hub.active(), ["box"]);
    beside.send("OUT");
    assert_eq!(beside.wait(), Some(0));
    eventually("nobody is left", || hub.active().is_empty());
}

#[test]
fn somebody_else_takes_over_from_all_sessions_once() {
    let hub = Hub::start(&["box"]);
    let [own, elsewhere] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut receiver = receive(&hub, own.path(), &[]);
    event(&mut receiver.output, "listening");
    let mut beside = shell(&hub, own.path());
    // A pipe asks nobody.
    let mut other = stranger(&hub, elsewhere.path());
    expect_notice(
        &elsewhere.path().join("shell"),
        "box was active elsewhere, from 127.0.0.1; that has ended",
    );
    let by = "the same name joined from elsewhere: from 127.0.0.1, with the device's password";
    assert_eq!(receiver.wait(), Some(10), "it does not come back");
    let said = receiver.output.to_end();
    assert!(said.contains(by), "{said}");
    assert_eq!(beside.wait(), Some(10), "nor does this one");
    assert!(
        beside.output.so_far().contains(by),
        "{}",
        beside.output.so_far()
    );

    // A service manager starts it again: it waits, and nobody ends anybody.
    let mut again = receive(&hub, own.path(), &[]);
    expect_notice(&own.path().join("receive"), "Waiting until it leaves");
    eventually("the other stays", || hub.active() == ["box"]);
    other.send("OUT");
    assert_eq!(other.wait(), Some(0));
    event(&mut again.output, "listening");

    // Told to, it takes over.
    let mut other = stranger(&hub, elsewhere.path());
    assert_eq!(again.wait(), Some(10));
    let mut again = receive(&hub, own.path(), &["--take-over"]);
    event(&mut again.output, "listening");
    assert_eq!(other.wait(), Some(10));
}

/// The name is asked for, and so is the password: it is the same device all the same.
#[test]
fn a_shell_that_comes_by_password_where_its_key_is_shares_too() {
    let hub = Hub::start(&["box"]);
    let own = tempfile::tempdir().unwrap();
    let mut receiver = receiving(&hub, own.path(), "box", &[]);
    let address = hub.address.to_string();
    let mut command = hub.command(own.path(), "box", &["join", &address]);
    command
        .env_remove("FLEETLINK_DEVICE")
        .env_remove("FLEETLINK_PASSWORD");
    let mut beside = Shell::run(command);
    beside.attempt("box", PASSWORD);
    beside.output.expect("Welcome!");
    beside.send("OUT");
    assert_eq!(beside.wait(), Some(0));
    receiver.signal(Signal::TERM);
    assert_eq!(receiver.wait(), Some(0));
}
