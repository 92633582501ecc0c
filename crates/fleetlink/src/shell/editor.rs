//! The line editor where a person types, on a thread of its own.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use fleetlink_client::kept::state_folder;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor, ExternalPrinter};
use tokio::sync::mpsc;

use super::Typed;
use super::completion::Completion;
use super::keys::{self, Pressed};
use crate::failure::Failure;
use crate::output::Output;
use crate::stdin::Lines;
use crate::terminal::{Redraw, Screen};

/// Lines that the history keeps.
const HISTORY_LINES: usize = 1000;

pub(super) struct EditorInput {
    wanted: mpsc::Sender<()>,
    typed: mpsc::Receiver<Result<Typed, Failure>>,
    asked: bool,
    /// The terminal, which is given back with this.
    _lines: Lines,
}

/// The thread's own data.
struct Desk {
    editor: Editor<Completion, FileHistory>,
    prompt: String,
    screen: Screen,
    pressed: Arc<Pressed>,
    redraw: Redraw,
    history: Option<PathBuf>,
    output: Output,
}

impl EditorInput {
    /// Gives the lines back where no person types and reads, or the terminal cannot be edited on.
    pub(super) fn open(
        lines: Lines,
        prompt: &str,
        completion: Completion,
        output: &Output,
    ) -> Result<Self, Lines> {
        let Some(desk) = Desk::open(&lines, prompt, completion, output) else {
            return Err(lines);
        };
        let (wanted, requests) = mpsc::channel(1);
        let (answer, typed) = mpsc::channel(1);
        std::thread::spawn(move || desk.work(requests, &answer));
        Ok(EditorInput {
            wanted,
            typed,
            asked: false,
            _lines: lines,
        })
    }

    pub(super) fn ask(&mut self) -> Result<(), Failure> {
        if !self.asked {
            self.wanted.try_send(()).map_err(|_| gone())?;
            self.asked = true;
        }
        Ok(())
    }

    pub(super) async fn answer(&mut self) -> Result<Typed, Failure> {
        let typed = self.typed.recv().await.unwrap_or_else(|| Err(gone()));
        self.asked = false;
        typed
    }
}

fn gone() -> Failure {
    Failure::General("the terminal is no longer read".to_owned())
}

impl Desk {
    fn open(lines: &Lines, prompt: &str, completion: Completion, output: &Output) -> Option<Self> {
        let screen = lines.screen().filter(|_| io::stdout().is_terminal())?;
        // Marks around what is pasted would have to be switched off again by whoever ends the
        // process; a terminal that sends them all the same is understood.
        let config = Config::builder()
            .auto_add_history(false)
            .bracketed_paste(false)
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .max_history_size(HISTORY_LINES)
            .ok()?
            .build();
        let mut editor = Editor::<Completion, FileHistory>::with_config(config).ok()?;
        let mut printer = editor.create_external_printer().ok()?;
        let redrawing = editor.create_external_printer().ok()?;
        editor.set_helper(Some(completion));
        let prompt = format!("{prompt} ");
        let pressed = Arc::new(Pressed::default());
        keys::bind(&mut editor, &pressed, prompt.chars().count());
        let history = history_file();
        if let Some(path) = &history {
            // There is none at first.
            let _ = editor.load_history(path);
        }
        output.print_above_prompt(Box::new(move |text| {
            // The terminal is gone; so is whoever would read it.
            let _ = printer.print(text);
        }));
        Some(Desk {
            editor,
            prompt,
            screen,
            redraw: redraw(redrawing, Arc::clone(&pressed)),
            pressed,
            history,
            output: output.clone(),
        })
    }

    fn work(
        mut self,
        mut requests: mpsc::Receiver<()>,
        answer: &mpsc::Sender<Result<Typed, Failure>>,
    ) {
        while requests.blocking_recv().is_some() {
            if answer.blocking_send(self.read()).is_err() {
                return;
            }
        }
    }

    fn read(&mut self) -> Result<Typed, Failure> {
        loop {
            let editing = self.screen.edit(Arc::clone(&self.redraw));
            let read = self.editor.readline(&self.prompt);
            drop(editing);
            match read {
                Ok(_) if self.pressed.leaves() => return Ok(Typed::End),
                Ok(line) => {
                    self.remember(&line);
                    return Ok(Typed::Line(line));
                }
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(Typed::End),
                Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    let text = "Error. What was typed is not UTF-8; type it again.";
                    self.output.line(text);
                }
                Err(error) => return Err(Failure::General(error.to_string())),
            }
        }
    }

    /// Passwords never come here: the login has its own prompts.
    fn remember(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        let added = self.editor.add_history_entry(line).unwrap_or(false);
        if let Some(path) = self.history.as_ref().filter(|_| added) {
            // A history that cannot be kept is no reason to stop.
            let _ = self.editor.append_history(path);
        }
    }
}

/// Draws the prompt and the line again, below what others have written meanwhile.
fn redraw(printer: impl ExternalPrinter + Send + 'static, pressed: Arc<Pressed>) -> Redraw {
    /// The editor ends what it prints with a line feed; this takes it back.
    const NOTHING: &str = "\u{1b}[A\n";
    let printer = Mutex::new(printer);
    Arc::new(move || {
        // The editor clears the rows that its line had; those are somebody else's now.
        let _ = io::stdout().write_all("\n".repeat(pressed.rows_above()).as_bytes());
        let _ = io::stdout().flush();
        let mut printer = printer.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = printer.print(NOTHING.to_owned());
    })
}

fn history_file() -> Option<PathBuf> {
    let folder = state_folder().ok()?;
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}
