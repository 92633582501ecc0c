//! The contenders, which carry files from one folder to another, and their costs.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::ceiling::copying;
use super::devices::Receiver;
use super::sendme::Sendme;
use super::wormhole::Wormhole;
use crate::BenchResult;
use crate::process::childrens_time;
use crate::report::say;
use crate::sshd::Sshd;

/// The name of the local copy.
pub(super) const CEILING: &str = "copy, BLAKE3, fsync: the ceiling";
/// The name of `scp` as people use it.
pub(super) const SCP: &str = "scp -c aes128-gcm, not durable";

const CIPHER: &str = "aes128-gcm@openssh.com";

/// The cost of one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) time: Duration,
    /// Processor time of the sending side: all that was started for it.
    pub(super) sender: Duration,
    /// Processor time of the receiving side.
    pub(super) receiver: Duration,
}

/// Carries a file, or all files of a folder.
type Carrying<'a> = dyn Fn(&Path) -> BenchResult<Cost> + 'a;

/// One way of carrying files.
pub(super) struct Contender<'a> {
    pub(super) name: &'static str,
    /// Its promise: what it verifies, and whether the received files are durable.
    pub(super) promise: &'static str,
    carry: Box<Carrying<'a>>,
    /// The folder for received files.
    to: &'a Path,
}

/// Programs of others, where this machine has them.
pub(super) struct Others {
    pub(super) sshd: Option<Sshd>,
    pub(super) sendme: Option<Sendme>,
    pub(super) wormhole: Option<Wormhole>,
}

/// All that this machine has.
pub(super) fn all<'a>(
    receiver: &'a Receiver,
    others: &'a Others,
    to: &'a Path,
) -> Vec<Contender<'a>> {
    let mut all = vec![Contender {
        name: CEILING,
        promise: "no network; nothing is compared; durable",
        carry: by_command(
            move |from| copying(from, to),
            || Ok(Duration::ZERO),
            || Ok(()),
        ),
        to,
    }];
    if let Some(sshd) = &others.sshd {
        all.push(scp(SCP, sshd, to, false));
        all.push(scp("the same, then fsync", sshd, to, true));
        if Command::new("rsync").arg("--version").output().is_ok() {
            all.push(rsync(sshd, to));
        } else {
            say("rsync is left out: it is not on this machine");
        }
    } else {
        say("scp and rsync are left out: there is no sshd on this machine");
    }
    if let Some(sendme) = &others.sendme {
        all.push(Contender {
            name: "sendme, not durable",
            promise: "BLAKE3, from the sender's disk to the receiver's store; the copy from there \
                      is not made durable",
            carry: Box::new(|from| sendme.carry(from, to)),
            to,
        });
    }
    if let Some(wormhole) = &others.wormhole {
        all.push(Contender {
            name: "magic-wormhole, not durable",
            promise: "each record is authenticated, and SHA-256 of a file or of a folder's archive \
                      is compared; not made durable",
            carry: Box::new(|from| wormhole.carry(from, to)),
            to,
        });
    }
    all.push(Contender {
        name: "fleetlink, verified and durable",
        promise: "each packet is authenticated, and BLAKE3 from disk to disk is compared; durable",
        carry: by_command(
            |from| receiver.sender(from),
            || receiver.process.processor_time(),
            || Ok(()),
        ),
        to,
    });
    all
}

fn scp<'a>(name: &'static str, sshd: &'a Sshd, to: &'a Path, syncs: bool) -> Contender<'a> {
    let command = move |from: &Path| {
        // Options come before paths everywhere; of a folder, what is in it is meant.
        Ok(match from.is_dir() {
            true => sshd.scp_folder(&from.join("."), to, CIPHER),
            false => sshd.scp(from, to, Some(CIPHER)),
        })
    };
    let sync = move || if syncs { sync_files(to) } else { Ok(()) };
    Contender {
        name,
        promise: match syncs {
            true => "each packet is authenticated; durable",
            false => "each packet is authenticated; not made durable",
        },
        carry: by_command(command, || sshd.sessions_time(), sync),
        to,
    }
}

fn rsync<'a>(sshd: &'a Sshd, to: &'a Path) -> Contender<'a> {
    let command = move |from: &Path| {
        let mut command = Command::new("rsync");
        command.args(["-r", "--whole-file", "--fsync", "-e"]);
        command.arg(sshd.shell(CIPHER));
        let slash = if from.is_dir() { "/" } else { "" };
        command.arg(format!("{}{slash}", from.display()));
        command.arg(format!("127.0.0.1:{}/", to.display()));
        Ok(command)
    };
    Contender {
        name: "rsync --whole-file --fsync over ssh",
        promise: "each packet is authenticated, and rsync's checksum of a file is compared; durable",
        carry: by_command(command, || sshd.sessions_time(), || Ok(())),
        to,
    }
}

/// Carries files by one command, given the cost of the receiving side so far, and a step to do
/// after it.
fn by_command<'a>(
    command: impl Fn(&Path) -> BenchResult<Command> + 'a,
    receiver: impl Fn() -> BenchResult<Duration> + 'a,
    then: impl Fn() -> BenchResult + 'a,
) -> Box<Carrying<'a>> {
    Box::new(move |from| {
        let sent = || childrens_time(std::process::id());
        let mut command = command(from)?;
        let before = (sent()?, receiver()?);
        let begun = Instant::now();
        let status = command.status()?;
        then()?;
        let time = begun.elapsed();
        if !status.success() {
            return Err(status.to_string().into());
        }
        Ok(Cost {
            time,
            sender: sent()? - before.0,
            receiver: receiver()? - before.1,
        })
    })
}

impl Others {
    /// Starts what they need; their files are in `folder`.
    pub(super) fn start(folder: &Path) -> BenchResult<Self> {
        Ok(Others {
            sshd: Sshd::start(folder)?,
            sendme: Sendme::find(folder),
            wormhole: Wormhole::start(folder)?,
        })
    }
}

impl Contender<'_> {
    /// Carries a file or a folder's files, and takes away what arrived.
    pub(super) fn run(&self, from: &Path) -> BenchResult<Cost> {
        let cost = (self.carry)(from).map_err(|e| format!("{}: {e}", self.name))?;
        self.clear(from)?;
        Ok(cost)
    }

    /// Writes out what the kernel still has to write, so that it is no burden on the next run.
    fn clear(&self, from: &Path) -> BenchResult {
        let count = |folder: &Path| BenchResult::Ok(fs::read_dir(folder)?.count());
        let sent = match from.is_dir() {
            true => count(from)?,
            false => 1,
        };
        let mut arrived = 0;
        for entry in fs::read_dir(self.to)? {
            let path = entry?.path();
            // Some carry the folder itself.
            if path.is_dir() {
                arrived += count(&path)?;
                fs::remove_dir_all(path)?;
            } else {
                arrived += 1;
                fs::remove_file(path)?;
            }
        }
        rustix::fs::sync();
        match arrived == sent {
            true => Ok(()),
            false => Err(format!("{}: {arrived} of {sent} files", self.name).into()),
        }
    }
}

fn sync_files(folder: &Path) -> BenchResult {
    for entry in fs::read_dir(folder)? {
        File::open(entry?.path())?.sync_all()?;
    }
    Ok(File::open(folder)?.sync_all()?)
}
