//! A link with a rate, a delay, a queue and losses, between two hosts of this machine. It stands in
//! for `tc netem`, which not every kernel has: a thread for each direction carries frames from one
//! cable to another, and every sender's packets go the same way.

mod cable;
mod network;
mod wire;

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cable::{Buffers, Inlet, Outlet};
pub(crate) use network::{Host, Network};
use network::{RECEIVERS, SENDERS};
use rustix::thread::{LinkNameSpaceType, gettid, move_into_link_name_space};
pub(crate) use wire::{Counts, Shape};
use wire::{Fate, Wire};

use crate::BenchResult;

/// The time between two rounds of taking and delivering frames, so that each wake-up is for
/// several.
const TICK: Duration = Duration::from_micros(200);
/// The time in which an idle direction notices that it is to end.
const IDLE: Duration = Duration::from_millis(50);
/// Before all other programs: a late link would be a slow one.
const PRIORITY: &str = "10";

/// Carries frames until it is dropped or stopped.
pub(crate) struct Link {
    ends: Arc<AtomicBool>,
    there: Option<JoinHandle<BenchResult<Counts>>>,
    back: Option<JoinHandle<BenchResult<Counts>>>,
}

impl Link {
    /// Between the hosts of `network`: so from the sender to the receiver, and otherwise back.
    pub(crate) fn start(network: &Network, there: Shape, back: Shape) -> BenchResult<Self> {
        let ends = Arc::new(AtomicBool::new(false));
        let (opened, is_open) = mpsc::channel();
        let direction = |from, to, shape| {
            let (ends, opened, name_space) = (ends.clone(), opened.clone(), network.link()?);
            BenchResult::Ok(thread::spawn(move || {
                let direction = open(&name_space, from, to);
                // The other end goes first.
                let _ = opened.send(());
                let (from, to) = direction?;
                carry(&from, &to, shape, &ends)
            }))
        };
        let there = Some(direction(SENDERS, RECEIVERS, there)?);
        let back = Some(direction(RECEIVERS, SENDERS, back)?);
        for _ in [&there, &back] {
            is_open.recv()?;
        }
        Ok(Link { ends, there, back })
    }

    /// Stops the link; returns the counts of the direction from the sender to the receiver.
    pub(crate) fn stop(mut self) -> BenchResult<Counts> {
        self.ends.store(true, Ordering::Relaxed);
        let counts = join(self.there.take())?;
        join(self.back.take())?;
        Ok(counts)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

fn join(direction: Option<JoinHandle<BenchResult<Counts>>>) -> BenchResult<Counts> {
    let direction = direction.ok_or("it was stopped before")?;
    direction.join().map_err(|_| "the link panicked")?
}

/// The thread is in that network namespace from here on.
fn open(name_space: &File, from: &'static str, to: &str) -> BenchResult<(Inlet, Outlet)> {
    move_into_link_name_space(name_space.as_fd(), Some(LinkNameSpaceType::Network))?;
    raise_priority()?;
    Ok((Inlet::open(from)?, Outlet::open(to)?))
}

/// Makes the calling thread a real-time one.
fn raise_priority() -> BenchResult {
    let thread = gettid().as_raw_nonzero().to_string();
    let mut command = Command::new("chrt");
    let status = command
        .args(["--fifo", "--pid", PRIORITY, &thread])
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err("chrt (util-linux) failed".into()),
    }
}

fn carry(from: &Inlet, to: &Outlet, shape: Shape, ends: &AtomicBool) -> BenchResult<Counts> {
    let mut wire = Wire::new(shape);
    let mut under_way: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let mut buffers = Buffers::new();
    let before = from.frames()?;
    while !ends.load(Ordering::Relaxed) {
        if under_way.is_empty() {
            from.wait(IDLE)?;
        } else {
            thread::sleep(TICK);
        }
        let now = Instant::now();
        from.receive(&mut buffers, |frame| {
            if let Fate::Arrives(at) = wire.carry(frame.len(), now) {
                under_way.push_back((at, frame.to_vec()));
            }
        })?;
        let due = under_way.partition_point(|(at, _)| *at <= now);
        if let Some((at, _)) = under_way.front().filter(|_| due > 0) {
            wire.counts.latest = wire.counts.latest.max(now - *at);
        }
        to.send(under_way.drain(..due).map(|(_, frame)| frame))?;
    }
    let came = from.frames()? - before;
    // What came since it was looked at the last time.
    from.receive(&mut buffers, |frame| {
        wire.carry(frame.len(), Instant::now());
    })?;
    wire.counts.unseen = came.saturating_sub(wire.counts.frames);
    Ok(wire.counts)
}
