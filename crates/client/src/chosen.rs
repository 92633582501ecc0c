//! The hub and the device that this machine's commands mean where they name none.

use std::path::PathBuf;

use fleetlink_proto::DeviceName;

use crate::HubAddress;
use crate::kept_file::{KeptFile, KeptFileError};

const FILE: &str = "default";

/// A device of this machine and its hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Where the hub is.
    pub hub: HubAddress,
    /// The device's name.
    pub device: DeviceName,
}

/// The choice kept in the state folder: one line `host:port name`.
#[derive(Debug, Clone)]
pub struct Chosen {
    file: KeptFile,
}

/// Why the choice could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum ChosenError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Of which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{0} is not `host:port name`; correct or remove it")]
    Damaged(PathBuf),
}

impl Chosen {
    /// That of this state folder, which is made when a choice is kept.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Chosen {
            file: KeptFile::new(folder.into(), FILE),
        }
    }

    /// The choice, if one was made.
    pub fn read(&self) -> Result<Option<Choice>, ChosenError> {
        self.parse(&self.file.read()?)
    }

    /// Keeps a choice instead of an earlier one.
    pub fn keep(&self, choice: &Choice) -> Result<(), ChosenError> {
        self.file.change(|_| Ok((line(choice), ())))
    }

    /// Keeps a choice where none was made; says whether it did.
    pub fn keep_first(&self, choice: &Choice) -> Result<bool, ChosenError> {
        self.file.change(|text| {
            Ok(match self.parse(text)? {
                Some(_) => (text.to_owned(), false),
                None => (line(choice), true),
            })
        })
    }

    /// Forgets the choice.
    pub fn forget(&self) -> Result<(), ChosenError> {
        self.file.change(|_| Ok((String::new(), ())))
    }

    fn parse(&self, text: &str) -> Result<Option<Choice>, ChosenError> {
        let line = text.trim();
        if line.is_empty() {
            return Ok(None);
        }
        let damaged = || ChosenError::Damaged(self.file.path());
        let (hub, device) = line.split_once(' ').ok_or_else(damaged)?;
        let (Ok(hub), Ok(device)) = (hub.parse(), device.parse()) else {
            return Err(damaged());
        };
        Ok(Some(Choice { hub, device }))
    }
}

impl From<KeptFileError> for ChosenError {
    fn from(error: KeptFileError) -> Self {
        let KeptFileError { path, source } = error;
        ChosenError::Io { path, source }
    }
}

fn line(Choice { hub, device }: &Choice) -> String {
    format!("{hub} {device}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_choice_stays_until_another_one_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let chosen = Chosen::in_folder(folder.path());
        let choice = |device: &str| Choice {
            hub: "[::1]:7421".parse().unwrap(),
            device: device.parse().unwrap(),
        };
        assert_eq!(chosen.read().unwrap(), None);
        assert!(chosen.keep_first(&choice("a")).unwrap());
        assert!(!chosen.keep_first(&choice("b")).unwrap());
        assert_eq!(chosen.read().unwrap(), Some(choice("a")));
        chosen.keep(&choice("b")).unwrap();
        assert_eq!(chosen.read().unwrap(), Some(choice("b")));
        chosen.forget().unwrap();
        assert_eq!(chosen.read().unwrap(), None);
        std::fs::write(folder.path().join(FILE), "nothing\n").unwrap();
        assert!(matches!(chosen.read(), Err(ChosenError::Damaged(_))));
        assert!(chosen.keep_first(&choice("a")).is_err());
    }
}
