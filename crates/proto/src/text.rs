//! Text from outside, shown safely.

use std::fmt;

use crate::joiners::{belongs, is_joiner};

/// Shows text from outside with everything that could move a cursor, recolour a terminal, forge a
/// log line or reorder what is read written as an escape (`\n`, `\u{1b}`, `\u{202e}`).
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = 0;
        for (at, c) in harmful_in(self.0) {
            f.write_str(&self.0[shown..at])?;
            write!(f, "{}", c.escape_default())?;
            shown = at + c.len_utf8();
        }
        f.write_str(&self.0[shown..])
    }
}

/// Shows bytes from outside like [`Escaped`] text, with bytes that are not UTF-8 as `\xff`.
#[derive(Debug, Clone, Copy)]
pub struct EscapedBytes<'a>(pub &'a [u8]);

impl EscapedBytes<'_> {
    /// At most `characters` of what is shown; an ellipsis stands for the rest.
    pub fn cut(&self, characters: usize) -> String {
        // No character takes more than four bytes, and none is shown by fewer than one.
        let enough = self.0.len().min(4 * (characters + 1));
        let text = EscapedBytes(&self.0[..enough]).to_string();
        match text.char_indices().nth(characters) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

impl fmt::Display for EscapedBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            Escaped(chunk.valid()).fmt(f)?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// The characters of a text that could harm, and where they stand: all that are harmful by
/// themselves, without joiners that belong to a word or an emoji.
pub(crate) fn harmful_in(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    text.char_indices().filter(|&(at, c)| {
        let belongs = || is_joiner(c) && belongs(&text[..at], c, &text[at + c.len_utf8()..]);
        harmful(c) && !belongs()
    })
}

/// C0 and C1 controls, line and paragraph separators, bidirectional controls (UAX #9) and
/// invisible marks.
fn harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{061c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The bidirectional controls (UAX #9): they show nothing, and change only the order in which a text
/// is shown.
pub(crate) fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_harmful_characters_as_escapes() {
        let shown = Escaped("ok é 漢\u{1b}[2J\r\n\u{202e}\u{9b}\u{2028}").to_string();
        assert_eq!(shown, "ok é 漢\\u{1b}[2J\\r\\n\\u{202e}\\u{9b}\\u{2028}");
        let shown = Escaped("می\u{200c}خواهم a\u{200c}b").to_string();
        assert_eq!(shown, "می\u{200c}خواهم a\\u{200c}b");
    }
    #[test]
    fn bytes_are_shown_as_text_where_they_are_and_cut_at_characters() {
        let bytes = b"caf\xc3\xa9\n\0\xff\xfe";
        let shown = "caf\u{e9}\\n\\u{0}\\xff\\xfe";
        assert_eq!(EscapedBytes(bytes).to_string(), shown);
        assert_eq!(EscapedBytes(bytes).cut(80), shown);
        assert_eq!(EscapedBytes(bytes).cut(4), "caf\u{e9}…");
        assert_eq!(
            EscapedBytes("\u{1f980}".repeat(81).as_bytes())
                .cut(80)
                .chars()
                .count(),
            81
        );
        assert_eq!(EscapedBytes(&[0; 4096]).cut(80).chars().count(), 81);
    }
}
