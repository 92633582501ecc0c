//! Lines that stay below all others on standard error, at a terminal: bars.

use unicode_width::UnicodeWidthStr as _;

use super::raw::{Stream, terminal_size};

/// The lines that stand there.
#[derive(Debug, Default)]
pub(super) struct Frame {
    lines: Vec<String>,
    drawn: bool,
}

impl Frame {
    /// Takes the lines away. A terminal that has become narrower has broken them meanwhile.
    pub(super) fn erase(&mut self) {
        if !self.drawn {
            return;
        }
        self.drawn = false;
        let (columns, _) = terminal_size().unwrap_or((80, 24));
        let rows = rows(&self.lines, columns);
        // Up to the first of them, and all below is empty (ECMA-48: CUU, ED).
        let _ = Stream::Stderr.write(format!("\r\u{1b}[{rows}A\u{1b}[J").as_bytes());
    }

    /// Draws these lines, or those that were there before.
    pub(super) fn draw(&mut self, wanted: Option<Vec<String>>) {
        if let Some(lines) = wanted {
            self.lines = lines;
        }
        if !self.lines.is_empty() {
            let text = self.lines.join("\n") + "\n";
            self.drawn = Stream::Stderr.write(text.as_bytes()).1.is_none();
        }
    }
}

/// The rows that the lines take on a terminal of this width.
fn rows(lines: &[String], columns: usize) -> usize {
    let rows = |line: &String| line.width().div_ceil(columns.max(1)).max(1);
    lines.iter().map(rows).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_broken_counts_for_several() {
        let lines = ["x".repeat(80), "漢".repeat(21), String::new()];
        assert_eq!(rows(&lines, 80), 3);
        assert_eq!(rows(&lines, 79), 4);
        assert_eq!(rows(&lines, 40), 2 + 2 + 1);
    }
}
