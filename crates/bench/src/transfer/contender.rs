//! What carries files from one folder to another, and what each costs.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::ceiling::copying;
use super::devices::Receiver;
use crate::Outcome;
use crate::process::childrens_time;
use crate::report::say;
use crate::sshd::Sshd;

/// The name of the local copy.
pub(super) const CEILING: &str = "copy, BLAKE3, fsync: the ceiling";
/// The name of `scp` as people use it.
pub(super) const SCP: &str = "scp -c aes128-gcm, not durable";

const CIPHER: &str = "aes128-gcm@openssh.com";

/// What one run cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) time: Duration,
    /// Processor time of the sending side: all that was started for it.
    pub(super) sender: Duration,
    /// Processor time of the receiving side.
    pub(super) receiver: Duration,
}

/// Makes the command that carries what is at a path.
type Carrying<'a> = dyn Fn(&Path) -> Outcome<Command> + 'a;

/// One way of carrying files.
pub(super) struct Contender<'a> {
    pub(super) name: &'static str,
    /// Sends a file, or all files of a folder.
    command: Box<Carrying<'a>>,
    /// The processor time of the receiving side so far.
    receiver: Box<dyn Fn() -> Outcome<Duration> + 'a>,
    /// Where everything arrives.
    to: &'a Path,
    /// Whether an fsync of what arrived belongs to the run.
    syncs: bool,
}

/// All that this machine has.
pub(super) fn all<'a>(
    receiver: &'a Receiver,
    sshd: Option<&'a Sshd>,
    to: &'a Path,
) -> Vec<Contender<'a>> {
    let mut all = vec![Contender {
        name: CEILING,
        command: Box::new(move |from| copying(from, to)),
        receiver: Box::new(|| Ok(Duration::ZERO)),
        to,
        syncs: false,
    }];
    if let Some(sshd) = sshd {
        for (name, syncs) in [(SCP, false), ("the same, then fsync", true)] {
            all.push(scp(name, sshd, to, syncs));
        }
        if Command::new("rsync").arg("--version").output().is_ok() {
            all.push(rsync(sshd, to));
        } else {
            say("rsync is left out: it is not on this machine");
        }
    } else {
        say("scp and rsync are left out: there is no sshd on this machine");
    }
    // Not driven yet: magic-wormhole wants a mailbox server of its own on loopback.
    say("sendme and magic-wormhole are left out: this program does not drive them");
    all.push(Contender {
        name: "fleetlink, verified and durable",
        command: Box::new(|from| receiver.sender(from)),
        receiver: Box::new(|| receiver.process.processor_time()),
        to,
        syncs: false,
    });
    all
}

fn scp<'a>(name: &'static str, sshd: &'a Sshd, to: &'a Path, syncs: bool) -> Contender<'a> {
    Contender {
        name,
        command: Box::new(move |from| {
            // Options come before paths everywhere; of a folder, what is in it is meant.
            Ok(match from.is_dir() {
                true => sshd.scp_folder(&from.join("."), to, CIPHER),
                false => sshd.scp(from, to, Some(CIPHER)),
            })
        }),
        receiver: Box::new(|| sshd.sessions_time()),
        to,
        syncs,
    }
}

fn rsync<'a>(sshd: &'a Sshd, to: &'a Path) -> Contender<'a> {
    Contender {
        name: "rsync --whole-file --fsync over ssh",
        command: Box::new(move |from| {
            let mut command = Command::new("rsync");
            command.args(["-r", "--whole-file", "--fsync", "-e"]);
            command.arg(sshd.shell(CIPHER));
            let slash = if from.is_dir() { "/" } else { "" };
            command.arg(format!("{}{slash}", from.display()));
            command.arg(format!("127.0.0.1:{}/", to.display()));
            Ok(command)
        }),
        receiver: Box::new(|| sshd.sessions_time()),
        to,
        syncs: false,
    }
}

impl Contender<'_> {
    /// Carries a file or a folder's files, and takes away what arrived.
    pub(super) fn run(&self, from: &Path) -> Outcome<Cost> {
        let sent = || childrens_time(std::process::id());
        let mut command = (self.command)(from)?;
        let (sender, receiver) = (sent()?, (self.receiver)()?);
        let begun = Instant::now();
        let status = command.status()?;
        if self.syncs {
            sync_files(self.to)?;
        }
        let time = begun.elapsed();
        if !status.success() {
            return Err(format!("{}: {status}", self.name).into());
        }
        let cost = Cost {
            time,
            sender: sent()? - sender,
            receiver: (self.receiver)()? - receiver,
        };
        self.clear(from)?;
        Ok(cost)
    }

    /// What a run leaves for the kernel to write is no burden on the next.
    fn clear(&self, from: &Path) -> Outcome {
        let sent = match from.is_dir() {
            true => fs::read_dir(from)?.count(),
            false => 1,
        };
        let mut arrived = 0;
        for entry in fs::read_dir(self.to)? {
            fs::remove_file(entry?.path())?;
            arrived += 1;
        }
        rustix::fs::sync();
        match arrived == sent {
            true => Ok(()),
            false => Err(format!("{}: {arrived} of {sent} files", self.name).into()),
        }
    }
}

fn sync_files(folder: &Path) -> Outcome {
    for entry in fs::read_dir(folder)? {
        File::open(entry?.path())?.sync_all()?;
    }
    Ok(File::open(folder)?.sync_all()?)
}
