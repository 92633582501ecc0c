//! The keys that mean something else than the line editor makes of them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::termios::tcgetwinsize;
use rustyline::history::History;
use rustyline::{
    Cmd, ConditionalEventHandler, Editor, Event, EventContext, EventHandler, Helper, KeyCode,
    KeyEvent, Modifiers, Movement, RepeatCount,
};

use crate::terminal::suspend;

/// The effect of the keys, for the reader of lines.
#[derive(Default)]
pub(super) struct Pressed {
    /// Ctrl-C or Ctrl-D on an empty line.
    leave: AtomicBool,
    /// The line before ended with a carriage return: a line feed behind it belongs to it.
    after_return: AtomicBool,
    /// Between the marks around what is pasted.
    pasting: AtomicBool,
    /// The row of the cursor below the prompt's first, when Ctrl-Z was pressed.
    row: AtomicUsize,
}

impl Pressed {
    /// Whether the line that was just read is none, but the wish to leave.
    pub(super) fn leaves(&self) -> bool {
        self.leave.swap(false, Ordering::SeqCst)
    }

    /// The rows that the line occupies above the cursor.
    pub(super) fn rows_above(&self) -> usize {
        self.row.swap(0, Ordering::SeqCst)
    }
}

#[derive(Clone, Copy)]
enum Key {
    /// Ctrl-C: clears the line; leaves on an empty one.
    Interrupt,
    /// Ctrl-D: leaves on an empty line.
    EndOfInput,
    /// Ctrl-Z.
    Suspend,
    Return,
    LineFeed,
    Tab,
    PasteBegins,
    PasteEnds,
}

struct Handler {
    key: Key,
    pressed: Arc<Pressed>,
    prompt_width: usize,
}

/// Binds the keys. No line that is typed or pasted is lost by them: what leaves ends a line as
/// Enter does, so that the editor keeps what it has read behind it.
pub(super) fn bind<H: Helper, I: History>(
    editor: &mut Editor<H, I>,
    pressed: &Arc<Pressed>,
    prompt_width: usize,
) {
    for (event, key) in [
        (KeyEvent::ctrl('c'), Key::Interrupt),
        (KeyEvent::ctrl('\\'), Key::Interrupt),
        (KeyEvent::ctrl('d'), Key::EndOfInput),
        (KeyEvent::ctrl('z'), Key::Suspend),
        (KeyEvent(KeyCode::Enter, Modifiers::NONE), Key::Return),
        (KeyEvent::ctrl('j'), Key::LineFeed),
        (KeyEvent(KeyCode::Tab, Modifiers::NONE), Key::Tab),
        (
            KeyEvent(KeyCode::BracketedPasteStart, Modifiers::NONE),
            Key::PasteBegins,
        ),
        (
            KeyEvent(KeyCode::BracketedPasteEnd, Modifiers::NONE),
            Key::PasteEnds,
        ),
    ] {
        let handler = Handler {
            key,
            pressed: Arc::clone(pressed),
            prompt_width,
        };
        editor.bind_sequence(event, EventHandler::Conditional(Box::new(handler)));
    }
}

impl ConditionalEventHandler for Handler {
    fn handle(
        &self,
        _: &Event,
        _: RepeatCount,
        _: bool,
        context: &EventContext<'_>,
    ) -> Option<Cmd> {
        let empty = context.line().is_empty();
        let pressed = &self.pressed;
        match self.key {
            Key::Interrupt if !empty => Some(Cmd::Kill(Movement::WholeBuffer)),
            Key::Interrupt | Key::EndOfInput if empty => {
                pressed.leave.store(true, Ordering::SeqCst);
                Some(Cmd::AcceptLine)
            }
            Key::Suspend => {
                pressed.row.store(self.row(context), Ordering::SeqCst);
                suspend();
                Some(Cmd::Noop)
            }
            Key::Return => {
                pressed.after_return.store(true, Ordering::SeqCst);
                Some(Cmd::AcceptLine)
            }
            Key::LineFeed => {
                let second = pressed.after_return.swap(false, Ordering::SeqCst) && empty;
                Some(if second { Cmd::Noop } else { Cmd::AcceptLine })
            }
            // In what is pasted it separates words, and completes nothing.
            Key::Tab if pressed.pasting.load(Ordering::SeqCst) => {
                Some(Cmd::Insert(1, " ".to_owned()))
            }
            Key::PasteBegins | Key::PasteEnds => {
                let begins = matches!(self.key, Key::PasteBegins);
                pressed.pasting.store(begins, Ordering::SeqCst);
                Some(Cmd::Noop)
            }
            Key::Interrupt | Key::EndOfInput | Key::Tab => None,
        }
    }
}

impl Handler {
    fn row(&self, context: &EventContext<'_>) -> usize {
        let before = context.line().get(..context.pos()).unwrap_or_default();
        let columns = tcgetwinsize(io::stdout()).map_or(80, |size| size.ws_col);
        (self.prompt_width + before.chars().count()) / usize::from(columns.max(1))
    }
}
