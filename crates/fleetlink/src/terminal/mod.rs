//! The terminal at which a person types: its modes, its lines, and job control.
//!
//! From the first question of a dialogue to its end the terminal echoes nothing by itself and keeps
//! every byte as it was typed. So nothing that is typed ahead is lost or shown twice, and a password
//! that is typed ahead is not shown at all.

mod job_control;
mod modes;
mod typing;

use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::{Errno, read, write};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

pub(crate) use job_control::suspend;
use modes::{Mode, Modes};
pub(crate) use typing::text_of;
use typing::{Step, Typing};

/// A line is wiped wherever it is dropped: it may hold a password.
pub(crate) type Line = Zeroizing<String>;

/// Writes to the screen where the question stands.
pub(crate) type Show = Box<dyn Fn(&str) + Send>;

/// A question at the terminal.
pub(crate) struct Question {
    /// The question, with the separator from the answer.
    pub(crate) text: String,
    /// Whether the answer must not be shown.
    pub(crate) hidden: bool,
    /// The display of the answer.
    pub(crate) show: Show,
    /// Whether that is this terminal, so that the answer is shown there too.
    pub(crate) here: bool,
}

impl Question {
    /// Shows what is typed.
    fn echo(&self, text: &str) {
        if self.here {
            (self.show)(text);
        } else {
            // As the terminal itself would echo it.
            let _ = write(io::stdin(), text.as_bytes());
        }
    }
}

/// The process's terminal. The modes that it had are restored when this is dropped.
pub(crate) struct Terminal(Screen);

/// The terminal, for the threads that read from it; they may outlive the dialogue.
#[derive(Clone)]
pub(crate) struct Screen(Arc<Shared>);

struct Shared {
    modes: Modes,
    state: Mutex<State>,
}

struct State {
    stage: Stage,
    /// Whether the line before ended with a carriage return: a line feed behind it belongs to it.
    after_return: bool,
}

/// The current use of the terminal.
enum Stage {
    /// The dialogue has not begun: the modes are those of the shell that started this process.
    Before,
    /// Nothing is asked; what is typed waits.
    Quiet,
    /// A question is being answered.
    Asking(Question, Typing),
    /// A line editor is at work; this redraws its line.
    Editing(Redraw),
    /// The dialogue is over.
    Over,
}

/// Draws the line of an editor again.
pub(crate) type Redraw = Arc<dyn Fn() + Send + Sync>;

impl Terminal {
    /// The terminal on standard input, if it is one. Its modes stay as they are until it is used.
    pub(crate) fn open() -> Option<Self> {
        if !io::stdin().is_terminal() {
            return None;
        }
        let state = State {
            stage: Stage::Before,
            after_return: false,
        };
        Some(Terminal(Screen(Arc::new(Shared {
            modes: Modes::read().ok()?,
            state: Mutex::new(state),
        }))))
    }

    /// For a thread that reads.
    pub(crate) fn screen(&self) -> Screen {
        self.0.clone()
    }

    /// Begins the dialogue: from here on nothing is echoed that was not asked for.
    pub(crate) fn begin(&self) {
        let mut state = self.0.state();
        if matches!(state.stage, Stage::Before) {
            state.stage = Stage::Quiet;
            self.0.0.modes.set(Mode::Quiet);
            job_control::follow(&self.0);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if !matches!(state.stage, Stage::Before) {
            state.stage = Stage::Over;
            self.0.0.modes.set(Mode::Original);
        }
    }
}

impl Screen {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, and reads the answer on this thread; `None` at the end of the input.
    pub(crate) fn ask(&self, question: Question) -> io::Result<Option<Line>> {
        {
            let mut state = self.state();
            (question.show)(&question.text);
            let typing = Typing::new(question.hidden, state.after_return);
            state.set(Stage::Asking(question, typing));
        }
        let answer = self.read_line();
        let mut state = self.state();
        if let Stage::Asking(_, typing) = &state.stage {
            state.after_return = typing.ended_with_return();
        }
        state.set(Stage::Quiet);
        answer
    }

    /// One byte at a time: what is behind the line is for whoever asks next.
    fn read_line(&self) -> io::Result<Option<Line>> {
        loop {
            let mut byte = [0];
            match read(io::stdin(), &mut byte) {
                Ok(1) => {}
                Err(Errno::INTR) => continue,
                // The terminal is gone.
                Ok(_) | Err(Errno::IO) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            let mut state = self.state();
            let Stage::Asking(question, typing) = &mut state.stage else {
                return Ok(None);
            };
            match typing.take(byte[0]) {
                Step::Nothing => {}
                Step::Show(text) => question.echo(&text),
                Step::Line => {
                    question.echo("\n");
                    return Ok(Some(typing.line()));
                }
                Step::End => {
                    question.echo("\n");
                    return Ok(None);
                }
            }
        }
    }

    /// A line editor is at work on this thread until the guard is dropped.
    pub(crate) fn edit(&self, redraw: Redraw) -> Editing<'_> {
        self.state().set(Stage::Editing(redraw));
        Editing(self)
    }

    /// Gives the terminal back, for as long as this process is stopped.
    fn lend(&self) {
        let state = self.state();
        if !matches!(state.stage, Stage::Before | Stage::Over) {
            self.0.modes.set(Mode::Original);
        }
    }

    /// Takes the terminal again, and shows what is asked.
    fn take_back(&self) {
        let mut state = self.state();
        match &mut state.stage {
            Stage::Before | Stage::Over => {}
            Stage::Quiet => self.0.modes.set(Mode::Quiet),
            Stage::Asking(question, typing) => {
                self.0.modes.set(Mode::Quiet);
                (question.show)(&question.text);
                question.echo(&typing.resume());
            }
            Stage::Editing(redraw) => {
                self.0.modes.set(Mode::Editing);
                // On a thread of its own: it waits until the editor draws.
                let redraw = Arc::clone(redraw);
                spawn_blocking(move || redraw());
            }
        }
    }
}

impl State {
    /// Once over, it stays over.
    fn set(&mut self, stage: Stage) {
        if !matches!(self.stage, Stage::Over) {
            self.stage = stage;
        }
    }
}

/// A line editor has the terminal while this lives.
pub(crate) struct Editing<'a>(&'a Screen);

impl Drop for Editing<'_> {
    fn drop(&mut self) {
        self.0.state().set(Stage::Quiet);
    }
}
