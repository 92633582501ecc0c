//! A process of the demo: ended with it, and listened to.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// The time for any reply.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running process; killed when dropped.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    pieces: Receiver<String>,
    /// The printed output that no step has looked at yet.
    unread: String,
}

impl Process {
    /// Starts a command whose input and output are the demo's.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Result<Self, Failure> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::General(format!("{name} has no input and output")));
        };
        let (sender, pieces) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                let piece = String::from_utf8_lossy(&buffer[..read]).into_owned();
                if sender.send(piece).is_err() {
                    return;
                }
            }
        });
        Ok(Process {
            name,
            child,
            input,
            pieces,
            unread: String::new(),
        })
    }

    /// Types a line.
    pub(crate) fn send(&mut self, line: &str) -> Result<(), Failure> {
        Ok(writeln!(self.input, "{line}")?)
    }

    /// Waits for this text and returns what was printed before it.
    pub(crate) fn expect(&mut self, text: &str) -> Result<String, Failure> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(place) = self.unread.find(text) {
                let rest = self.unread.split_off(place + text.len());
                let mut before = std::mem::replace(&mut self.unread, rest);
                before.truncate(place);
                return Ok(before);
            }
            match self
                .pieces
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(piece) => self.unread.push_str(&piece),
                Err(RecvTimeoutError::Timeout) => return Err(self.missed(text, "in time")),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.missed(text, "before it ended"));
                }
            }
        }
    }

    fn missed(&self, text: &str, when: &str) -> Failure {
        let (name, unread) = (self.name, &self.unread);
        Failure::General(format!("{name} did not say {text:?} {when}, but: {unread}"))
    }

    /// Ends it without a goodbye.
    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, as a service manager does.
    pub(crate) fn terminate(&self) -> Result<(), Failure> {
        use rustix::process::{Pid, Signal, kill_process};
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Failure::General("no process id".to_owned()))?;
        Ok(kill_process(pid, Signal::TERM).map_err(std::io::Error::from)?)
    }

    /// Waits for its end and returns its exit status.
    pub(crate) fn wait(&mut self) -> Result<Option<i32>, Failure> {
        Ok(self.child.wait()?.code())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
