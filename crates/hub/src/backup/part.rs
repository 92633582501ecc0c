//! The parts of a backup. A name is one of these or none, so no name leads anywhere else.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::identity::{CERTIFICATE_FILE, KEY_FILE};
use crate::store::sqlite::{DATABASE, SEGMENTS, SETTINGS_FILE};

/// A part of a backup, in the order in which they stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) enum Part {
    /// The copy of the database.
    Database,
    /// The hub's key, with the statements that lead to it.
    Key,
    /// The hub's certificate.
    Certificate,
    /// The hub's settings.
    Settings,
    /// A segment that has a file.
    Segment(u64),
}

/// Small files of the data folder that are copied as they are.
pub(super) const SMALL: [Part; 3] = [Part::Key, Part::Certificate, Part::Settings];

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Database => f.write_str(DATABASE),
            Part::Key => f.write_str(KEY_FILE),
            Part::Certificate => f.write_str(CERTIFICATE_FILE),
            Part::Settings => f.write_str(SETTINGS_FILE),
            Part::Segment(id) => write!(f, "{SEGMENTS}/{id}"),
        }
    }
}

impl From<Part> for String {
    fn from(part: Part) -> String {
        part.to_string()
    }
}

impl TryFrom<String> for Part {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let unknown = || format!("{} is no part of a backup", text.escape_debug());
        match text.as_str() {
            DATABASE => Ok(Part::Database),
            KEY_FILE => Ok(Part::Key),
            CERTIFICATE_FILE => Ok(Part::Certificate),
            SETTINGS_FILE => Ok(Part::Settings),
            other => {
                let id = other
                    .strip_prefix(SEGMENTS)
                    .and_then(|id| id.strip_prefix('/'));
                let id = id.ok_or_else(unknown)?;
                let number: u64 = id.parse().map_err(|_| unknown())?;
                match number.to_string() == id && number < 1 << 62 {
                    true => Ok(Part::Segment(number)),
                    false => Err(unknown()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_a_part_or_none() {
        for part in [
            Part::Database,
            Part::Key,
            Part::Certificate,
            Part::Settings,
            Part::Segment(17),
        ] {
            assert_eq!(Part::try_from(part.to_string()), Ok(part));
        }
        for name in [
            "",
            "..",
            "../hub.db",
            "/etc/passwd",
            "./hub.db",
            "hub.db/",
            "hub.lock",
            "segments/",
            "segments/017",
            "segments/-1",
            "segments/1/2",
            "segments/../hub.db",
            "segments/99999999999999999999",
            "segments/orphaned",
            "hub.db\0",
        ] {
            assert!(Part::try_from(name.to_owned()).is_err(), "{name}");
        }
    }
}
