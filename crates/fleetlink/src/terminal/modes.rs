//! The modes of the terminal.

use std::io;

use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// The current modes of the terminal.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mode {
    /// Those of the shell that started this process.
    Original,
    /// Nothing is echoed or changed; Ctrl-C and Ctrl-Z are signals.
    Quiet,
    /// As a line editor needs it: Ctrl-C and Ctrl-Z are keys.
    Editing,
}

/// The modes that the terminal can have.
pub(super) struct Modes {
    original: Termios,
    quiet: Termios,
    editing: Termios,
}

impl Modes {
    /// Reads those that the terminal has.
    pub(super) fn read() -> io::Result<Self> {
        let original = tcgetattr(io::stdin())?;
        let mut quiet = original.clone();
        quiet.local_modes.remove(
            LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::IEXTEN,
        );
        // A signal throws nothing away that was typed ahead.
        quiet
            .local_modes
            .insert(LocalModes::ISIG | LocalModes::NOFLSH);
        quiet
            .input_modes
            .remove(InputModes::ICRNL | InputModes::INLCR | InputModes::IGNCR | InputModes::ISTRIP);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Nobody wants a core dump of a program that was asked for a password.
        quiet.special_codes[SpecialCodeIndex::VQUIT] = DISABLED;
        let mut editing = quiet.clone();
        editing.local_modes.remove(LocalModes::ISIG);
        editing.input_modes.remove(InputModes::IXON);
        Ok(Modes {
            original,
            quiet,
            editing,
        })
    }

    /// Sets these modes; what waits to be read stays. A terminal that is gone has none.
    pub(super) fn set(&self, mode: Mode) {
        let modes = match mode {
            Mode::Original => &self.original,
            Mode::Quiet => &self.quiet,
            Mode::Editing => &self.editing,
        };
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
    }
}

/// The character that no key has.
const DISABLED: u8 = if cfg!(target_os = "macos") { 0xff } else { 0 };
