//! One flow from a sender to a receiver, each a process of its own on its own host.

use std::env;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fleetlink_client::transfer::Congestion;

use super::{RECEIVE_BLAST, RECEIVE_DIRECT, RECEIVE_TCP, SEND_BLAST, SEND_DIRECT, SEND_TCP};
use crate::BenchResult;
use crate::link::{Host, Network};
use crate::process::Process;

/// The sender of a flow, and the way in which it finds the network's rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// The product: a file from device to device over QUIC.
    Direct(Congestion),
    /// Plain TCP with a controller of this kernel.
    Tcp(&'static str),
    /// Datagrams as fast as they can be sent, without regard to anything.
    Blast,
}

/// The place of flows.
pub(super) enum Place<'a> {
    /// Each end on its own host.
    Over(&'a Network),
    /// Both on this one.
    Loopback,
}

/// The parts that all flows of a measurement share.
pub(super) struct Flows<'a> {
    pub(super) place: Place<'a>,
    /// Keys, the file that is sent, and the inbox. Not on a disk: that is no part of this.
    pub(super) folder: &'a Path,
    /// The time that a receiver measures, from when it accepts a flow.
    pub(super) time: Duration,
}

/// The measurement of a receiver.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    pub(super) bytes: u64,
    pub(super) time: Duration,
    /// Processor time of both processes, from their starts.
    pub(super) sender: Duration,
    pub(super) receiver: Duration,
    /// Datagrams that found the receiver's socket full.
    pub(super) overflowed: u64,
}

/// A flow under way.
pub(super) struct Flow {
    sender: Process,
    receiver: Process,
    inbox: PathBuf,
}

pub(super) const CONTROLLERS: [Congestion; 4] = [
    Congestion::NewReno,
    Congestion::Cubic,
    Congestion::Bbr3,
    Congestion::Adaptive,
];

impl Sender {
    pub(super) fn name(self) -> String {
        match self {
            Sender::Direct(congestion) => format!("fleetlink, {congestion:?}"),
            Sender::Tcp(controller) => format!("TCP, {controller}"),
            Sender::Blast => "datagrams without control".to_owned(),
        }
    }
}

impl Flows<'_> {
    /// Starts a flow for each of these, at about the same time; what each receiver saw.
    pub(super) fn run(&self, senders: &[Sender]) -> BenchResult<Vec<Received>> {
        let receivers: Vec<_> = senders
            .iter()
            .enumerate()
            .map(|(n, sender)| self.receiver(*sender, n))
            .collect::<BenchResult<_>>()?;
        let flows: Vec<Flow> = senders
            .iter()
            .zip(receivers)
            .map(|(sender, receiver)| self.send(*sender, receiver))
            .collect::<BenchResult<_>>()?;
        flows.into_iter().map(Flow::finish).collect()
    }

    /// A receiver, and what its sender is to know of it.
    fn receiver(
        &self,
        sender: Sender,
        number: usize,
    ) -> BenchResult<(Process, Vec<String>, PathBuf)> {
        let inbox = self.folder.join(format!("inbox{number}"));
        let (role, inbox_if_any) = match sender {
            Sender::Direct(_) => {
                fs::create_dir_all(&inbox)?;
                (RECEIVE_DIRECT, vec![self.folder, &inbox])
            }
            Sender::Tcp(_) => (RECEIVE_TCP, Vec::new()),
            Sender::Blast => (RECEIVE_BLAST, Vec::new()),
        };
        let mut command = self.on(Host::Receiver, role)?;
        command
            .arg(self.address())
            .arg(self.time.as_millis().to_string());
        let mut process = Process::start(command.args(inbox_if_any))?;
        let reached = process.expect("reached by ")?;
        let reached = reached.split_whitespace().map(str::to_owned).collect();
        Ok((process, reached, inbox))
    }

    fn send(
        &self,
        sender: Sender,
        (receiver, reached, inbox): (Process, Vec<String>, PathBuf),
    ) -> BenchResult<Flow> {
        let mut command = match sender {
            Sender::Direct(congestion) => {
                let mut command = self.on(Host::Sender, SEND_DIRECT)?;
                command.arg(format!("{congestion:?}")).arg(self.folder);
                command
            }
            Sender::Tcp(controller) => {
                let mut command = self.on(Host::Sender, SEND_TCP)?;
                command.arg(controller);
                command
            }
            Sender::Blast => self.on(Host::Sender, SEND_BLAST)?,
        };
        let mut sender = Process::start(command.args(reached))?;
        sender.ignore_output();
        Ok(Flow {
            sender,
            receiver,
            inbox,
        })
    }

    fn on(&self, host: Host, (name, role): (&str, &str)) -> BenchResult<Command> {
        let program = env::current_exe()?;
        let mut command = match self.place {
            Place::Over(network) => network.on(host, program.as_os_str()),
            Place::Loopback => Command::new(program),
        };
        command.args([name, role]);
        Ok(command)
    }

    fn address(&self) -> String {
        match self.place {
            Place::Over(_) => Host::Receiver.address().to_string(),
            Place::Loopback => "127.0.0.1".to_owned(),
        }
    }
}

impl Flow {
    fn finish(mut self) -> BenchResult<Received> {
        let line = self.receiver.expect("received ")?;
        let sender = self.sender.processor_time()?;
        let numbers = line.split_whitespace().map(str::parse);
        let numbers: Vec<u64> = numbers.collect::<Result<_, _>>()?;
        let [bytes, nanos, receiver, overflowed] = numbers[..] else {
            return Err("a receiver says something else".into());
        };
        drop((self.sender, self.receiver));
        if self.inbox.exists() {
            fs::remove_dir_all(&self.inbox)?;
        }
        Ok(Received {
            bytes,
            time: Duration::from_nanos(nanos),
            sender,
            receiver: Duration::from_millis(receiver),
            overflowed,
        })
    }
}

/// The arguments of plain receivers: an address, and the time to measure.
pub(super) fn place_and_time() -> BenchResult<(IpAddr, Duration)> {
    let arguments: Vec<String> = env::args().skip(3).collect();
    let [address, millis] = &arguments[..] else {
        return Err("an address, milliseconds".into());
    };
    Ok((address.parse()?, Duration::from_millis(millis.parse()?)))
}

/// Counts the bytes that come in this time, and measures that time. `read` waits for some bytes, at
/// most for the time that it is given.
pub(super) fn count(
    time: Duration,
    mut read: impl FnMut(Duration) -> io::Result<usize>,
) -> io::Result<(u64, Duration)> {
    let (begun, mut bytes) = (Instant::now(), 0);
    while let Some(left) = time.checked_sub(begun.elapsed()).filter(|t| !t.is_zero()) {
        match read(left) {
            Ok(read) => bytes += read as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok((bytes, begun.elapsed()))
}

/// Prints a receiver's result at its end.
pub(super) fn received(bytes: u64, time: Duration, overflowed_before: u64) -> BenchResult<String> {
    let processor = crate::process::processor_time(std::process::id())?.as_millis();
    let overflowed = overflowed()? - overflowed_before;
    let nanos = time.as_nanos();
    Ok(format!("received {bytes} {nanos} {processor} {overflowed}"))
}

/// Datagrams that found a socket of this host full so far.
pub(super) fn overflowed() -> BenchResult<u64> {
    let statistics = fs::read_to_string("/proc/thread-self/net/snmp")?;
    let mut udp = statistics.lines().filter_map(|l| l.strip_prefix("Udp: "));
    let (names, values) = (udp.next(), udp.next());
    let (names, values) = names.zip(values).ok_or("no statistics of UDP")?;
    let mut columns = names.split_whitespace().zip(values.split_whitespace());
    let found = columns.find(|(name, _)| *name == "RcvbufErrors");
    Ok(found.ok_or("no count of full sockets")?.1.parse()?)
}
