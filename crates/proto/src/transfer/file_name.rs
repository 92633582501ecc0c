//! The name of a file that another device sends.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::limits::MAX_FILE_NAME_BYTES;
use crate::DeviceName;
use crate::text::{harmful_in, is_direction_mark};

/// The longest ending that counts as one, in bytes, its dot included.
const MAX_EXTENSION_BYTES: usize = 32;

/// The name of a file as it travels between devices: one part of a path, that shows itself as it is.
///
/// It can only be made by parsing. 1 to 255 bytes of UTF-8; not `.` or `..`; no `/` and no `\`; no
/// control character, line separator or invisible mark; no white space in front or at the end.
/// Direction marks are left out; joiners stay where they belong into a word or an emoji. A dot in
/// front is allowed: `.bashrc` is a file like others, and [`FileName::stored`] puts the sender's
/// name there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(Arc<str>);

/// The reason why a text is not the name of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileNameError {
    /// The text is empty.
    #[error("a file's name must not be empty")]
    Empty,
    /// The text has more than 255 bytes.
    #[error("a file's name has at most {MAX_FILE_NAME_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// The text is `.` or `..`.
    #[error("'.' and '..' are folders and no names of files")]
    Folder,
    /// The text holds `/` or `\`.
    #[error("a file's name is no path: it must not hold {0:?}")]
    Separator(char),
    /// The text holds a character that shows nothing or moves what is shown.
    #[error("a file's name must not hold the character U+{:04X}", u32::from(*.0))]
    Character(char),
    /// The text begins or ends with white space.
    #[error("a file's name must not begin or end with a space")]
    Margin,
    /// The text means something else on Windows.
    #[error("Windows stores no file of this name")]
    Reserved,
}

impl FileName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a file at this path, as its sender offers it. What no name may hold is written
    /// by its bytes, each as `%` and two hexadecimal digits: bytes that are not UTF-8, control
    /// characters, invisible marks, `\`, and white space in front and at the end.
    pub fn of_path(path: &std::path::Path) -> Result<Self, FileNameError> {
        let name = path.file_name().ok_or(FileNameError::Folder)?;
        escaped(name.as_encoded_bytes()).parse()
    }

    /// Whether a receiver on Windows can store it: it has no character that Windows gives a meaning,
    /// no dot at its end, which Windows drops, and is no device (Microsoft, 'Naming Files, Paths,
    /// and Namespaces').
    ///
    /// # Errors
    /// Where it cannot.
    pub fn on_windows(&self) -> Result<(), FileNameError> {
        let special = |c| matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*');
        match self.0.contains(special) || self.0.ends_with('.') || is_device_of_windows(&self.0) {
            true => Err(FileNameError::Reserved),
            false => Ok(()),
        }
    }

    /// The name under which a receiver stores it: the sender's name, `_` and this name; where that
    /// is taken, with `-2`, `-3` and so on before the ending. What would get longer than 255 bytes
    /// is cut before the number.
    pub fn stored(&self, sender: &DeviceName, number: u32) -> FileName {
        let (stem, extension) = split_extension(&self.0);
        let number = match number {
            0 | 1 => String::new(),
            number => format!("-{number}"),
        };
        let mut stored = format!("{sender}_{stem}");
        let room = MAX_FILE_NAME_BYTES - number.len() - extension.len();
        if stored.len() > room {
            stored.truncate(stored.floor_char_boundary(room));
            // A joiner belongs to what stands behind it.
            let severed = harmful_in(&stored).next().map(|(at, _)| at);
            stored.truncate(severed.unwrap_or(stored.len()));
            stored.truncate(stored.trim_end_matches(at_no_end).len());
        }
        FileName((stored + &number + extension).into())
    }
}

/// Windows drops these from the end of a name.
fn at_no_end(c: char) -> bool {
    c.is_whitespace() || c == '.'
}

/// The name up to its last dot, and the ending from there on; a dot in front begins no ending.
fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= MAX_EXTENSION_BYTES => name.split_at(dot),
        _ => (name, ""),
    }
}

impl std::str::FromStr for FileName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > 4 * MAX_FILE_NAME_BYTES {
            return Err(FileNameError::TooLong(text.len()));
        }
        let text = text.replace(is_direction_mark, "");
        let text = text.as_str();
        if text.is_empty() {
            return Err(FileNameError::Empty);
        }
        if text.len() > MAX_FILE_NAME_BYTES {
            return Err(FileNameError::TooLong(text.len()));
        }
        if matches!(text, "." | "..") {
            return Err(FileNameError::Folder);
        }
        if let Some(separator) = text.chars().find(|c| matches!(c, '/' | '\\')) {
            return Err(FileNameError::Separator(separator));
        }
        if let Some((_, culprit)) = harmful_in(text).next() {
            return Err(FileNameError::Character(culprit));
        }
        if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
            return Err(FileNameError::Margin);
        }
        Ok(FileName(text.into()))
    }
}

/// The name without what [`FileName::of_path`] writes otherwise.
fn escaped(name: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut escaped = String::new();
    let by_bytes = |to: &mut String, bytes: &[u8]| {
        for byte in bytes {
            // Writing to a String does not fail.
            let _ = write!(to, "%{byte:02X}");
        }
    };
    for chunk in name.utf8_chunks() {
        let valid = chunk.valid().replace(is_direction_mark, "");
        let harmful: Vec<usize> = harmful_in(&valid).map(|(at, _)| at).collect();
        for (at, c) in valid.char_indices() {
            match c == '\\' || harmful.binary_search(&at).is_ok() {
                true => by_bytes(&mut escaped, c.encode_utf8(&mut [0; 4]).as_bytes()),
                false => escaped.push(c),
            }
        }
        by_bytes(&mut escaped, chunk.invalid());
    }
    let inner = escaped.trim();
    let Some(start) = escaped.find(inner).filter(|_| !inner.is_empty()) else {
        let mut spaces = String::new();
        by_bytes(&mut spaces, escaped.as_bytes());
        return spaces;
    };
    let (front, end) = (&escaped[..start], &escaped[start + inner.len()..]);
    let mut whole = String::new();
    by_bytes(&mut whole, front.as_bytes());
    whole.push_str(inner);
    by_bytes(&mut whole, end.as_bytes());
    whole
}

/// Whether Windows opens a device under this name, whatever its ending (Microsoft, 'Naming Files,
/// Paths, and Namespaces').
fn is_device_of_windows(text: &str) -> bool {
    let stem = text.split(['.', ':']).next().unwrap_or(text).trim_end();
    let stem = stem.to_ascii_uppercase();
    if matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) {
        return true;
    }
    let port = stem.strip_prefix("COM").or(stem.strip_prefix("LPT"));
    let digit = |c: char| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³');
    port.is_some_and(|port| port.chars().count() == 1 && port.chars().all(digit))
}

impl TryFrom<String> for FileName {
    type Error = FileNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> String {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> FileNameError {
        text.parse::<FileName>().unwrap_err()
    }

    #[test]
    fn accepts_what_people_call_files() {
        for name in [
            "lecture1.mp4",
            "x",
            ".bashrc",
            "-rf",
            "a b.txt",
            "2022-09-30T10:31:13.jpg",
            "résumé 漢字.pdf",
            "archive.tar.gz",
            "console.log",
            "com10.txt",
            "...x",
            "...",
            "etc.",
            "C:x",
            "NUL",
            "nul.tar.gz",
            "می\u{200c}خواهم.pdf",
            "👩🏽\u{200d}🌾.png",
            &"n".repeat(255),
        ] {
            assert_eq!(
                name.parse().map(|n: FileName| n.to_string()),
                Ok(name.to_owned())
            );
        }
    }

    #[test]
    fn refuses_everything_else_with_its_reason() {
        use FileNameError::*;
        assert_eq!(refused(""), Empty);
        assert_eq!(refused(&"é".repeat(128)), TooLong(256));
        for (text, reason) in [
            (".", Folder),
            ("..", Folder),
            ("../x", Separator('/')),
            ("/etc/passwd", Separator('/')),
            ("..\\x", Separator('\\')),
            ("a\0b", Character('\0')),
            ("a\nb", Character('\n')),
            ("\u{1b}[2J", Character('\u{1b}')),
            ("\u{9b}31m", Character('\u{9b}')),
            ("a\u{7f}", Character('\u{7f}')),
            ("a\u{200b}b", Character('\u{200b}')),
            ("a\u{200c}b", Character('\u{200c}')),
            ("a\u{200d}b", Character('\u{200d}')),
            ("\u{202e}", Empty),
            ("\u{200f}.\u{200e}.", Folder),
            ("a\u{2028}b", Character('\u{2028}')),
            (" a", Margin),
            ("a ", Margin),
            ("a\u{a0}", Margin),
        ] {
            assert_eq!(refused(text), reason, "{text:?}");
        }
    }

    #[test]
    fn direction_marks_are_left_out() {
        for text in [
            "exe\u{202e}gpj.x",
            "\u{200f}exegpj.x\u{200e}",
            "exe\u{2066}gpj\u{2069}.x\u{61c}",
        ] {
            assert_eq!(text.parse::<FileName>().unwrap().as_str(), "exegpj.x");
        }
    }

    #[test]
    fn a_sender_writes_otherwise_what_no_name_may_hold() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        use std::path::Path;

        for (name, offered) in [
            (&b"plain.txt"[..], "plain.txt"),
            (b"caf\xe9.txt", "caf%E9.txt"),
            (b"\xff", "%FF"),
            ("a\u{202e}b".as_bytes(), "ab"),
            ("a\u{200d}b\u{200b}".as_bytes(), "a%E2%80%8Db%E2%80%8B"),
            ("نام\u{200c}ه".as_bytes(), "نام\u{200c}ه"),
            (b"a\\b\n\x1b", "a%5Cb%0A%1B"),
            (b" a b ", "%20a b%20"),
            (b"  ", "%20%20"),
            (b"100%.txt", "100%.txt"),
        ] {
            let path = Path::new("/tmp").join(OsStr::from_bytes(name));
            assert_eq!(FileName::of_path(&path).unwrap().as_str(), offered);
        }
        let long = Path::new("/tmp").join(OsStr::from_bytes(&[0xff; 100]));
        assert_eq!(FileName::of_path(&long), Err(FileNameError::TooLong(300)));
        assert_eq!(
            FileName::of_path(Path::new("/")),
            Err(FileNameError::Folder)
        );
    }

    #[test]
    fn windows_names_are_windows_matter() {
        for name in [
            "C:x",
            "c:",
            "NUL",
            "nul.tar.gz",
            "Com1 .txt",
            "LPT².txt",
            "conin$",
            "aux:stream",
            "a.",
            "...",
            "a?",
            "a*b",
            "a|b",
            "\"a\"",
            "<a>",
        ] {
            let name: FileName = name.parse().unwrap();
            assert_eq!(name.on_windows(), Err(FileNameError::Reserved), "{name}");
        }
        for name in [
            "lecture1.mp4",
            "com10.txt",
            "console.log",
            ".bashrc",
            "漢字",
        ] {
            assert_eq!(name.parse::<FileName>().unwrap().on_windows(), Ok(()));
        }
    }

    #[test]
    fn is_stored_under_the_senders_name_and_numbered_before_the_ending() {
        let camera: DeviceName = "uav-camera".parse().unwrap();
        let stored = |name: &str, number| {
            let name: FileName = name.parse().unwrap();
            name.stored(&camera, number).to_string()
        };
        assert_eq!(stored("test.mp4", 1), "uav-camera_test.mp4");
        assert_eq!(stored("test.mp4", 2), "uav-camera_test-2.mp4");
        assert_eq!(stored(".bashrc", 3), "uav-camera_.bashrc-3");
        assert_eq!(stored("plain", 10), "uav-camera_plain-10");
        let long = format!("{}.mp4", "é".repeat(125));
        assert!(stored(&long, 1).ends_with("é.mp4"));
        assert!(stored(&long, 1000).ends_with("é-1000.mp4"));
        let spaced = format!("{}{}x", "n".repeat(200), " ".repeat(50));
        assert_eq!(
            stored(&spaced, 1),
            format!("uav-camera_{}", "n".repeat(200))
        );
    }

    proptest! {
        /// Every parsed name is one harmless part of a path, and is stored as one.
        #[test]
        fn what_parses_is_one_part_of_a_path(text in "\\PC{1,80}|[./\\\\a: \u{202e}\u{1b}\u{200c}ه]{1,9}",
                                             number in 1_u32..10_000) {
            let sender: DeviceName = "n".repeat(64).parse().unwrap();
            if let Ok(name) = text.parse::<FileName>() {
                for name in [name.clone(), name.stored(&sender, number)] {
                    prop_assert_eq!(name.as_str().parse(), Ok(name.clone()));
                    let name = name.to_string();
                    let path = std::path::Path::new(&name);
                    prop_assert_eq!(path.components().count(), 1);
                    prop_assert_eq!(path.file_name(), Some(name.as_ref()));
                    prop_assert!(name.len() <= MAX_FILE_NAME_BYTES);
                    prop_assert_eq!(crate::Escaped(&name).to_string(), name);
                }
            }
        }
    }
}
