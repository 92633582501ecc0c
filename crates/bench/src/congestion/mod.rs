//! The rate of each congestion controller on a link, beside TCP's over the same link, and the rate
//! that it leaves to others.

mod blast;
mod direct;
mod flow;
mod tcp;

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use fleetlink_client::transfer::Congestion;
use flow::{CONTROLLERS, Flows, Place, Received, Sender};

use crate::BenchResult;
use crate::link::{Counts, Link, Network, Shape};
use crate::process::processor_time;
use crate::report::{float, median, megabytes_a_second, say};
use crate::transfer::Hub;

/// The arguments with which this program becomes an end of a flow.
const RECEIVE_DIRECT: (&str, &str) = ("congestion", "receive-direct");
const SEND_DIRECT: (&str, &str) = ("congestion", "send-direct");
const RECEIVE_TCP: (&str, &str) = ("congestion", "receive-tcp");
const SEND_TCP: (&str, &str) = ("congestion", "send-tcp");
const RECEIVE_BLAST: (&str, &str) = ("congestion", "receive-blast");
const SEND_BLAST: (&str, &str) = ("congestion", "send-blast");

const BITS_PER_SECOND: u64 = 200_000_000;
/// Each way.
const DELAY: Duration = Duration::from_millis(10);
const LONG_DELAY: Duration = Duration::from_millis(50);
const LOSSES: [f64; 3] = [0.0, 0.01, 0.05];
const ROUNDS: u64 = 3;

const TIME: Duration = Duration::from_secs(10);
const LONG_TIME: Duration = Duration::from_secs(30);
const TIME_TOGETHER: Duration = Duration::from_secs(20);
/// More than the link carries in the longest run.
const FILE_BYTES: u64 = 1 << 30;
/// Kept beside files that come. They take room in memory.
const IN_MEMORY: &str = "/dev/shm";

const TCP: [Sender; 2] = [Sender::Tcp("cubic"), Sender::Tcp("bbr")];

/// One run: what the receivers saw, and what the link carried to them.
struct Run {
    received: Vec<Received>,
    link: Counts,
}

/// A part of the measurement, by its name.
type Part = (&'static str, fn(&Network, &Path) -> BenchResult);

const PARTS: [Part; 6] = [
    ("link", the_link),
    ("losses", losses),
    ("long", long),
    ("far", far),
    ("together", together),
    ("loopback", loopback),
];

/// The role of this process with these arguments, if it is an end of a flow.
pub(crate) fn role(name: &str, role: &str) -> Option<fn() -> BenchResult> {
    let run: fn() -> BenchResult = match (name, role) {
        RECEIVE_DIRECT => direct::receive,
        SEND_DIRECT => direct::send,
        RECEIVE_TCP => tcp::receive,
        SEND_TCP => tcp::send,
        RECEIVE_BLAST => blast::receive,
        SEND_BLAST => blast::send,
        _ => return None,
    };
    Some(run)
}

/// All parts, or the one that the argument behind its name names.
pub(crate) fn run() -> BenchResult {
    let part = std::env::args().nth(2);
    let chosen = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let network = Network::make()?;
    let folder = tempfile::tempdir_in(IN_MEMORY)?;
    Hub::make(folder.path())?;
    // A hole: it is read as zeros, and takes no room.
    File::create_new(folder.path().join(direct::FILE))?.set_len(FILE_BYTES)?;
    for (_, part) in PARTS.iter().filter(|(name, _)| chosen(name)) {
        part(&network, folder.path())?;
    }
    Ok(())
}

/// The link must not be what limits: alone it carries more, and of too much exactly its rate.
fn the_link(network: &Network, folder: &Path) -> BenchResult {
    say("the link itself; one run each");
    let fast = Shape {
        bits_per_second: 100 * BITS_PER_SECOND,
        delay: Duration::ZERO,
        ..shape(DELAY, 0.0, 0)
    };
    let shaped = shape(DELAY, 0.0, 0);
    for (what, shape, sender) in [
        ("without a limit, TCP, cubic", fast, TCP[0]),
        ("TCP, cubic", shaped, TCP[0]),
        ("datagrams without control", shaped, Sender::Blast),
    ] {
        let before = processor_time(std::process::id())?;
        let run = over(network, folder, shape, &[sender], TIME)?;
        let processor = processor_time(std::process::id())? - before;
        let share = processor.as_secs_f64() / TIME.as_secs_f64();
        let line = line(what, &[run]);
        say(&format!("{line}   {share:.2} of a processor for the link"));
    }
    Ok(())
}

fn losses(network: &Network, folder: &Path) -> BenchResult {
    for loss in LOSSES {
        in_turns(network, folder, DELAY, loss, TIME, &all())?;
    }
    Ok(())
}

/// Long flows, for which the start costs less.
fn long(network: &Network, folder: &Path) -> BenchResult {
    let product = [Sender::Direct(Congestion::default())];
    for loss in LOSSES {
        in_turns(network, folder, DELAY, loss, LONG_TIME, &product)?;
    }
    Ok(())
}

/// Far from each other, windows limit, too.
fn far(network: &Network, folder: &Path) -> BenchResult {
    for loss in [0.0, 0.01] {
        in_turns(network, folder, LONG_DELAY, loss, TIME, &all())?;
    }
    Ok(())
}

/// Each flow together with one of the most common kind.
fn together(network: &Network, folder: &Path) -> BenchResult {
    let other = TCP[0];
    let (rounds, seconds) = (ROUNDS, TIME_TOGETHER.as_secs());
    say(&format!(
        "beside a flow of {} on one link without losses; medians of {rounds} of {seconds} s",
        other.name()
    ));
    let mut faults = Vec::new();
    for sender in all() {
        let shape = |round| shape(DELAY, 0.0, round);
        let runs = (0..rounds).map(|round| {
            over(
                network,
                folder,
                shape(round),
                &[sender, other],
                TIME_TOGETHER,
            )
        });
        let runs = runs.collect::<BenchResult<Vec<Run>>>()?;
        let rate = |place: usize| {
            let rates = runs.iter().map(|run| rate(&run.received[place]));
            median(&rates.collect::<Vec<_>>())
        };
        let (own, others) = (rate(0), rate(1));
        let name = sender.name();
        say(&format!(
            "{name:<28}{own:>6.2} MB/s, and the other {others:>6.2} MB/s"
        ));
        faults.extend(runs);
    }
    report_faults(faults.iter());
    Ok(())
}

/// Without a link: the processor limits.
fn loopback(_: &Network, folder: &Path) -> BenchResult {
    let gib = float(FILE_BYTES) / float(1 << 30);
    say(&format!(
        "on loopback, {gib:.0} GiB; medians of {ROUNDS} in turns"
    ));
    let flows = Flows {
        place: Place::Loopback,
        folder,
        time: LONG_TIME,
    };
    let mut received = CONTROLLERS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (congestion, received) in CONTROLLERS.into_iter().zip(&mut received) {
            received.extend(flows.run(&[Sender::Direct(congestion)])?);
        }
    }
    for (congestion, received) in CONTROLLERS.into_iter().zip(&received) {
        let of =
            |figure: fn(&Received) -> f64| median(&received.iter().map(figure).collect::<Vec<_>>());
        let name = Sender::Direct(congestion).name();
        let rate = of(rate);
        let (sender, receiver) = (
            of(|r| r.sender.as_secs_f64()) / gib,
            of(|r| r.receiver.as_secs_f64()) / gib,
        );
        say(&format!(
            "{name:<28}{rate:>6.0} MB/s   processor time: {sender:.2} s a GiB to send, \
             {receiver:.2} s to receive"
        ));
    }
    Ok(())
}

fn all() -> Vec<Sender> {
    let own = CONTROLLERS.map(Sender::Direct);
    own.into_iter().chain(TCP).collect()
}

/// Each of these by itself, in turns.
fn in_turns(
    network: &Network,
    folder: &Path,
    delay: Duration,
    loss: f64,
    time: Duration,
    senders: &[Sender],
) -> BenchResult {
    let shaped = shape(delay, loss, 0);
    say(&format!(
        "{} Mbit/s, {} ms there and as many back, a queue of {} kB, {} % lost on the way there; \
         medians of {ROUNDS} in turns of {} s",
        shaped.bits_per_second / 1_000_000,
        shaped.delay.as_millis(),
        shaped.queue / 1000,
        loss * 100.0,
        time.as_secs()
    ));
    let mut runs: Vec<Vec<Run>> = senders.iter().map(|_| Vec::new()).collect();
    for round in 0..ROUNDS {
        for (sender, runs) in senders.iter().zip(&mut runs) {
            let shape = shape(delay, loss, round);
            runs.push(over(network, folder, shape, &[*sender], time)?);
        }
    }
    for (sender, runs) in senders.iter().zip(&runs) {
        say(&line(&sender.name(), runs));
    }
    report_faults(runs.iter().flatten());
    Ok(())
}

fn over(
    network: &Network,
    folder: &Path,
    there: Shape,
    senders: &[Sender],
    time: Duration,
) -> BenchResult<Run> {
    // What comes back is short, and nothing of it is lost.
    let back = Shape { loss: 0.0, ..there };
    let link = Link::start(network, there, back)?;
    let place = Place::Over(network);
    let flows = Flows {
        place,
        folder,
        time,
    };
    let received = flows.run(senders)?;
    let link = link.stop()?;
    Ok(Run { received, link })
}

/// A queue of as much as is under way on the link.
fn shape(delay: Duration, loss: f64, seed: u64) -> Shape {
    let millis = 2 * u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    Shape {
        bits_per_second: BITS_PER_SECOND,
        delay,
        queue: BITS_PER_SECOND / 8 / 1000 * millis,
        loss,
        seed,
    }
}

fn rate(received: &Received) -> f64 {
    megabytes_a_second(received.bytes, received.time)
}

/// The line of a flow that has the link for itself.
fn line(what: &str, runs: &[Run]) -> String {
    let of = |figure: fn(&Run, &Received) -> f64| {
        let figures = runs.iter().map(|run| figure(run, &run.received[0]));
        median(&figures.collect::<Vec<_>>())
    };
    let megabytes = of(|_, received| rate(received));
    let share = megabytes * 8e6 / float(BITS_PER_SECOND);
    let sent = of(|run, received| float(run.link.bytes) / float(received.bytes));
    let full = of(|run, _| 100.0 * float(run.link.dropped) / float(run.link.frames));
    format!(
        "{what:<28}{megabytes:>6.2} MB/s{share:>6.2} of the link   {sent:.2} bytes sent for one \
         received   {full:.1} % found the queue full"
    )
}

/// Reports faults of the measurement: a link that was held up, packets that were lost beside it.
fn report_faults<'a>(runs: impl Iterator<Item = &'a Run> + Clone) {
    let latest = runs.clone().map(|run| run.link.latest).max();
    let latest = latest.unwrap_or_default().as_millis();
    let unseen: u64 = runs.clone().map(|run| run.link.unseen).sum();
    let overflowed = runs.flat_map(|run| run.received.iter().map(|r| r.overflowed));
    let overflowed: u64 = overflowed.sum();
    say(&format!(
        "at the most {latest} ms late by the link; lost beside it: {unseen} before, {overflowed} at \
         a full socket"
    ));
}
