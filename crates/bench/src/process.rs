//! Processes of a measurement: what they cost, and their end.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::BenchResult;

/// Clock ticks a second in `/proc` (USER_HZ), the same on every architecture that we build for.
const TICKS: u64 = 100;

/// A running process whose standard output we read; killed when dropped.
pub(crate) struct Process {
    child: Child,
    output: Option<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> BenchResult<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no standard output")?;
        Ok(Process {
            child,
            output: Some(BufReader::new(output)),
        })
    }

    /// The text behind `prefix` in the first line that has it.
    pub(crate) fn expect(&mut self, prefix: &str) -> BenchResult<String> {
        let mut line = String::new();
        let output = self.output.as_mut().ok_or("its output is not read")?;
        while output.read_line(&mut line)? > 0 {
            if let Some((_, rest)) = line.split_once(prefix) {
                return Ok(rest.trim().to_owned());
            }
            line.clear();
        }
        Err(format!("a process ended without saying {prefix:?}").into())
    }

    /// Reads what it prints from here on and forgets it: a full pipe would hold it up.
    pub(crate) fn ignore_output(&mut self) {
        if let Some(mut output) = self.output.take() {
            thread::spawn(move || io::copy(&mut output, &mut io::sink()));
        }
    }

    /// Asks it to end, as a service manager does, and waits for that.
    pub(crate) fn terminate(self) -> BenchResult {
        self.signal(Signal::TERM)
    }

    /// Asks it to end, as a person at a terminal does, and waits for that.
    pub(crate) fn interrupt(self) -> BenchResult {
        self.signal(Signal::INT)
    }

    fn signal(mut self, signal: Signal) -> BenchResult {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or("no process id")?, signal)?;
        self.ignore_output();
        self.child.wait()?;
        Ok(())
    }

    /// Waits until it has ended by itself, with success.
    pub(crate) fn wait(mut self) -> BenchResult {
        self.ignore_output();
        let status = self.child.wait()?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("a process ended with {status}").into()),
        }
    }

    /// The time that its threads have had of the processors.
    pub(crate) fn processor_time(&self) -> BenchResult<Duration> {
        processor_time(self.child.id())
    }

    /// Its resident memory in bytes.
    pub(crate) fn resident(&self) -> BenchResult<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next());
        Ok(kib.ok_or("no VmRSS")?.parse::<u64>()? * 1024)
    }

    /// Its open descriptors.
    pub(crate) fn descriptors(&self) -> BenchResult<usize> {
        let folder = fs::read_dir(format!("/proc/{}/fd", self.child.id()))?;
        Ok(folder.count())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time that the threads of a process have had of the processors, in steps of 10 ms. Unlike
/// rates, it does not depend on what else the machine does.
pub(crate) fn processor_time(process: u32) -> BenchResult<Duration> {
    // User and system time are fields 14 and 15.
    ticks(process, 11)
}

/// The same of the children of a process that have ended, and of theirs.
pub(crate) fn childrens_time(process: u32) -> BenchResult<Duration> {
    ticks(process, 13)
}

/// The sum of two counts that come so many fields after the name.
fn ticks(process: u32, place: usize) -> BenchResult<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in brackets may hold spaces.
    let (_, fields) = stat.rsplit_once(')').ok_or("no stat")?;
    let ticks = fields.split_whitespace().skip(place).take(2);
    let ticks: u64 = ticks.map(str::parse::<u64>).sum::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// The release binary, which `cargo xtask bench` has built beside this one.
pub(crate) fn fleetlink() -> BenchResult<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("fleetlink");
    match path.exists() {
        true => Ok(path),
        false => Err("build the binary first: cargo build --release".into()),
    }
}

/// Takes as many file descriptors as the machine gives; child processes have them too.
pub(crate) fn raise_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where raising is refused, what there is must do.
    let _ = setrlimit(Resource::Nofile, limit);
}
