//! A line that is typed at a question, byte by byte.

use fleetlink_proto::MAX_PASSWORD_BYTES;
use zeroize::{Zeroize as _, Zeroizing};

use super::Line;

/// The longest line that is kept; more keys change nothing.
const MAX_LINE: usize = 64 * 1024;

const END_OF_INPUT: u8 = 0x04;
const BACKSPACE: [u8; 2] = [0x08, 0x7f];
const ERASE_LINE: u8 = 0x15;
const ERASE_WORD: u8 = 0x17;
const ESCAPE: u8 = 0x1b;

/// The effect of a byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing that is seen.
    Nothing,
    /// It changes what is shown.
    Show(String),
    /// It ends the line.
    Line,
    /// It ends the input.
    End,
}

/// A line on its way.
pub(super) struct Typing {
    text: Zeroizing<Vec<u8>>,
    /// The part of it that is shown: whole characters.
    shown: usize,
    hidden: bool,
    after_return: bool,
    sequence: Sequence,
}

/// The position in an escape sequence: an arrow, or the marks around a paste.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sequence {
    None,
    Escape,
    Parameters,
    OneMore,
}

impl Typing {
    pub(super) fn new(hidden: bool, after_return: bool) -> Self {
        Typing {
            // As long as a password may be: a buffer that grows leaves copies behind.
            text: Zeroizing::new(Vec::with_capacity(2 * MAX_PASSWORD_BYTES)),
            shown: 0,
            hidden,
            after_return,
            sequence: Sequence::None,
        }
    }

    pub(super) fn take(&mut self, byte: u8) -> Step {
        if self.skips(byte) {
            return Step::Nothing;
        }
        let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
        match byte {
            b'\n' if after_return && self.text.is_empty() => Step::Nothing,
            b'\r' | b'\n' => Step::Line,
            END_OF_INPUT if self.text.is_empty() => Step::End,
            ERASE_LINE => self.erase(|text| text.clear()),
            ERASE_WORD => self.erase(|text| {
                let end = text.trim_end().len();
                let start = text[..end].rfind(' ').map_or(0, |space| space + 1);
                text.truncate(start);
            }),
            _ if BACKSPACE.contains(&byte) => self.erase(|text| _ = text.pop()),
            _ if byte < b' ' || self.text.len() >= MAX_LINE => Step::Nothing,
            _ => {
                self.text.push(byte);
                self.show()
            }
        }
    }

    /// Whether the byte belongs to an escape sequence.
    fn skips(&mut self, byte: u8) -> bool {
        let (skips, next) = match (self.sequence, byte) {
            (Sequence::None, ESCAPE) => (true, Sequence::Escape),
            (Sequence::Escape, b'[') => (true, Sequence::Parameters),
            (Sequence::Escape, b'O') => (true, Sequence::OneMore),
            (Sequence::Parameters, b' '..=b'?') => (true, Sequence::Parameters),
            (Sequence::Parameters, b'@'..=b'~') | (Sequence::OneMore, b' '..=b'~') => {
                (true, Sequence::None)
            }
            _ => (false, Sequence::None),
        };
        self.sequence = next;
        skips
    }

    /// The characters that have come whole since those that are shown.
    fn show(&mut self) -> Step {
        let new = &self.text[self.shown..];
        if self.hidden || std::str::from_utf8(new).is_err_and(|e| e.error_len().is_none()) {
            return Step::Nothing;
        }
        let text = printable(&String::from_utf8_lossy(new));
        self.shown = self.text.len();
        Step::Show(text)
    }

    fn erase(&mut self, change: impl FnOnce(&mut String)) -> Step {
        let before = Zeroizing::new(String::from_utf8_lossy(&self.text).into_owned());
        let mut after = before.clone();
        change(&mut after);
        let erased = before.chars().count() - after.chars().count();
        self.text.zeroize();
        self.text.extend_from_slice(after.as_bytes());
        self.shown = self.text.len();
        if self.hidden || erased == 0 {
            return Step::Nothing;
        }
        Step::Show("\u{8} \u{8}".repeat(erased))
    }

    /// Returns the text to show again after the process was stopped. A hidden line begins anew:
    /// nobody can see how far it was.
    pub(super) fn resume(&mut self) -> String {
        if self.hidden {
            self.text.zeroize();
            return String::new();
        }
        printable(&String::from_utf8_lossy(&self.text))
    }

    /// The line, without its end and with what is no UTF-8 replaced.
    pub(super) fn line(&mut self) -> Line {
        text_of(&self.text)
    }

    pub(super) fn ended_with_return(&self) -> bool {
        self.after_return
    }
}

fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// With what is no UTF-8 replaced.
pub(crate) fn text_of(line: &[u8]) -> Line {
    match std::str::from_utf8(line) {
        Ok(text) => Zeroizing::new(text.to_owned()),
        Err(_) => Zeroizing::new(String::from_utf8_lossy(line).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that these keys make, and what is shown.
    fn typed(keys: &[u8], hidden: bool) -> (Vec<String>, String) {
        let (mut lines, mut shown) = (Vec::new(), String::new());
        let mut typing = Typing::new(hidden, false);
        for &key in keys {
            match typing.take(key) {
                Step::Nothing => {}
                Step::Show(text) => shown.push_str(&text),
                Step::Line => {
                    lines.push(typing.line().to_string());
                    typing = Typing::new(hidden, typing.ended_with_return());
                }
                Step::End => lines.push("<end>".to_owned()),
            }
        }
        (lines, shown)
    }

    #[test]
    fn a_line_ends_with_either_end_or_both() {
        for keys in ["a b\rc\r", "a b\nc\n", "a b\r\nc\r\n"] {
            let (lines, shown) = typed(keys.as_bytes(), false);
            assert_eq!(lines, ["a b", "c"], "{keys:?}");
            assert_eq!(shown, "a bc");
        }
        assert_eq!(typed(b"\r\r", false).0, ["", ""]);
        assert_eq!(typed(b"\n\n", false).0, ["", ""]);
    }

    #[test]
    fn keys_erase_what_was_typed() {
        for (keys, line) in [
            (&b"ab\x7fc\r"[..], "ac"),
            (b"ab\x08\x08\x08c\r", "c"),
            (b"one two\x17x\r", "one x"),
            (b"one two\x15x\r", "x"),
            ("é\x7fa\r".as_bytes(), "a"),
        ] {
            assert_eq!(typed(keys, false).0, [line], "{keys:?}");
            assert_eq!(typed(keys, true), (vec![line.to_owned()], String::new()));
        }
    }

    #[test]
    fn arrows_and_the_marks_of_a_paste_are_no_text() {
        let keys = b"\x1b[200~yo\x1b[Dda\x1b[201~\x1bOA\r";
        assert_eq!(
            typed(keys, false),
            (vec!["yoda".to_owned()], "yoda".to_owned())
        );
    }

    #[test]
    fn the_end_of_the_input_is_one_on_an_empty_line_alone() {
        assert_eq!(typed(b"a\x04b\r\x04", false).0, ["ab", "<end>"]);
    }

    #[test]
    fn a_character_is_shown_once_it_is_whole() {
        let mut typing = Typing::new(false, false);
        let [first, second] = <[u8; 2]>::try_from("é".as_bytes()).unwrap();
        assert_eq!(typing.take(first), Step::Nothing);
        assert_eq!(typing.take(second), Step::Show("é".to_owned()));
        // A control character of the second set could take the screen over.
        assert_eq!(typed("\u{9b}2Jx\r".as_bytes(), false).1, "\u{fffd}2Jx");
    }

    #[test]
    fn a_hidden_line_begins_anew_after_a_stop() {
        let mut typing = Typing::new(true, false);
        assert_eq!(typing.take(b's'), Step::Nothing);
        assert_eq!(typing.resume(), "");
        assert_eq!(typing.line().as_str(), "");
        let mut typing = Typing::new(false, false);
        typing.take(b'y');
        assert_eq!(typing.resume(), "y");
        assert_eq!(typing.line().as_str(), "y");
    }
}
