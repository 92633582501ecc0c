//! `sendme`, over QUIC by a ticket with addresses, without a relay.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::alone::{Alone, Pair, program};
use super::contender::Cost;
use crate::BenchResult;
use crate::process::Process;
use crate::report::say;

/// Names the program where it is not on `PATH`.
const VARIABLE: &str = "SENDME";
const OPTIONS: [&str; 3] = ["--no-progress", "--relay", "disabled"];

/// The program, and where it runs.
pub(super) struct Sendme {
    program: PathBuf,
    alone: Alone,
    /// The folder in which the sender keeps its data about the files.
    folder: PathBuf,
}

impl Sendme {
    /// Says so where there is none.
    pub(super) fn find(folder: &Path) -> Option<Self> {
        let Some(program) = program(VARIABLE, "sendme") else {
            say(&format!(
                "sendme is left out: `cargo install sendme`, or name it in {VARIABLE}"
            ));
            return None;
        };
        let Some(alone) = Alone::make("sendme") else {
            say("sendme is left out: only root can keep it from contacting others");
            return None;
        };
        let folder = folder.to_owned();
        Some(Sendme {
            program,
            alone,
            folder,
        })
    }

    /// From the start of the sender, which hashes first, to the end of both.
    pub(super) fn carry(&self, from: &Path, to: &Path) -> BenchResult<Cost> {
        let command = |role| {
            let mut command = self.alone.command(&self.program);
            command.arg(role).args(OPTIONS);
            command
        };
        let begun = Instant::now();
        let mut send = command("send");
        send.args(["--ticket-type", "addresses"]).arg(from);
        let mut sender = Process::start(send.current_dir(&self.folder))?;
        let ticket = sender.expect("sendme receive ")?;
        sender.ignore_output();
        let mut receive = command("receive");
        let receiver = Process::start(receive.arg(ticket).current_dir(to))?;
        // It would offer the files until it is told to end.
        Pair { sender, receiver }.finish(begun, true)
    }
}
