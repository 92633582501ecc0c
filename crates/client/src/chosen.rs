//! The hub and the device that this machine's commands mean where they name none.

use std::path::PathBuf;

use fleetlink_proto::DeviceName;

use crate::kept_file::KeptFile;
use crate::{Error, HubAddress, Result};

const FILE: &str = "default";

/// A device of this machine and its hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The hub's address.
    pub hub: HubAddress,
    /// The device's name.
    pub device: DeviceName,
}

/// The choice kept in the state folder: one line `host:port name`.
#[derive(Debug, Clone)]
pub struct Chosen {
    file: KeptFile,
}

impl Chosen {
    /// The choice in this state folder, which is made when a choice is kept.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Chosen {
            file: KeptFile::new(folder.into(), FILE),
        }
    }

    /// The choice, if one was made.
    pub fn read(&self) -> Result<Option<Choice>> {
        self.parse(&self.file.read()?)
    }

    /// Keeps a choice instead of an earlier one.
    pub fn keep(&self, choice: &Choice) -> Result<()> {
        self.file.change(|_| Ok((line(choice), ())))
    }

    /// Keeps a choice where none was made; says whether it did.
    pub fn keep_first(&self, choice: &Choice) -> Result<bool> {
        self.file.change(|text| {
            Ok(match self.parse(text)? {
                Some(_) => (text.to_owned(), false),
                None => (line(choice), true),
            })
        })
    }

    /// Forgets the choice.
    pub fn forget(&self) -> Result<()> {
        self.file.change(|_| Ok((String::new(), ())))
    }

    fn parse(&self, text: &str) -> Result<Option<Choice>> {
        let line = text.trim();
        if line.is_empty() {
            return Ok(None);
        }
        let damaged = || {
            let path = self.file.path();
            let path = path.display();
            Error::damaged_state(format!(
                "{path} is not `host:port name`; correct or remove it"
            ))
        };
        let (hub, device) = line.split_once(' ').ok_or_else(damaged)?;
        let (Ok(hub), Ok(device)) = (hub.parse(), device.parse()) else {
            return Err(damaged());
        };
        Ok(Some(Choice { hub, device }))
    }
}

fn line(Choice { hub, device }: &Choice) -> String {
    format!("{hub} {device}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

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
        let damaged = chosen.read().unwrap_err();
        assert!(matches!(damaged.kind(), ErrorKind::StateDamaged));
        assert!(chosen.keep_first(&choice("a")).is_err());
    }
}
