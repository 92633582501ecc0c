//! `credentials.txt`: one `name password` a line.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use fleetlink_core::{Account, AdminRequest};
use fleetlink_proto::{DeviceName, Escaped, Password};
use tokio::task::JoinSet;

use crate::driver::DriverHandle;
use crate::passwords::Passwords;

/// The largest credentials file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// What a credentials file says.
#[derive(Debug, Default)]
pub struct Credentials {
    /// The accounts, each with the line that names it, in the order of the file.
    pub entries: Vec<(DeviceName, Password)>,
    /// What was skipped and why, a sentence a line.
    pub skipped: Vec<String>,
}

/// What came of a credentials file.
#[derive(Debug, Default)]
pub struct Applied {
    /// Names that are new.
    pub added: Vec<DeviceName>,
    /// Names whose password is another one now.
    pub changed: Vec<DeviceName>,
    /// What was skipped and why, a sentence each.
    pub skipped: Vec<String>,
}

impl Credentials {
    /// Reads a file. Only a file that cannot be read is an error.
    pub fn read(path: &Path) -> io::Result<Self> {
        let length = std::fs::metadata(path)?.len();
        if length > MAX_FILE_BYTES {
            let message = format!("{length} bytes are too many, at most {MAX_FILE_BYTES} are read");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(Self::parse(&String::from_utf8_lossy(&std::fs::read(path)?)))
    }

    /// Reads the text of a file: CRLF and blank lines do no harm, a bad line is named and skipped.
    /// Passwords are never part of what is said.
    pub fn parse(text: &str) -> Self {
        let mut credentials = Credentials::default();
        let mut lines = BTreeMap::new();
        let text = text.trim_start_matches('\u{feff}');
        for (number, line) in text.lines().enumerate().map(|(i, line)| (i + 1, line)) {
            match parse_line(line) {
                Ok(None) => {}
                Ok(Some((name, password))) => match lines.insert(name.clone(), number) {
                    None => credentials.entries.push((name, password)),
                    Some(first) => {
                        lines.insert(name.clone(), first);
                        let reason =
                            format!("line {number}: {name} stands in line {first} already");
                        credentials.skipped.push(reason);
                    }
                },
                Err(reason) => credentials.skipped.push(format!("line {number}: {reason}")),
            }
        }
        credentials
    }

    /// Brings the accounts up to what the file says: new names are added and changed passwords
    /// set; names that are not in the file stay.
    pub(crate) async fn apply(
        self,
        accounts: Vec<Account>,
        driver: &DriverHandle,
        passwords: &Passwords,
    ) -> Applied {
        let hashes: BTreeMap<_, _> = accounts
            .into_iter()
            .map(|account| (account.name, account.password_hash))
            .collect();
        let mut work = JoinSet::new();
        for (place, (name, password)) in self.entries.into_iter().enumerate() {
            let (driver, passwords) = (driver.clone(), passwords.clone());
            let known = hashes.get(&name).cloned();
            let is_new = known.is_none();
            work.spawn(async move {
                if !is_new && passwords.check(password.clone(), known.flatten()).await {
                    return (place, name, Outcome::Unchanged);
                }
                let password_hash = passwords.hash(password).await;
                let (request, done) = if is_new {
                    (
                        AdminRequest::AddAccount {
                            name: name.clone(),
                            password_hash,
                        },
                        Outcome::Added,
                    )
                } else {
                    let request = AdminRequest::SetPassword {
                        name: name.clone(),
                        password_hash,
                    };
                    (request, Outcome::Changed)
                };
                let outcome = driver
                    .admin(request)
                    .await
                    .map_or_else(Outcome::Refused, |_| done);
                (place, name, outcome)
            });
        }
        let mut outcomes = work.join_all().await;
        outcomes.sort_by_key(|(place, ..)| *place);
        let mut applied = Applied {
            skipped: self.skipped,
            ..Applied::default()
        };
        for (_, name, outcome) in outcomes {
            match outcome {
                Outcome::Unchanged => {}
                Outcome::Added => applied.added.push(name),
                Outcome::Changed => applied.changed.push(name),
                Outcome::Refused(reason) => applied.skipped.push(format!("{name}: {reason}")),
            }
        }
        applied
    }
}

enum Outcome {
    Unchanged,
    Added,
    Changed,
    Refused(String),
}

fn parse_line(line: &str) -> Result<Option<(DeviceName, Password)>, String> {
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
        let text = "\u{feff}supersmartwatch comp9331\r\n\r\n   \nuav-camera  12345\nalone\n\
                    a/b secret\nthree words here\nuav-camera other\nlast one";
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
            "line 8: uav-camera stands in line 4",
        ] {
            assert!(skipped.contains(line), "{line} in {skipped}");
        }
        assert!(
            !skipped.contains("secret") && !skipped.contains("other"),
            "{skipped}"
        );
    }
}
