//! The lease service beside the floor of the kernel and beside Redis, everything in one run: the
//! server on one core, the load on another, in turns; the median of five rounds.

mod bare;
mod contender;
mod redis;
mod tcp_load;
mod udp_load;

use std::io::{self, Write};
use std::net::SocketAddr;

pub(super) use bare::{tcp_server, udp_echo};
use contender::{Contender, Server};

use crate::BenchResult;

/// The number of measurements of each contender.
const ROUNDS: usize = 5;
/// Requests of one measurement.
const UDP_REQUESTS: u32 = 500_000;
const TCP_REQUESTS: u32 = 50_000;
const REDIS_KEPT_REQUESTS: u32 = 200_000;
/// Fewer than there are ports: redis-benchmark has one source address, and its own side fades.
const REDIS_EACH_REQUESTS: u32 = 20_000;

/// One figure: requests a second, and the server's CPU-seconds for a million of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figure {
    pub(super) rate: f64,
    pub(super) cpu_per_million: f64,
}

/// The contenders, in the order of the report.
fn contenders() -> BenchResult<Vec<Contender>> {
    let udp = |server: SocketAddr| udp_load::run(server, UDP_REQUESTS);
    let tcp = |server: SocketAddr| tcp_load::run(server, TCP_REQUESTS);
    let mut contenders = vec![
        Contender::new(
            "UDP: bare echo, recvmmsg/sendmmsg",
            Server::bare("udp-echo")?,
            udp,
        ),
        Contender::new("UDP: leases, all granted", Server::leases("1ns")?, udp),
        Contender::new(
            "UDP: leases, all RESET",
            Server::leases("24h")?.all_leased()?,
            udp,
        ),
        Contender::new("TCP: bare tokio server", Server::bare("tcp-server")?, tcp),
        Contender::new("TCP: leases, all granted", Server::leases("1ns")?, tcp),
        Contender::new(
            "TCP: leases, all RESET",
            Server::leases("24h")?.all_leased()?,
            tcp,
        ),
    ];
    match redis::start()? {
        Some(server) => {
            let address = server.address;
            let kept = move |_| redis::benchmark(address, REDIS_KEPT_REQUESTS, true);
            let each = move |_| redis::benchmark(address, REDIS_EACH_REQUESTS, false);
            let one = server.shared();
            contenders.push(Contender::new(
                "Redis: SET NX PX, kept connections",
                one.0,
                kept,
            ));
            contenders.push(Contender::new(
                "Redis: SET NX PX, a connection each",
                one.1,
                each,
            ));
        }
        None => say("Redis is left out: there is no redis-server (apt-get install redis-server)")?,
    }
    Ok(contenders)
}

/// Measures all, and prints medians and the ratios that matter.
pub(crate) fn run() -> BenchResult {
    let contenders = contenders()?;
    let mut figures: Vec<Vec<Figure>> = vec![Vec::new(); contenders.len()];
    for _ in 0..ROUNDS {
        for (contender, figures) in contenders.iter().zip(&mut figures) {
            figures.push(contender.measure()?);
        }
    }
    say(&format!(
        "{:<40}{:>12}{:>18}",
        "", "requests/s", "CPU-s a million"
    ))?;
    let mut medians = Vec::new();
    for (contender, figures) in contenders.iter().zip(&figures) {
        let median = Figure {
            rate: median(figures.iter().map(|figure| figure.rate)),
            cpu_per_million: median(figures.iter().map(|figure| figure.cpu_per_million)),
        };
        let Figure {
            rate,
            cpu_per_million,
        } = median;
        say(&format!(
            "{:<40}{rate:>12.0}{cpu_per_million:>18.2}",
            contender.name
        ))?;
        medians.push(median);
    }
    ratios(&medians)
}

fn ratios(medians: &[Figure]) -> BenchResult {
    let [
        echo,
        granted,
        reset,
        bare,
        tcp_granted,
        tcp_reset,
        redis @ ..,
    ] = medians
    else {
        return Ok(());
    };
    say("")?;
    for (what, ours, reference) in [
        ("UDP granted / bare echo, rate", granted.rate, echo.rate),
        ("UDP RESET / bare echo, rate", reset.rate, echo.rate),
        (
            "TCP granted / bare, CPU",
            tcp_granted.cpu_per_million,
            bare.cpu_per_million,
        ),
        (
            "TCP RESET / bare, CPU",
            tcp_reset.cpu_per_million,
            bare.cpu_per_million,
        ),
    ] {
        say(&format!("{what:<40}{:>12.2}", ours / reference))?;
    }
    if let [kept, each] = redis {
        for (what, ours, reference) in [
            ("UDP granted / Redis kept, rate", granted.rate, kept.rate),
            (
                "TCP granted / Redis a connection each",
                tcp_granted.rate,
                each.rate,
            ),
        ] {
            say(&format!("{what:<40}{:>12.2}", ours / reference))?;
        }
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn say(text: &str) -> BenchResult {
    writeln!(io::stdout(), "{text}")?;
    Ok(())
}
