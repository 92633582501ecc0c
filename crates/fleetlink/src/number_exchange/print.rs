//! The lines of the number exchange on standard output.

use std::io::{self, IsTerminal as _};

use fleetlink_proto::number_exchange::{Level, Line};

use crate::output::Output;

/// Prints lines, in colour where a person looks and wants it.
#[derive(Clone)]
pub(super) struct Printer {
    output: Output,
    colour: bool,
}

impl Printer {
    /// For this process's standard output.
    pub(super) fn new(output: &Output) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Printer {
            output: output.clone(),
            colour: io::stdout().is_terminal() && !unwanted,
        }
    }

    /// Prints one line.
    pub(super) fn line(&self, line: &Line) {
        self.output.line(&self.text(line));
    }

    /// Prints lines that came together, at once, from a thread of their own.
    #[cfg(feature = "hub")]
    pub(super) fn lines(&self, lines: &[Line]) {
        let text: Vec<String> = lines.iter().map(|line| self.text(line)).collect();
        self.output.post_from_thread(&text.join("\n"));
    }

    fn text(&self, line: &Line) -> String {
        match line.level().filter(|_| self.colour) {
            None => line.to_string(),
            Some(level) => format!("\u{1b}[{}m{line}\u{1b}[0m", colour(level)),
        }
    }
}

/// As "select graphic rendition" names it (ECMA-48, section 8.3.117).
fn colour(level: Level) -> &'static str {
    match level {
        Level::Debug => "36",
        Level::Info => "32",
        Level::Warning => "33",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_around_the_line_and_changes_nothing_in_it() {
        let printer = |colour| Printer {
            output: Output::new(false),
            colour,
        };
        let line = Line::closed();
        let plain = "[DEBUG] [handle_client]: Client connection closed";
        assert_eq!(printer(false).text(&line), plain);
        assert_eq!(
            printer(true).text(&line),
            format!("\u{1b}[36m{plain}\u{1b}[0m")
        );
    }
}
