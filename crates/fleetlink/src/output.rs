//! The one place that writes to standard output and standard error.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::MultiProgress;
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;

/// Prints above a prompt that is being edited.
pub(crate) type AbovePrompt = Box<dyn FnMut(String) + Send>;

/// Where results, notices and prompts go. Every line is flushed at once: whoever reads them may be
/// a program.
#[derive(Clone)]
pub(crate) struct Output {
    json: bool,
    above_prompt: Arc<Mutex<Option<AbovePrompt>>>,
    bars: Arc<Mutex<Option<MultiProgress>>>,
}

/// Where a question is asked.
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
        Output {
            json,
            above_prompt: Arc::default(),
            bars: Arc::default(),
        }
    }

    /// Whether the result is one JSON document.
    #[cfg(feature = "hub")]
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// From here on lines go above the prompt of a line editor.
    pub(crate) fn print_above_prompt(&self, printer: AbovePrompt) {
        *self.printer() = Some(printer);
    }

    /// The line editor is gone.
    pub(crate) fn print_plainly(&self) {
        *self.printer() = None;
    }

    /// From here on these bars make room for each line.
    pub(crate) fn print_beside(&self, bars: MultiProgress) {
        *self.bars.lock().unwrap_or_else(PoisonError::into_inner) = Some(bars);
    }

    fn beside_bars(&self, write: impl FnOnce() -> io::Result<()>) {
        let bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed pipe ends the output, not the program: what was asked for is still done.
        let _ = match &*bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        };
    }

    fn printer(&self) -> std::sync::MutexGuard<'_, Option<AbovePrompt>> {
        self.above_prompt
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a line of the result.
    pub(crate) fn line(&self, text: &str) {
        if let Some(printer) = &mut *self.printer() {
            printer(format!("{text}\n"));
            return;
        }
        self.beside_bars(|| write_line(&mut io::stdout().lock(), text));
    }

    /// Shows a result as text, or as the JSON document.
    pub(crate) fn result(&self, text: &str, document: &impl Serialize) {
        if self.json {
            self.document(document);
        } else if !text.is_empty() {
            self.line(text);
        }
    }

    fn document(&self, document: &impl Serialize) {
        let text = serde_json::to_string(document)
            .unwrap_or_else(|e| json!({"error": {"message": e.to_string()}}).to_string());
        let _ = write_line(&mut io::stdout().lock(), &text);
    }

    /// Says something beside the result, on standard error.
    pub(crate) fn notice(&self, text: &str) {
        if self.printer().is_some() {
            self.line(text);
            return;
        }
        self.beside_bars(|| write_line(&mut io::stderr().lock(), text));
    }

    /// Asks a program for a line: the question is a line of its own.
    pub(crate) fn ask(&self, question: &str, ask: Ask) {
        self.show(&format!("{question}\n"), ask);
    }

    /// Shows a question at a terminal, or what is typed behind it.
    pub(crate) fn show(&self, text: &str, ask: Ask) {
        let _ = match ask {
            Ask::Stdout => write_text(&mut io::stdout().lock(), text, ""),
            Ask::Stderr => write_text(&mut io::stderr().lock(), text, ""),
        };
    }

    /// Shows a failure and returns its exit code.
    pub(crate) fn failed(&self, failure: &Failure) -> ExitCode {
        if matches!(failure, Failure::ChecksFailed(_) | Failure::Reported(_)) {
            // The report has said it, and it is the one document.
        } else if self.json {
            let message = failure.to_string();
            self.document(&json!({"error": {"code": failure.code(), "message": message}}));
        } else if !matches!(failure, Failure::Shown(_)) {
            let _ = write_line(&mut io::stderr().lock(), &format!("fleetlink: {failure}"));
        }
        ExitCode::from(failure.exit_code())
    }

    /// Whether progress may be drawn.
    pub(crate) fn draws_progress(&self) -> bool {
        !self.json && io::stderr().is_terminal()
    }
}

fn write_line(to: &mut impl io::Write, text: &str) -> io::Result<()> {
    write_text(to, text, "\n")
}

fn write_text(to: &mut impl io::Write, text: &str, end: &str) -> io::Result<()> {
    to.write_all(format!("{text}{end}").as_bytes())?;
    to.flush()
}
