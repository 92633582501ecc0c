//! `credentials.txt`: one `name password` a line.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use fleetlink_proto::{DeviceName, Escaped, Password};
use zeroize::Zeroizing;

/// The largest credentials file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// A file that was written no earlier may be half written.
pub const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// The contents of a credentials file.
#[derive(Debug, Default)]
pub struct Credentials {
    /// The accounts, each with the line that names it, in the order of the file.
    pub entries: Vec<(DeviceName, Password)>,
    /// The skipped lines, with a reason for each.
    pub skipped: Vec<String>,
    /// All of the file.
    pub(crate) bytes: Secret,
    /// Whether it was written just now.
    is_fresh: bool,
}

/// Bytes that are erased after use and never shown.
#[derive(Clone, Default)]
pub(crate) struct Secret(Arc<Zeroizing<Vec<u8>>>);

impl Secret {
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Credentials {
    /// Reads a file. Only a file that cannot be read is an error.
    pub fn read(path: &Path) -> io::Result<Self> {
        let length = std::fs::metadata(path)?.len();
        if length > MAX_FILE_BYTES {
            let message = format!("{length} bytes are too many, at most {MAX_FILE_BYTES} are read");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let bytes = std::fs::read(path)?;
        let mut credentials = Self::parse(&bytes);
        credentials.bytes = Secret(Arc::new(Zeroizing::new(bytes)));
        credentials.is_fresh = is_fresh(path);
        Ok(credentials)
    }

    /// Reads the bytes of a file: CRLF and blank lines do no harm, a bad line is named and skipped.
    /// Passwords are never part of what is said.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut credentials = Credentials::default();
        let mut lines = BTreeMap::new();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let number = number + 1;
            match parse_line(line) {
                Ok(None) => {}
                Ok(Some((name, password))) => match lines.get(&name) {
                    None => {
                        lines.insert(name.clone(), number);
                        credentials.entries.push((name, password));
                    }
                    Some(first) => {
                        let reason = format!("line {number}: {name} is in line {first} already");
                        credentials.skipped.push(reason);
                    }
                },
                Err(reason) => credentials.skipped.push(format!("line {number}: {reason}")),
            }
        }
        credentials
    }

    /// The reason why this file takes no login away, if there is one: it may be half written, or
    /// the line of the missing name may be one of its invalid lines.
    pub(crate) fn keeps_logins(&self) -> Option<&'static str> {
        match self {
            _ if self.entries.is_empty() => Some("it has no line that can be used"),
            _ if !self.skipped.is_empty() => Some("some of its lines cannot be used"),
            _ if self.is_fresh => Some("it was written less than a second ago"),
            _ => None,
        }
    }
}

/// Whether somebody may still be writing the file.
fn is_fresh(path: &Path) -> bool {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    let age = modified.ok().and_then(|modified| modified.elapsed().ok());
    age.is_some_and(|age| age < SETTLED_AFTER)
}

fn parse_line(line: &[u8]) -> Result<Option<(DeviceName, Password)>, String> {
    let line = str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut words = line.split_whitespace();
    let Some(name) = words.next() else {
        return Ok(None);
    };
    let (Some(password), None) = (words.next(), words.next()) else {
        return Err("expected a name and a password, with white space between them".to_owned());
    };
    let name = name
        .parse()
        .map_err(|e| format!("\"{}\" is no name: {e}", Escaped(name)))?;
    let password = Password::from(password);
    password
        .check_for_account()
        .map_err(|e| format!("{name}: {e}"))?;
    Ok(Some((name, password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_lines_are_named_and_the_rest_is_read() {
        let text = b"\xef\xbb\xbfsupersmartwatch comp9331\r\n\r\n   \nuav-camera  12345\nalone\n\
                    a/b secret\nthree words here\nuav-camera other\nlatin1 secr\xe9t\nlast one";
        let credentials = Credentials::parse(text);
        let names: Vec<_> = credentials
            .entries
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["supersmartwatch", "uav-camera", "last"]);
        assert_eq!(credentials.entries[1].1.expose(), "12345");
        let skipped = credentials.skipped.join("\n");
        for line in [
            "line 5: ",
            "line 6: \"a/b\" is no name: ",
            "line 7: ",
            "line 8: uav-camera is in line 4 already",
            "line 9: it is not UTF-8",
        ] {
            assert!(skipped.contains(line), "{line} in {skipped}");
        }
        assert!(
            !skipped.contains("secret") && !skipped.contains("other"),
            "{skipped}"
        );
    }
}
