//! Lines from standard input: a person's answers at a terminal, or a program's lines.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use fleetlink_proto::{MAX_PASSWORD_BYTES, Password};
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output::{Ask, Output};
use crate::terminal::{Line, Question, Screen, Terminal, text_of};

/// The longest line that is read from a pipe.
const MAX_LINE: u64 = 64 * 1024;

/// Reads one line when asked, on a thread of its own: a read from a terminal cannot be ended.
pub(crate) struct Lines {
    wanted: mpsc::Sender<Request>,
    terminal: Option<Terminal>,
}

struct Request {
    question: Option<Question>,
    answer: oneshot::Sender<io::Result<Option<Line>>>,
}

impl Lines {
    /// Of this process's standard input. Nothing is read before it is asked for.
    pub(crate) fn new() -> Self {
        let terminal = Terminal::open();
        let (wanted, mut requests) = mpsc::channel::<Request>(1);
        let screen = terminal.as_ref().map(Terminal::screen);
        std::thread::spawn(move || {
            while let Some(request) = requests.blocking_recv() {
                // Whoever asked may have been interrupted meanwhile.
                let _ = request.answer.send(read(screen.as_ref(), request.question));
            }
        });
        Lines { wanted, terminal }
    }

    /// The same for a dialogue that begins now: what is typed ahead of its questions is not shown
    /// before they are asked.
    pub(crate) fn of_dialogue() -> Self {
        let lines = Lines::new();
        if let Some(terminal) = &lines.terminal {
            terminal.begin();
        }
        lines
    }

    /// Whether a person types.
    pub(crate) fn terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// The terminal, for a line editor.
    pub(crate) fn screen(&self) -> Option<Screen> {
        self.terminal.as_ref().map(Terminal::screen)
    }

    /// The next line without its end; `None` at the end of the input.
    pub(crate) async fn next(&self) -> Result<Option<String>, Failure> {
        let question = self.terminal.is_some().then(|| unasked(false));
        Ok(self.line(question).await?.map(plain))
    }

    /// Asks, and returns the answer. In a pipe the question is a line of its own.
    pub(crate) async fn ask(
        &self,
        output: &Output,
        question: &str,
        ask: Ask,
    ) -> Result<Option<String>, Failure> {
        let answer = self.answer(output, question, ask, false).await?;
        Ok(answer.map(plain))
    }

    /// Asks until the answer is yes or no. The end of the input is a no.
    pub(crate) async fn confirm(&self, output: &Output, question: &str) -> Result<bool, Failure> {
        let question = format!("{question} (yes/no)");
        loop {
            let answer = self.ask(output, &question, Ask::Stderr).await?;
            match answer.as_deref().map(str::trim) {
                Some("yes") => return Ok(true),
                Some("no") | None => return Ok(false),
                Some(_) => output.notice("Please answer yes or no."),
            }
        }
    }

    /// The same as [`Lines::ask`], with an answer that is not shown.
    pub(crate) async fn ask_hidden(
        &self,
        output: &Output,
        question: &str,
        ask: Ask,
    ) -> Result<Option<Password>, Failure> {
        let answer = self.answer(output, question, ask, true).await?;
        Ok(answer.map(secret))
    }

    /// The next line, which nobody is asked for and which is not shown.
    pub(crate) async fn next_hidden(&self) -> Result<Option<Password>, Failure> {
        let question = self.terminal.is_some().then(|| unasked(true));
        Ok(self.line(question).await?.map(secret))
    }

    async fn answer(
        &self,
        output: &Output,
        question: &str,
        ask: Ask,
        hidden: bool,
    ) -> Result<Option<Line>, Failure> {
        if self.terminal.is_none() {
            output.ask(question, ask);
            return self.line(None).await;
        }
        let output = output.clone();
        let question = Question {
            text: format!("{question} "),
            hidden,
            show: Box::new(move |text| output.show(text, ask)),
            here: match ask {
                Ask::Stdout => io::stdout().is_terminal(),
                Ask::Stderr => io::stderr().is_terminal(),
            },
        };
        self.line(Some(question)).await
    }

    async fn line(&self, question: Option<Question>) -> Result<Option<Line>, Failure> {
        if let Some(terminal) = &self.terminal {
            terminal.begin();
        }
        let (answer, line) = oneshot::channel();
        let stopped = || Failure::General("standard input is no longer read".to_owned());
        let request = Request { question, answer };
        self.wanted.send(request).await.map_err(|_| stopped())?;
        Ok(line.await.map_err(|_| stopped())??)
    }
}

/// A line is expected at the terminal, and the question stands elsewhere.
fn unasked(hidden: bool) -> Question {
    Question {
        text: String::new(),
        hidden,
        show: Box::new(|_| {}),
        here: false,
    }
}

fn read(screen: Option<&Screen>, question: Option<Question>) -> io::Result<Option<Line>> {
    match (screen, question) {
        (Some(screen), Some(question)) => screen.ask(question),
        _ => read_line(),
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
    Ok(Some(text_of(without_end(&line))))
}

fn without_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !b"\r\n".contains(byte));
    &line[..end.map_or(0, |last| last + 1)]
}

fn plain(mut line: Line) -> String {
    std::mem::take(&mut *line)
}

fn secret(line: Line) -> Password {
    Password::from(plain(line))
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
            let line = text_of(without_end(line.as_bytes()));
            assert_eq!(line.as_str(), text, "{line:?}");
        }
        assert_eq!(text_of(b"a\xff").as_str(), "a\u{fffd}");
    }
}
