//! The name of a device's data file.

mod json;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest name of a data file, in bytes.
pub const MAX_DATA_FILE_BYTES: usize = 128;

/// The replacement for `/` in the name of a local file.
const SLASH: &str = "%2F";

/// The name of a data file, unique within its device: 1 to 128 of `A-Z a-z 0-9 . _ - /`, in which
/// nothing that stands before, between or behind `/` is empty, `.` or `..`.
///
/// A number from 0 to 4294967295 is the name that its shortest decimal form makes: `1` and `"1"` are
/// one data file, `"01"` is another. Numbers come first, by value; the other names follow, by bytes.
/// In JSON a number is a number and any other name a text; both are read from either.
///
/// A name can only be made from a number or by parsing. In a path it stands as
/// [`DataFile::local_name`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataFile(Name);

/// The order of the variants is the order of names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name {
    Number(u32),
    /// Any name that is not the shortest form of a number.
    Text(Arc<str>),
}

/// The reason why a text or a number is not the name of a data file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataFileError {
    /// The text is empty.
    #[error("the name of a data file must not be empty")]
    Empty,
    /// The text has more than 128 bytes.
    #[error("the name of a data file has at most {MAX_DATA_FILE_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// The text holds a character that a name may not.
    #[error(
        "the name of a data file is made of A-Z, a-z, 0-9, '.', '_', '-' and '/', not '{}'",
        .0.escape_debug()
    )]
    Character(char),
    /// A part of the text is empty: it begins or ends with `/`, or has two beside each other.
    #[error("the name of a data file must not begin or end with '/' or have two beside each other")]
    EmptyPart,
    /// A part of the text is `.` or `..`.
    #[error("no part of the name of a data file may be '.' or '..'")]
    DotPart,
    /// The number is not a whole one from 0 to 4294967295.
    #[error("the number of a data file is a whole number from 0 to 4294967295, not {0}")]
    Number(String),
}

impl DataFile {
    /// The data file of this number.
    pub const fn numbered(number: u32) -> Self {
        DataFile(Name::Number(number))
    }

    /// The number, where the name is one.
    pub const fn number(&self) -> Option<u32> {
        match self.0 {
            Name::Number(number) => Some(number),
            Name::Text(_) => None,
        }
    }

    /// The text, where the name is not a number.
    pub fn text(&self) -> Option<&str> {
        match &self.0 {
            Name::Number(_) => None,
            Name::Text(text) => Some(text),
        }
    }

    /// The name as a part of a local file's name: `%2F` stands for `/`, which no name holds.
    pub fn local_name(&self) -> String {
        self.to_string().replace('/', SLASH)
    }

    /// The data file that a part of a local file's name stands for, where it is the form that
    /// [`DataFile::local_name`] gives.
    pub fn of_local_name(local: &str) -> Option<Self> {
        let file: DataFile = local.replace(SLASH, "/").parse().ok()?;
        (file.local_name() == local).then_some(file)
    }
}

impl FromStr for DataFile {
    type Err = DataFileError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(DataFileError::Empty);
        }
        if text.len() > MAX_DATA_FILE_BYTES {
            return Err(DataFileError::TooLong(text.len()));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        if let Some(c) = text.chars().find(|&c| !allowed(c)) {
            return Err(DataFileError::Character(c));
        }
        for part in text.split('/') {
            match part {
                "" => return Err(DataFileError::EmptyPart),
                "." | ".." => return Err(DataFileError::DotPart),
                _ => {}
            }
        }
        Ok(DataFile(match shortest(text) {
            Some(number) => Name::Number(number),
            None => Name::Text(text.into()),
        }))
    }
}

/// The number whose shortest decimal form this text is.
fn shortest(text: &str) -> Option<u32> {
    let needless = text.len() > 1 && text.starts_with('0');
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits && !needless => Some(number),
        _ => None,
    }
}

impl From<u32> for DataFile {
    fn from(number: u32) -> Self {
        DataFile::numbered(number)
    }
}

impl fmt::Display for DataFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Number(number) => number.fmt(f),
            Name::Text(text) => f.pad(text),
        }
    }
}

impl fmt::Debug for DataFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
