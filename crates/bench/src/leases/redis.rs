//! Debian's Redis, doing the same work: `SET id value NX PX 30000`.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::contender::{Answered, LOAD_CORE, Process, SERVER_CORE, Server};
use crate::BenchResult;

const STARTS_WITHIN: Duration = Duration::from_secs(10);

/// A server on a free port of loopback that keeps nothing; `None` where it is not installed.
pub(super) fn start() -> BenchResult<Option<Server>> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let child = Command::new("taskset")
        .args([
            "-c",
            SERVER_CORE,
            "redis-server",
            "--save",
            "",
            "--appendonly",
            "no",
        ])
        .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let process = Rc::new(Process::of(child));
    if !installed() {
        return Ok(None);
    }
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        if begun.elapsed() > STARTS_WITHIN {
            return Err("redis-server does not start".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Some(Server { process, address }))
}

fn installed() -> bool {
    ["redis-server", "redis-benchmark"].iter().all(|program| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}

/// Its own load generator, with 50 connections, kept or made for each request.
pub(super) fn benchmark(server: SocketAddr, requests: u32, kept: bool) -> BenchResult<Answered> {
    let output = Command::new("taskset")
        .args([
            "-c",
            &LOAD_CORE.to_string(),
            "redis-benchmark",
            "--csv",
            "-c",
            "50",
        ])
        .args([
            "-p",
            &server.port().to_string(),
            "-n",
            &requests.to_string(),
        ])
        .args(["-k", if kept { "1" } else { "0" }, "-r", "10000"])
        .args(["SET", "__rand_int__", "v", "NX", "PX", "30000"])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let text = String::from_utf8(output.stdout)?;
    // The last line: the command, and requests a second, both in quotes.
    let fields = text.lines().last().unwrap_or_default().split("\",\"");
    let rate = fields.into_iter().nth(1).unwrap_or_default();
    let rate: f64 = rate
        .trim_matches('"')
        .parse()
        .map_err(|_| format!("no rate in {text:?}"))?;
    Ok(Answered {
        requests,
        time: Some(Duration::from_secs_f64(f64::from(requests) / rate)),
    })
}
