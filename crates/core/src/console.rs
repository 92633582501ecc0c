//! The lines that a hub shows its operator: its output, not its log.

/// One interaction, shown as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsoleEvent {}
