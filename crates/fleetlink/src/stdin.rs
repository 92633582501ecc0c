//! Lines from standard input.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use fleetlink_proto::{MAX_PASSWORD_BYTES, Password};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The longest line that is read.
const MAX_LINE: u64 = 64 * 1024;

/// A line is wiped wherever it is dropped: it may hold a password.
type Line = Zeroizing<String>;

/// Reads one line when asked, on a thread of its own: a read from a terminal cannot be ended.
pub(crate) struct Lines {
    wanted: mpsc::Sender<oneshot::Sender<io::Result<Option<Line>>>>,
    terminal: bool,
}

impl Lines {
    /// Of this process's standard input. Nothing is read before it is asked for.
    pub(crate) fn new() -> Self {
        let (wanted, mut requests) = mpsc::channel::<oneshot::Sender<_>>(1);
        std::thread::spawn(move || {
            while let Some(request) = requests.blocking_recv() {
                // Whoever asked may have been interrupted meanwhile.
                let _ = request.send(read_line());
            }
        });
        Lines {
            wanted,
            terminal: io::stdin().is_terminal(),
        }
    }

    /// Whether a person types.
    pub(crate) fn terminal(&self) -> bool {
        self.terminal
    }

    /// The next line without its end; `None` at the end of the input.
    pub(crate) async fn next(&self) -> Result<Option<String>, Failure> {
        let line = self.next_line().await?;
        Ok(line.map(|mut line| std::mem::take(&mut *line)))
    }

    async fn next_line(&self) -> Result<Option<Line>, Failure> {
        let (request, line) = oneshot::channel();
        let stopped = || Failure::General("standard input is no longer read".to_owned());
        self.wanted.send(request).await.map_err(|_| stopped())?;
        Ok(line.await.map_err(|_| stopped())??)
    }

    /// The next line, not shown while it is typed. Whoever types as soon as the question of `ask`
    /// stands there is not shown either.
    pub(crate) async fn next_hidden(
        &self,
        ask: impl FnOnce(),
    ) -> Result<Option<Password>, Failure> {
        let _hidden = if self.terminal { Hidden::new() } else { None };
        ask();
        let line = self.next_line().await?;
        Ok(line.map(|mut line| Password::from(std::mem::take(&mut *line))))
    }
}

fn read_line() -> io::Result<Option<Line>> {
    // As long as a password may be: a buffer that grows leaves copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(2 * MAX_PASSWORD_BYTES));
    io::stdin()
        .lock()
        .take(MAX_LINE)
        .read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    Ok(Some(text_of(&line)))
}

/// Without its end, and with what is no UTF-8 replaced.
fn text_of(line: &[u8]) -> Line {
    let end = line.iter().rposition(|byte| !b"\r\n".contains(byte));
    let line = &line[..end.map_or(0, |last| last + 1)];
    match std::str::from_utf8(line) {
        Ok(text) => Zeroizing::new(text.to_owned()),
        Err(_) => Zeroizing::new(String::from_utf8_lossy(line).into_owned()),
    }
}

/// Typing is not shown while this lives.
struct Hidden {
    before: Termios,
}

impl Hidden {
    /// Where the terminal cannot be asked, typing is shown.
    fn new() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden
            .local_modes
            .insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Drain, &hidden).ok()?;
        Some(Hidden { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_without_its_end() {
        for (line, text) in [
            ("a b\n", "a b"),
            ("a\r\n", "a"),
            ("a", "a"),
            ("\r\n", ""),
            (" a \n", " a "),
        ] {
            assert_eq!(text_of(line.as_bytes()).as_str(), text, "{line:?}");
        }
        assert_eq!(text_of(b"a\xff\n").as_str(), "a\u{fffd}");
    }
}
