//! Network namespaces of one process: hosts of its own.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::Command;

/// A host with loopback; removed when dropped.
#[derive(Debug)]
pub struct Namespace(String);

impl Namespace {
    /// A new host, whose name begins so.
    ///
    /// # Errors
    /// This user may not make one, or `ip` (iproute2) is missing.
    pub fn make(role: &str) -> io::Result<Self> {
        let host = Namespace(format!("fleetlink-{role}-{}", std::process::id()));
        ip(&["netns", "add", &host.0])?;
        host.ip(&["link", "set", "lo", "up"])?;
        Ok(host)
    }

    /// Its name, for `ip`.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The file by which a process enters it.
    pub fn file(&self) -> PathBuf {
        ["/run/netns", &self.0].iter().collect()
    }

    /// Runs `ip` on it.
    ///
    /// # Errors
    /// It fails.
    pub fn ip(&self, arguments: &[&str]) -> io::Result<()> {
        ip(&[&["-n", &self.0], arguments].concat())
    }

    /// Runs a program on it to its end; what it writes.
    ///
    /// # Errors
    /// It fails.
    pub fn run(&self, program: &str, arguments: &[&str]) -> io::Result<String> {
        output(self.command(program.as_ref()).args(arguments))
    }

    /// A command that runs this program on it.
    pub fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]).arg(program);
        command
    }

    /// The same command, on it.
    pub fn within(&self, command: &Command) -> Command {
        let mut wrapped = self.command(command.get_program());
        wrapped.args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            wrapped.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(name, value),
                None => wrapped.env_remove(name),
            };
        }
        wrapped
    }

    /// Lays a cable from this end of it to that end of another host.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn connect(&self, end: &str, (other, others_end): (&Self, &str)) -> io::Result<()> {
        let own = ["link", "add", end, "netns", &self.0, "type", "veth"];
        let others = ["peer", others_end, "netns", &other.0];
        ip(&[&own[..], &others].concat())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // What was not made cannot be removed.
        let _ = ip(&["netns", "delete", &self.0]);
    }
}

fn ip(arguments: &[&str]) -> io::Result<()> {
    output(Command::new("ip").args(arguments)).map(|_| ())
}

fn output(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?}: {}", said.trim())))
}
