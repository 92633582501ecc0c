//! Programs of others, in a network namespace that has loopback alone: whatever they would ask of
//! the world, nobody is contacted.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use fleetlink_testkit::Namespace;

use super::contender::Cost;
use crate::BenchResult;
use crate::process::{Process, childrens_time};

/// The namespace.
pub(super) struct Alone(Namespace);

/// A sender and a receiver that are under way.
pub(super) struct Pair {
    pub(super) sender: Process,
    pub(super) receiver: Process,
}

impl Alone {
    /// `None` where this user may not make one.
    pub(super) fn make(what: &str) -> Option<Self> {
        Namespace::make(what).ok().map(Alone)
    }

    /// A command that runs in it.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = self.0.command(program.as_os_str());
        // They talk about how far they are.
        command.stderr(Stdio::null());
        command
    }
}

impl Pair {
    /// Waits for the receiver, and for the sender, which some have to be told to end; what both
    /// cost since `begun`.
    pub(super) fn finish(self, begun: Instant, tells_sender: bool) -> BenchResult<Cost> {
        let ended = || childrens_time(std::process::id());
        let before = ended()?;
        self.receiver.wait()?;
        let between = ended()?;
        match tells_sender {
            true => self.sender.interrupt()?,
            false => self.sender.wait()?,
        }
        Ok(Cost {
            time: begun.elapsed(),
            sender: ended()? - between,
            receiver: between - before,
        })
    }
}

/// The program that the variable names, or the one of this name on `PATH`.
pub(super) fn program(variable: &str, name: &str) -> Option<PathBuf> {
    if let Some(path) = env::var_os(variable) {
        return Some(path.into());
    }
    let path = env::var_os("PATH")?;
    let mut places = env::split_paths(&path).map(|folder| folder.join(name));
    places.find(|place| is_file(place))
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}
