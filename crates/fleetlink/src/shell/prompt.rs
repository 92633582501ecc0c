//! The prompt after which a command is typed.

use fleetlink_proto::DeviceName;

/// The prompt of the course's client.
pub(crate) const PROMPT: &str =
    "Enter one of the following commands (EDG, UED, SCS, DTE, AED, UVF, OUT):";

/// The shell's prompt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Prompt {
    /// The names of the commands, as the course's client shows them.
    Full,
    /// The device's name.
    #[default]
    Short,
}

impl Prompt {
    /// The text, without what separates it from the command.
    pub(crate) fn text(self, device: &DeviceName) -> String {
        match self {
            Prompt::Full => PROMPT.to_owned(),
            Prompt::Short => format!("{device}>"),
        }
    }
}
