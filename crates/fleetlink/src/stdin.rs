//! Lines from standard input.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::{mpsc, oneshot};

use crate::failure::Failure;

/// The longest line that is read.
const MAX_LINE: u64 = 64 * 1024;

/// Reads one line when asked, on a thread of its own: a read from a terminal cannot be ended.
pub(crate) struct Lines {
    wanted: mpsc::Sender<oneshot::Sender<io::Result<Option<String>>>>,
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
        let (request, line) = oneshot::channel();
        let stopped = || Failure::General("standard input is no longer read".to_owned());
        self.wanted.send(request).await.map_err(|_| stopped())?;
        Ok(line.await.map_err(|_| stopped())??)
    }

    /// The next line, not shown while it is typed.
    pub(crate) async fn next_hidden(&self) -> Result<Option<String>, Failure> {
        let _hidden = if self.terminal { Hidden::new() } else { None };
        self.next().await
    }
}

fn read_line() -> io::Result<Option<String>> {
    let mut line = Vec::new();
    io::stdin()
        .lock()
        .take(MAX_LINE)
        .read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&line);
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
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
