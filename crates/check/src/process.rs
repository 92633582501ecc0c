//! A client that runs: its input, its output, and its end.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::finding::shown;
use crate::program::{Program, Values};

/// Bytes that are kept of what a client prints; the rest is read and forgotten.
const MAX_PRINTED: usize = 64 * 1024;
/// The time for the output of an ended client to arrive.
const OUTPUT_SETTLES: Duration = Duration::from_secs(5);
/// Characters that are shown of what a client printed last.
const MAX_TAIL: usize = 160;

/// A client that runs in a process group of its own, which ends with this value.
pub(crate) struct Running {
    child: Child,
    group: Option<Pid>,
    stdout: Printed,
    stderr: Printed,
    /// Open until the end, so that a client that waits for input waits.
    _input: JoinHandle<Option<ChildStdin>>,
}

/// The output of a client, read while it runs.
struct Printed {
    text: Arc<Mutex<Vec<u8>>>,
    reading: JoinHandle<()>,
}

/// A client that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit status; none where it had to be ended.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Running {
    /// Starts the client. All of its input is there from the beginning: a client reads it when it
    /// asks, and one whose prompt is still in a buffer need not wait for us.
    pub(crate) fn start(
        program: &Program,
        values: &Values<'_>,
        lines: &[String],
    ) -> io::Result<Self> {
        let words = program.words(values);
        let (name, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut child = Command::new(name)
            .args(arguments)
            // A Python client that is ended keeps nothing in a buffer.
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let text = program.input(lines, values);
        let mut stdin = child.stdin.take();
        let input = tokio::spawn(async move {
            if let Some(stdin) = &mut stdin {
                // A client may end without reading.
                let _ = stdin.write_all(text.as_bytes()).await;
            }
            stdin
        });
        Ok(Running {
            stdout: Printed::read(child.stdout.take()),
            stderr: Printed::read(child.stderr.take()),
            child,
            group,
            _input: input,
        })
    }

    /// Waits for the client's end.
    pub(crate) async fn ended(&mut self) {
        // Of a child that cannot be waited for, `end` tells no status.
        let _ = self.child.wait().await;
    }

    /// Waits up to `patience` for the client's end, ends it, and returns what it left.
    pub(crate) async fn end(mut self, patience: Duration) -> Ended {
        let status = timeout(patience, self.child.wait()).await;
        let status = status.ok().and_then(Result::ok);
        self.kill_group();
        Ended {
            status,
            stdout: self.stdout.whole().await,
            stderr: self.stderr.whole().await,
        }
    }

    /// Ends the client and whatever it started.
    fn kill_group(&self) {
        if let Some(group) = self.group {
            // It may have ended already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_group();
    }
}

impl Printed {
    fn read(source: Option<impl AsyncRead + Unpin + Send + 'static>) -> Self {
        let text: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = Arc::clone(&text);
        let reading = tokio::spawn(async move {
            let Some(mut source) = source else { return };
            let mut buffer = vec![0; 4096];
            while let Ok(count @ 1..) = source.read(&mut buffer).await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let room = MAX_PRINTED.saturating_sub(kept.len());
                kept.extend_from_slice(&buffer[..count.min(room)]);
            }
        });
        Printed { text, reading }
    }

    async fn whole(&mut self) -> String {
        // A process that left the group may hold the pipe.
        let _ = timeout(OUTPUT_SETTLES, &mut self.reading).await;
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// The place of a client's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// As the end of a line of standard output.
    Output,
    /// As the end of a line of standard error.
    Error,
}

impl Ended {
    /// The place where a line that ends with `text` was printed; a prompt without a line end may
    /// precede it.
    pub(crate) fn printed(&self, text: &str) -> Option<Place> {
        let in_lines = |printed: &str| printed.lines().any(|line| line.trim_end().ends_with(text));
        if in_lines(&self.stdout) {
            Some(Place::Output)
        } else {
            in_lines(&self.stderr).then_some(Place::Error)
        }
    }

    /// Whether standard output or standard error contains `text`.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }

    /// Whether it ended by itself with status 0.
    pub(crate) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// Whether a signal ended it that the checker did not send.
    pub(crate) fn crashed(&self) -> bool {
        self.status.is_some_and(|status| status.signal().is_some())
    }

    /// Its end and its last words, for a person.
    pub(crate) fn shown(&self) -> String {
        let end = match self.status {
            None => "it did not end by itself".to_owned(),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit status {code}"),
                (None, Some(signal)) => format!("ended by signal {signal}"),
                (None, None) => "ended".to_owned(),
            },
        };
        let mut text = end;
        for (name, printed) in [("printed", &self.stdout), ("standard error", &self.stderr)] {
            let printed = printed.trim_end();
            if !printed.is_empty() {
                text.push_str(&format!("; {name}: {}", tail(printed)));
            }
        }
        text
    }
}

/// The last characters: an error's message stands at the end.
fn tail(text: &str) -> String {
    match text.char_indices().rev().nth(MAX_TAIL) {
        Some((begin, _)) => format!("…{}", shown(&text.as_bytes()[begin..])),
        None => shown(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(stdout: &str, stderr: &str) -> Ended {
        Ended {
            status: Some(ExitStatus::from_raw(256)),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        }
    }

    #[test]
    fn a_line_is_found_behind_a_prompt_and_on_standard_error() {
        let said = ended("Another id: Connection Error 1\r\n", "Connection Failure\n");
        assert_eq!(said.printed("Connection Error 1"), Some(Place::Output));
        assert_eq!(said.printed("Connection Failure"), Some(Place::Error));
        assert_eq!(said.printed("Connection Error"), None);
        assert!(said.mentions("Connection Err") && !said.succeeded() && !said.crashed());
    }

    #[test]
    fn the_last_words_are_shown_safely() {
        let said = ended("\u{1b}[2J", &format!("{}\nError: no", "x".repeat(500)));
        let shown = said.shown();
        assert!(
            shown.starts_with("exit status 1; printed: \\u{1b}[2J; "),
            "{shown}"
        );
        assert!(
            shown.ends_with("\\nError: no") && shown.contains('…'),
            "{shown}"
        );
    }
}
