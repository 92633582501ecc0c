//! Text from outside, shown safely.

use std::fmt::{self, Write};

/// Shows text from outside with everything that could move a cursor, recolour a terminal, forge a
/// log line or reorder what is read written as an escape (`\n`, `\u{1b}`, `\u{202e}`).
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if harmful(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// C0 and C1 controls, line and paragraph separators, bidirectional controls (UAX #9) and
/// invisible marks.
pub(crate) fn harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{061c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_harmful_characters_as_escapes() {
        let shown = Escaped("ok é 漢\u{1b}[2J\r\n\u{202e}\u{9b}\u{2028}").to_string();
        assert_eq!(shown, "ok é 漢\\u{1b}[2J\\r\\n\\u{202e}\\u{9b}\\u{2028}");
    }
}
