//! The one place that writes to standard output and standard error.
//!
//! Lines are queued, and a thread writes them (see [`lane`]): a terminal that was stopped and a pipe
//! that is not read stop neither the network nor a signal. Each write is checked: a result that
//! could not be written is a failure of its command.

mod fate;
mod frame;
mod lane;
mod raw;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fleetlink_proto::Escaped;
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;

use crate::failure::Failure;
use crate::interrupt::Interrupts;
use lane::{Item, Lane, Wait, Worth};
use raw::Stream;
pub(crate) use raw::terminal_size;

/// The time for the first lines of a command that goes on; after it the command goes on without
/// them.
const OPENING: Duration = Duration::from_secs(2);
/// The time for the last lines of a command that was interrupted.
const FAREWELL: Duration = Duration::from_secs(1);

/// Prints above a prompt that is being edited.
pub(crate) type AbovePrompt = Box<dyn FnMut(String) + Send>;

/// The writer of results, notices and prompts. Clones share one place.
#[derive(Clone)]
pub(crate) struct Output {
    json: bool,
    stdout: Lane,
    /// The same lane where both are one file, so that the order of lines is kept.
    stderr: Lane,
    asked_to_end: Arc<AtomicBool>,
}

/// The place of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// It is part of a dialogue.
    Stdout,
    /// Standard output belongs to the result.
    Stderr,
}

impl Output {
    /// With `json`, results and failures are one document on standard output.
    pub(crate) fn new(json: bool) -> Self {
        let stdout = Lane::new();
        let stderr = match raw::are_one() {
            true => stdout.clone(),
            false => Lane::new(),
        };
        Output {
            json,
            stdout,
            stderr,
            asked_to_end: Arc::default(),
        }
    }

    /// Whether the result is one JSON document.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// From here on lines go above the prompt of a line editor.
    pub(crate) fn print_above_prompt(&self, printer: AbovePrompt) {
        self.stdout.print_by(Some(printer));
    }

    /// The line editor is gone.
    pub(crate) fn print_plainly(&self) {
        self.stdout.print_by(None);
    }

    /// Shows these lines below all others on standard error, in the place of those before. They
    /// must fit the terminal.
    pub(crate) fn show_bars(&self, lines: Vec<String>) {
        self.stderr.show_frame(lines);
    }

    /// Shows a line, in order with what this process shows otherwise.
    pub(crate) fn line(&self, text: &str) {
        self.to_stdout(format!("{text}\n"), Worth::Line, Wait::Written);
    }

    /// Shows a line of a command that goes on whether somebody reads or not.
    pub(crate) fn post(&self, text: &str) {
        self.to_stdout(format!("{text}\n"), Worth::Line, Wait::Room);
    }

    /// The same from a thread that has nothing else to do: it waits longer for a slow reader.
    #[cfg(feature = "hub")]
    pub(crate) fn post_from_thread(&self, text: &str) {
        self.to_stdout(format!("{text}\n"), Worth::Line, Wait::RoomLong);
    }

    /// Shows a result as text, or as the JSON document. It is never left out.
    pub(crate) fn result(&self, text: &str, document: &impl Serialize) {
        if self.json {
            self.document(document);
        } else if !text.is_empty() {
            self.to_stdout(format!("{text}\n"), Worth::Result, Wait::Written);
        }
    }

    /// Shows the lines of a list, or the words for an empty one, or the JSON document.
    pub(crate) fn list(&self, lines: &[String], empty: &str, document: &impl Serialize) {
        match lines {
            [] => self.result(empty, document),
            lines => self.result(&lines.join("\n"), document),
        }
    }

    fn document(&self, document: &impl Serialize) {
        let text = serde_json::to_string(document)
            .unwrap_or_else(|e| json!({"error": {"message": e.to_string()}}).to_string());
        self.to_stdout(format!("{text}\n"), Worth::Result, Wait::Written);
    }

    fn to_stdout(&self, text: String, worth: Worth, wait: Wait) {
        let item = Item {
            stream: Stream::Stdout,
            text,
            worth,
            tells: 0,
        };
        self.stdout.push(item, wait);
    }

    /// Says something beside the result, on standard error.
    pub(crate) fn notice(&self, text: &str) {
        self.to_stderr(format!("{text}\n"), Wait::Written);
    }

    /// Says how far something is, where bars cannot be drawn.
    pub(crate) fn progress_line(&self, text: &str) {
        self.to_stderr(format!("{text}\n"), Wait::Room);
    }

    /// Lines of the log, with their ends.
    pub(crate) fn log(&self, text: String) {
        self.to_stderr(text, Wait::Room);
    }

    fn to_stderr(&self, text: String, wait: Wait) {
        if self.stdout.has_printer() {
            return self.to_stdout(text, Worth::Line, wait);
        }
        let item = Item {
            stream: Stream::Stderr,
            text,
            worth: Worth::Line,
            tells: 0,
        };
        self.stderr.push(item, wait);
    }

    /// Asks a program for a line: the question is a line of its own.
    pub(crate) fn ask(&self, question: &str, ask: Ask) {
        self.show(&format!("{question}\n"), ask);
    }

    /// Shows a question at a terminal, or what is typed behind it.
    pub(crate) fn show(&self, text: &str, ask: Ask) {
        match ask {
            Ask::Stdout => self.to_stdout(text.to_owned(), Worth::Line, Wait::Written),
            Ask::Stderr => self.to_stderr(text.to_owned(), Wait::Written),
        }
    }

    /// Sets the event that tells a program of lines left out of standard output.
    pub(crate) fn tell_left_out(&self, tell: fn(u64) -> String) {
        self.stdout.tell_left_out(tell);
    }

    /// Waits until what was shown is written, and says whether all of it was. To be asked before
    /// something is done that the lost line would have told of.
    #[cfg(feature = "hub")]
    pub(crate) async fn shown(&self) -> Result<(), Failure> {
        self.stdout.settled(0).await;
        self.checked()
    }

    /// The same for the first lines of a command that goes on: where nobody reads yet, it goes on
    /// too. Another thread may still have to show one of `at_least` so many lines.
    pub(crate) async fn opened(&self, at_least: u64) -> Result<(), Failure> {
        let _ = timeout(OPENING, self.stdout.settled(at_least)).await;
        self.checked()
    }

    /// The error of lost lines of standard output, unless it was made good.
    #[cfg(feature = "hub")]
    pub(crate) fn lost(&self) -> Option<Failure> {
        self.checked().err()
    }

    /// Whether nothing was lost until now.
    fn checked(&self) -> Result<(), Failure> {
        match self.stdout.lost() {
            Some(error) => Err(Failure::output(&error)),
            None if self.stdout.is_closed() => Err(Failure::OutputClosed),
            None => Ok(()),
        }
    }

    /// Waits until whoever read standard output is gone, which is seen when something is written.
    pub(crate) async fn closed(&self) {
        self.stdout.closed().await;
    }

    /// Somebody asked the process to end, which is a good end of this command: its last lines are
    /// not waited for long.
    pub(crate) fn asked_to_end(&self) {
        self.asked_to_end.store(true, Ordering::Relaxed);
    }

    /// Shows how a command ended, waits until everything is written, and returns the exit code. A
    /// signal ends the wait; after an interruption it is short.
    pub(crate) async fn end(&self, result: Result<(), Failure>) -> ExitCode {
        if self.draws_progress() {
            self.show_bars(Vec::new());
        }
        if let Err(failure) = &result {
            self.show_failure(failure);
        }
        let interrupted = matches!(&result, Err(failure) if failure.is_interruption());
        let soon = interrupted || self.asked_to_end.load(Ordering::Relaxed);
        if !self.written(soon).await {
            return ExitCode::from(Failure::Interrupted.exit_code());
        }
        let lost = self.checked().err();
        // Who asked a server to end does not mind that nobody reads its lines.
        let asked = self.asked_to_end.load(Ordering::Relaxed);
        let lost = lost.filter(|lost| !(asked && matches!(lost, Failure::OutputClosed)));
        if let Some(lost) = &lost {
            self.say_lost(lost, result.as_ref().err());
            self.written(true).await;
        }
        match result.err().or(lost) {
            Some(failure) => ExitCode::from(failure.exit_code()),
            None => ExitCode::SUCCESS,
        }
    }

    fn show_failure(&self, failure: &Failure) {
        match failure {
            // The report has said it, and it is the one document.
            Failure::ChecksFailed(_) | Failure::Reported(_) => {}
            Failure::OutputClosed => {}
            Failure::Output(_) => self.say(failure),
            failure if self.json => {
                let message = failure.to_string();
                self.document(&json!({"error": {"code": failure.code(), "message": message}}));
            }
            Failure::Shown(_) => {}
            failure => self.say(failure),
        }
    }

    fn say(&self, failure: &Failure) {
        self.notice(&format!("fleetlink: {}", shown(&failure.to_string())));
    }

    /// Says on standard error what standard output does not show. A closed pipe ends quietly.
    fn say_lost(&self, lost: &Failure, failure: Option<&Failure>) {
        match failure {
            Some(Failure::Output(_)) => return,
            Some(failure @ Failure::Reported(_)) => self.say(failure),
            Some(failure) if self.json && !matches!(failure, Failure::OutputClosed) => {
                self.say(failure);
            }
            _ => {}
        }
        if matches!(lost, Failure::Output(_)) {
            self.say(lost);
        }
    }

    /// Waits until everything is written. Returns whether it is.
    async fn written(&self, soon: bool) -> bool {
        let all = async {
            self.stdout.settled(0).await;
            self.stderr.settled(0).await;
        };
        if soon {
            let _ = timeout(FAREWELL, all).await;
            return true;
        }
        let Ok(mut interrupts) = Interrupts::listen() else {
            all.await;
            return true;
        };
        tokio::select! {
            biased;
            () = all => true,
            () = interrupts.next() => false,
        }
    }

    /// Whether bars may be drawn: at a terminal that can move its cursor.
    pub(crate) fn draws_progress(&self) -> bool {
        !self.json && terminal_size().is_some() && !is_dumb()
    }

    /// Whether progress is told by a line now and then: at a terminal that can do no more.
    pub(crate) fn tells_progress(&self) -> bool {
        !self.json && terminal_size().is_some() && is_dumb()
    }
}

/// Whether the terminal understands nothing but text.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// The lines of a message. Nothing in them moves the cursor or changes the order of what is read,
/// whatever text of others is part of it.
fn shown(message: &str) -> String {
    let lines = message.split('\n').map(|line| Escaped(line).to_string());
    lines.collect::<Vec<_>>().join("\n")
}

/// Shows a failure of a process that has not begun, and returns its exit code.
pub(crate) fn failed(failure: &Failure, json: bool) -> ExitCode {
    let message = failure.to_string();
    let (stream, text) = match json {
        true => {
            let document = json!({"error": {"code": failure.code(), "message": message}});
            (Stream::Stdout, format!("{document}\n"))
        }
        false => (Stream::Stderr, format!("fleetlink: {}\n", shown(&message))),
    };
    // Where it cannot be said, the exit code says it.
    stream.write(text.as_bytes());
    ExitCode::from(failure.exit_code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_its_lines_and_nothing_else_that_a_terminal_obeys() {
        let message = "one\ntwo \u{1b}]52;c;eA==\u{7}\u{9b}2J\u{202e}\r\u{2028}\nthree é";
        let expected = "one\ntwo \\u{1b}]52;c;eA==\\u{7}\\u{9b}2J\\u{202e}\\r\\u{2028}\nthree é";
        assert_eq!(shown(message), expected);
    }
}
