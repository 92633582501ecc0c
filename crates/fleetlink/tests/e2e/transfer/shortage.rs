//! Devices that have no file descriptors left: what they do goes on, what is new waits.

use std::fs;
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use super::{content, event, listing, receiving, sparse_of};
use crate::harness::{Hub, PROMPT, Shell, run};

/// The message that the peer of a busy device shows.
const BUSY: &str = "the device has no file descriptor left; try again later";

/// A process that can open nothing, until this is dropped.
struct Starved {
    process: Pid,
    usual: Rlimit,
}

impl Starved {
    fn of(shell: &Shell) -> Self {
        let usual = getrlimit(Resource::Nofile);
        let process = Pid::from_raw(shell.pid().cast_signed()).unwrap();
        let none = Rlimit {
            current: Some(1),
            ..usual
        };
        prlimit(Some(process), Resource::Nofile, none).unwrap();
        Starved { process, usual }
    }
}

impl Drop for Starved {
    fn drop(&mut self) {
        // The process may be gone.
        let _ = prlimit(Some(self.process), Resource::Nofile, self.usual);
    }
}

#[test]
fn a_shell_tries_a_device_again_that_has_no_descriptors() {
    let hub = Hub::start(&["cam", "box"]);
    let home = tempfile::tempdir().unwrap();
    let receiver = receiving(&hub, home.path(), "box", &[]);
    let mut shell = hub.join("cam");
    fs::write(shell.file("a"), content(100, 1)).unwrap();
    let starved = Starved::of(&receiver);
    shell.send("UVF box a");
    shell.output.expect("a: ");
    let told = shell.output.expect("\n");
    assert!(
        told.starts_with(&format!("{BUSY}; trying again in ")),
        "{told}"
    );
    shell.output.expect("a is being sent to box: transfer 1");
    shell.output.expect(PROMPT);
    let listed = shell.ask("transfers");
    assert!(
        listed.contains("1; a to box; 0 bytes of 100 bytes; "),
        "{listed}"
    );
    drop(starved);
    shell.output.expect("a has been uploaded");
    assert!(fs::read(home.path().join("inbox/cam_a")).unwrap() == content(100, 1));
}

#[test]
fn a_shell_gives_up_when_the_time_for_that_is_over() {
    let hub = Hub::start(&["cam", "box"]);
    let home = tempfile::tempdir().unwrap();
    let receiver = receiving(&hub, home.path(), "box", &[]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "1").unwrap();
    let address = hub.address.to_string();
    let arguments = ["join", &address, "--retry-for", "1s"];
    let mut shell = Shell::run(hub.command(folder.path(), "cam", &arguments));
    shell.output.expect(PROMPT);
    let _starved = Starved::of(&receiver);
    shell.send("UVF box a");
    shell.output.expect("trying again in ");
    shell.output.expect(&format!("box refused a: {BUSY}"));
    // Nothing waits any more.
    shell.output.expect(PROMPT);
    assert_eq!(shell.ask("transfers"), "no transfers are under way");
}

/// It needs nothing more, and its neighbour comes when there is something again.
#[test]
fn a_file_under_way_outlives_a_want_of_descriptors() {
    let hub = Hub::start(&["cam", "box"]);
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut receiver = receiving(&hub, home.path(), "box", &[]);
    sparse_of(&folder.path().join("large"), 300 << 20);
    fs::write(folder.path().join("small"), "1").unwrap();
    let send = |name| {
        let arguments = ["send", "box", name, "--events"];
        Shell::run(hub.command(folder.path(), "cam", &arguments))
    };
    let mut first = send("large");
    event(&mut receiver.output, "started");
    let starved = Starved::of(&receiver);
    let mut second = send("small");
    let again = event(&mut second.output, "retrying");
    assert_eq!(
        (&again["code"], &again["message"]),
        (&"busy".into(), &BUSY.into())
    );
    event(&mut first.output, "stored");
    assert_eq!(first.wait(), Some(0));
    drop(starved);
    event(&mut second.output, "stored");
    assert_eq!(second.wait(), Some(0));
    assert_eq!(
        listing(&home.path().join("inbox")),
        ["cam_large", "cam_small"]
    );
}

/// The same command with a limit to its descriptors.
fn limited(command: &Command, descriptors: u32) -> Command {
    let mut limited = Command::new("sh");
    let limit = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
    limited.args(["-c", &limit]).arg(command.get_program());
    limited.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.current_dir(command.get_current_dir().unwrap());
    limited
}

/// Whichever descriptor is the one that is missing: a command fails with a message, or succeeds.
#[test]
fn a_command_with_too_few_descriptors_says_so() {
    let hub = Hub::start(&["cam", "box"]);
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _receiver = receiving(&hub, home.path(), "box", &[]);
    fs::write(folder.path().join("a"), "1\n").unwrap();
    let upload = hub.run(folder.path(), "cam", &["data", "upload", "1", "a"]);
    assert_eq!(upload.code, Some(0), "{upload:?}");
    for arguments in [
        &["data", "upload", "1", "a"][..],
        &["data", "get", "1", "got"],
        &["send", "box", "a"],
        &["receive", "--inbox", "in", "--wait", "0s"],
    ] {
        // From what the loader of programs needs on, to where it goes well.
        for descriptors in 5..14 {
            let mut command = limited(&hub.command(folder.path(), "cam", arguments), descriptors);
            let finished = run(&mut command, "");
            let told = format!("{arguments:?} with {descriptors}: {finished:?}");
            if finished.code == Some(0) {
                fs::remove_file(folder.path().join("got")).ok();
                continue;
            }
            assert!(finished.stderr.contains("Too many open files"), "{told}");
            assert!(matches!(finished.code, Some(1 | 5)), "{told}");
            let left = listing(folder.path());
            assert!(
                left.iter().all(|name| !name.starts_with('.')),
                "{left:?}: {told}"
            );
        }
    }
}
