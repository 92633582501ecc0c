//! Servers under measurement: processes on a core of their own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Figure;
use crate::BenchResult;

/// The processor for servers; the load runs on the other one.
pub(super) const SERVER_CORE: &str = "0";
pub(super) const LOAD_CORE: usize = 1;
const TRIES: u32 = 12;
const PORTS_FADE: Duration = Duration::from_secs(5);

/// A running server, killed when its last owner goes.
pub(super) struct Process {
    child: Child,
    /// Open as long as the server may print.
    _output: Option<BufReader<ChildStdout>>,
}

impl Process {
    pub(super) fn of(child: Child) -> Self {
        Process {
            child,
            _output: None,
        }
    }

    /// The time that its threads have had on a processor.
    fn cpu(&self) -> BenchResult<Duration> {
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let schedule = fs::read_to_string(task?.path().join("schedstat"))?;
            let on_cpu = schedule.split(' ').next().unwrap_or_default();
            nanos += on_cpu.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server, and where it is.
pub(super) struct Server {
    pub(super) process: Rc<Process>,
    pub(super) address: SocketAddr,
}

impl Server {
    /// A role of this very program.
    pub(super) fn bare(role: &str) -> BenchResult<Self> {
        Self::start(&std::env::current_exe()?, &["leases", role])
    }

    /// `fleetlink hello serve`, from the same folder.
    pub(super) fn leases(lease: &str) -> BenchResult<Self> {
        let fleetlink = std::env::current_exe()?.with_file_name("fleetlink");
        let both = "127.0.0.1:0";
        let arguments = [
            "hello",
            "serve",
            "--udp",
            both,
            "--tcp",
            both,
            "--idle-exit",
            "never",
            "--lease",
            lease,
        ];
        Self::start(&fleetlink, &arguments)
    }

    fn start(program: &Path, arguments: &[&str]) -> BenchResult<Self> {
        let mut child = Command::new("taskset")
            .args(["-c", SERVER_CORE])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let (_, address) = line
            .trim()
            .rsplit_once(' ')
            .ok_or("the server did not start")?;
        Ok(Server {
            address: address.parse()?,
            process: Rc::new(Process {
                child,
                _output: Some(output),
            }),
        })
    }

    /// With every id granted.
    pub(super) fn all_leased(self) -> BenchResult<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(self.address)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        for id in 0..10_000 {
            socket.send(format!("HELLO {id:04}").as_bytes())?;
            socket.recv(&mut [0; 64])?;
        }
        Ok(self)
    }

    /// For two contenders.
    pub(super) fn shared(self) -> (Self, Self) {
        let other = Server {
            process: Rc::clone(&self.process),
            address: self.address,
        };
        (self, other)
    }
}

/// The number of requests with a reply, and the time; a load generator that measures itself says
/// so.
pub(super) struct Answered {
    pub(super) requests: u32,
    pub(super) time: Option<Duration>,
}

type Load = Box<dyn Fn(SocketAddr) -> BenchResult<Answered>>;

/// A server and the load that it is measured with.
pub(super) struct Contender {
    pub(super) name: &'static str,
    server: Server,
    load: Load,
}

impl Contender {
    pub(super) fn new(
        name: &'static str,
        server: Server,
        load: impl Fn(SocketAddr) -> BenchResult<Answered> + 'static,
    ) -> Self {
        Contender {
            name,
            server,
            load: Box::new(load),
        }
    }

    /// One round. Redis's load generator gives up where the ports of earlier rounds have not faded
    /// yet; then it is run again.
    pub(super) fn measure(&self) -> BenchResult<Figure> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.measure_once() {
                Err(_) if tries < TRIES => std::thread::sleep(PORTS_FADE),
                result => return result,
            }
        }
    }

    fn measure_once(&self) -> BenchResult<Figure> {
        let before = self.server.process.cpu()?;
        let begun = Instant::now();
        let Answered { requests, time } = (self.load)(self.server.address)?;
        let time = time.unwrap_or_else(|| begun.elapsed());
        let cpu = self.server.process.cpu()? - before;
        Ok(Figure {
            rate: f64::from(requests) / time.as_secs_f64(),
            cpu_per_million: cpu.as_secs_f64() * 1e6 / f64::from(requests),
        })
    }
}
