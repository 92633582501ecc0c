//! Real processes of the real binary, each owned by a test and ended with it.

pub(crate) mod checked;
mod guesser;
mod hub;
pub(crate) mod lease_server;
pub(crate) mod network;
mod output;
mod shell;

pub(crate) use guesser::{Guess, Guesser};
pub(crate) use hub::Hub;
pub(crate) use output::Output;
pub(crate) use shell::{Shell, Terminal, signal};

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The time that anything may take before a test fails: generous, because a machine may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The password of every account in these tests.
pub(crate) const PASSWORD: &str = "comp9331";

/// The prompt after which a shell takes a command.
pub(crate) const PROMPT: &str =
    "Enter one of the following commands (EDG, UED, SCS, DTE, AED, UVF, OUT):";

/// The binary under test, in `folder`, with nothing of the machine's own settings.
pub(crate) fn fleetlink(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetlink"));
    command
        .current_dir(folder)
        .env("FLEETLINK_STATE_DIR", folder.join("state"))
        .env("FLEETLINK_PROMPT", "full")
        // The tests of the HTTP door ask for it.
        .env("FLEETLINK_HTTP", "off");
    for name in [
        "FLEETLINK_HUB",
        "FLEETLINK_DEVICE",
        "FLEETLINK_PASSWORD",
        "FLEETLINK_DATA",
        "FLEETLINK_TICKET",
    ] {
        command.env_remove(name);
    }
    command.env("TZ", "UTC");
    command
}

/// The output and exit code of a command that ran to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end with this standard input.
pub(crate) fn run(command: &mut Command, input: &str) -> Finished {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let input = input.to_owned();
    // On a thread: a command that prints much before it reads would wait for us, and we for it.
    let feeding = std::thread::spawn(move || {
        // A command may end without reading everything.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().expect("the command ends");
    feeding.join().expect("feeding does not panic");
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The number of times that a campaign repeats what must come out the same each time: once with the tests,
/// `FLEETLINK_CHECKER_RUNS` times in `cargo xtask soak checkers`.
pub(crate) fn campaign_runs() -> u32 {
    let runs = std::env::var("FLEETLINK_CHECKER_RUNS").ok();
    runs.and_then(|runs| runs.parse().ok()).unwrap_or(1)
}

/// Waits until `condition` holds; fails the test with `what` where it does not in time.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !condition() {
        assert!(began.elapsed() < DEADLINE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
