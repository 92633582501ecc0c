//! The line editor where a person types, on a thread of its own.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use fleetlink_device::state_folder;
use fleetlink_proto::DeviceName;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor, ExternalPrinter as _};
use tokio::sync::mpsc;

use super::command::PROMPT;
use super::completion::Completion;
use super::{KnownFiles, Typed};
use crate::failure::Failure;
use crate::output::Output;

/// Lines that the history keeps.
const HISTORY_LINES: usize = 1000;

pub(super) struct EditorInput {
    wanted: mpsc::Sender<()>,
    typed: mpsc::Receiver<Result<Typed, Failure>>,
    asked: bool,
    before: Termios,
}

impl EditorInput {
    /// `None` where no person types and reads, or the terminal cannot be edited on.
    pub(super) fn open(device: &DeviceName, files: KnownFiles, output: &Output) -> Option<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        let before = tcgetattr(io::stdin()).ok()?;
        // Bracketed paste would have to be switched off again by whoever ends the process.
        let config = Config::builder()
            .auto_add_history(false)
            .bracketed_paste(false)
            .max_history_size(HISTORY_LINES)
            .ok()?
            .build();
        let mut editor = Editor::<Completion, FileHistory>::with_config(config).ok()?;
        let mut printer = editor.create_external_printer().ok()?;
        editor.set_helper(Some(Completion {
            device: device.clone(),
            files,
        }));
        output.print_above_prompt(Box::new(move |text| {
            // The terminal is gone; so is whoever would read it.
            let _ = printer.print(text);
        }));
        let (wanted, requests) = mpsc::channel(1);
        let (answer, typed) = mpsc::channel(1);
        std::thread::spawn(move || edit(editor, requests, &answer));
        Some(EditorInput {
            wanted,
            typed,
            asked: false,
            before,
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

impl Drop for EditorInput {
    /// The thread may still be reading, with the terminal as it needs it.
    fn drop(&mut self) {
        if self.asked {
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
        }
    }
}

fn gone() -> Failure {
    Failure::General("the terminal is no longer read".to_owned())
}

fn edit(
    mut editor: Editor<Completion, FileHistory>,
    mut requests: mpsc::Receiver<()>,
    answer: &mpsc::Sender<Result<Typed, Failure>>,
) {
    let history = history_file();
    if let Some(path) = &history {
        // There is none at first.
        let _ = editor.load_history(path);
    }
    let prompt = format!("{PROMPT} ");
    while requests.blocking_recv().is_some() {
        let typed = match editor.readline(&prompt) {
            Ok(line) => {
                remember(&mut editor, &line, history.as_ref());
                Ok(Typed::Line(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Typed::Interrupted),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(Failure::General(error.to_string())),
        };
        if answer.blocking_send(typed).is_err() {
            return;
        }
    }
}

/// Passwords never come here: the login has its own prompts.
fn remember(editor: &mut Editor<Completion, FileHistory>, line: &str, history: Option<&PathBuf>) {
    if line.trim().is_empty() {
        return;
    }
    let added = editor.add_history_entry(line).unwrap_or(false);
    if let Some(path) = history.filter(|_| added) {
        // A history that cannot be kept is no reason to stop.
        let _ = editor.append_history(path);
    }
}

fn history_file() -> Option<PathBuf> {
    let folder = state_folder().ok()?;
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}
