//! `magic-wormhole`, by a code that both sides have, with a mailbox server of our own; the bytes go
//! from one side to the other.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::alone::{Alone, Pair, program};
use super::contender::Cost;
use crate::BenchResult;
use crate::process::Process;
use crate::report::say;

/// Names the program where it is not on `PATH`. The server's is beside it.
const VARIABLE: &str = "WORMHOLE";
const SERVER: &str = "twist";
/// Ports of a network namespace in which there is nobody else.
const LISTEN: &str = "tcp:4000:interface=127.0.0.1";
const MAILBOX: &str = "ws://127.0.0.1:4000/v1";
/// Nobody is there, and nobody is needed.
const TRANSIT: &str = "tcp:127.0.0.1:4001";

/// The program, and where it runs.
pub(super) struct Wormhole {
    program: PathBuf,
    alone: Alone,
    /// A code is used once.
    runs: Cell<u32>,
    _mailbox: Process,
}

impl Wormhole {
    /// Says so where there is none.
    pub(super) fn start(folder: &Path) -> BenchResult<Option<Self>> {
        let Some(program) = program(VARIABLE, "wormhole") else {
            say(&format!(
                "magic-wormhole is left out: `pip install magic-wormhole \
                 magic-wormhole-mailbox-server`, or name `wormhole` in {VARIABLE}"
            ));
            return Ok(None);
        };
        let Some(alone) = Alone::make("wormhole") else {
            say("magic-wormhole is left out: only root can keep it from contacting others");
            return Ok(None);
        };
        let mut server = alone.command(&program.with_file_name(SERVER));
        server.args([
            "wormhole-mailbox",
            "--channel-db=:memory:",
            "--port",
            LISTEN,
        ]);
        let mut mailbox = Process::start(server.current_dir(folder))?;
        mailbox
            .expect("Starting reactor")
            .map_err(|_| "magic-wormhole-mailbox-server is not installed beside wormhole")?;
        mailbox.ignore_output();
        Ok(Some(Wormhole {
            program,
            alone,
            runs: Cell::new(0),
            _mailbox: mailbox,
        }))
    }

    /// From the start of the sender to the end of both.
    pub(super) fn carry(&self, from: &Path, to: &Path) -> BenchResult<Cost> {
        self.runs.set(self.runs.get() + 1);
        let code = format!("{}-absent-minded", self.runs.get());
        let begun = Instant::now();
        let mut send = self.command("send");
        send.args(["--no-qr", "--code", &code]).arg(from);
        let mut sender = Process::start(&mut send)?;
        sender.ignore_output();
        let mut receive = self.command("receive");
        receive.args(["--accept-file", "-o"]).arg(to).arg(code);
        let receiver = Process::start(&mut receive)?;
        Pair { sender, receiver }.finish(begun, false)
    }

    fn command(&self, role: &str) -> Command {
        let mut command = self.alone.command(&self.program);
        command.args(["--relay-url", MAILBOX, "--transit-helper", TRANSIT]);
        command.args([role, "--hide-progress"]);
        command
    }
}
