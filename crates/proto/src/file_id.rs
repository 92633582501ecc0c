//! The number of a device's data file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of a data file, unique within its device: 0 to 4294967295.
///
/// As text it is a decimal integer in its shortest form, so one file has one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileId(u32);

/// The text is not a decimal integer from 0 to 4294967295 in its shortest form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a fileID is a decimal integer from 0 to 4294967295 without needless zeros")]
pub struct FileIdError;

impl FileId {
    /// The file of this number.
    pub const fn new(id: u32) -> Self {
        FileId(id)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for FileId {
    type Err = FileIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shortest = text == "0" || (!text.starts_with('0') && !text.starts_with('+'));
        match text.parse() {
            Ok(id) if shortest => Ok(FileId(id)),
            _ => Err(FileIdError),
        }
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_one_spelling() {
        for (text, id) in [("0", 0), ("1", 1), ("4294967295", u32::MAX)] {
            assert_eq!(text.parse(), Ok(FileId(id)));
            assert_eq!(FileId(id).to_string(), text);
        }
        for text in ["", "00", "01", "+1", "-1", "1.0", "x", "4294967296", " 1"] {
            assert_eq!(text.parse::<FileId>(), Err(FileIdError), "{text:?}");
        }
    }
}
