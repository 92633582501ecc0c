//! The hubs that a device has met, by the pins of their keys.

use std::path::PathBuf;

use fleetlink_proto::HubPin;

use crate::kept_file::KeptFile;
use crate::{Error, HubAddress, Result};

const FILE: &str = "known-hubs";

/// The pins kept in the state folder: lines of `host:port pin` in one file of mode 0600.
#[derive(Debug, Clone)]
pub struct KnownHubs {
    file: KeptFile,
}

impl KnownHubs {
    /// The known hubs of this state folder, which is made when the first pin is kept.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        KnownHubs {
            file: KeptFile::new(folder.into(), FILE),
        }
    }

    /// The file that holds the pins.
    pub fn path(&self) -> PathBuf {
        self.file.path()
    }

    /// The pin kept for the hub at this address.
    pub fn pin(&self, hub: &HubAddress) -> Result<Option<HubPin>> {
        let key = key(hub);
        let entries = self.read()?;
        Ok(entries.into_iter().find(|(k, _)| *k == key).map(|e| e.1))
    }

    /// Keeps the pin of the hub at this address, instead of an earlier one.
    pub fn keep(&self, hub: &HubAddress, pin: HubPin) -> Result<()> {
        self.change(|entries| {
            entries.retain(|(k, _)| *k != key(hub));
            entries.push((key(hub), pin));
        })
    }

    /// Keeps a new pin for the hub at this address where one of the old ones is kept for it. What
    /// was never kept, as of a hub whose pin is given each time, is not.
    pub fn move_to(&self, hub: &HubAddress, old: &[HubPin], new: HubPin) -> Result<()> {
        let key = key(hub);
        let is_old = |(k, pin): &(String, HubPin)| *k == key && old.contains(pin);
        if !self.read()?.iter().any(is_old) {
            return Ok(());
        }
        self.change(|entries| {
            for entry in entries.iter_mut().filter(|entry| is_old(entry)) {
                entry.1 = new;
            }
        })
    }

    /// The addresses at which the hub of this pin was met.
    pub fn addresses(&self, pin: HubPin) -> Result<Vec<String>> {
        let mut entries = self.read()?;
        entries.retain(|(_, kept)| *kept == pin);
        Ok(entries.into_iter().map(|(address, _)| address).collect())
    }

    fn change(&self, change: impl FnOnce(&mut Vec<(String, HubPin)>)) -> Result<()> {
        // Two devices of one person may meet their hubs at the same moment.
        self.file.change(|text| {
            let mut entries = self.parse(text)?;
            change(&mut entries);
            let lines = entries.iter().map(|(key, pin)| format!("{key} {pin}\n"));
            Ok((lines.collect(), ()))
        })
    }

    fn read(&self) -> Result<Vec<(String, HubPin)>> {
        self.parse(&self.file.read()?)
    }

    /// A line is none that this program writes. It is not passed over: a hub whose line is lost would
    /// be asked about as if it were new.
    fn damaged(&self, line: usize) -> Error {
        let path = self.path();
        let path = path.display();
        Error::damaged_state(format!(
            "{path}: line {line} is not `host:port sha256:…`; correct or remove it"
        ))
    }

    fn parse(&self, text: &str) -> Result<Vec<(String, HubPin)>> {
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let entry = line.split_once(' ');
            match entry.map(|(key, pin)| (key.to_owned(), pin.trim().parse())) {
                Some((key, Ok(pin))) => entries.push((key, pin)),
                _ => {
                    return Err(self.damaged(index + 1));
                }
            }
        }
        Ok(entries)
    }
}

/// Host names are the same in any case.
fn key(hub: &HubAddress) -> String {
    hub.to_string().to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn hub(text: &str) -> HubAddress {
        text.parse().unwrap()
    }

    #[test]
    fn keeps_one_pin_a_hub_in_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownHubs::in_folder(folder.path().join("state"));
        assert!(known.pin(&hub("a:1")).unwrap().is_none());
        let (one, two) = (HubPin::from_sha256([1; 32]), HubPin::from_sha256([2; 32]));
        known.keep(&hub("a:1"), one).unwrap();
        known.keep(&hub("[::1]:2"), two).unwrap();
        known.keep(&hub("A:1"), two).unwrap();
        assert_eq!(known.pin(&hub("a:1")).unwrap(), Some(two));
        assert_eq!(known.pin(&hub("[::1]:2")).unwrap(), Some(two));
        let mode = fs::metadata(known.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_pin_moves_where_an_old_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownHubs::in_folder(folder.path());
        let [one, two, other, new] = [1, 2, 3, 4].map(|n| HubPin::from_sha256([n; 32]));
        for (address, pin) in [("a:1", one), ("b:1", one), ("c:1", two), ("d:1", other)] {
            known.keep(&hub(address), pin).unwrap();
        }
        for address in ["A:1", "c:1", "d:1", "e:1"] {
            known.move_to(&hub(address), &[one, two], new).unwrap();
        }
        let pin = |address| known.pin(&hub(address)).unwrap();
        assert_eq!((pin("a:1"), pin("c:1")), (Some(new), Some(new)));
        assert_eq!(pin("b:1"), Some(one), "that address has announced nothing");
        assert_eq!(pin("d:1"), Some(other));
        assert_eq!(pin("e:1"), None);
    }

    #[test]
    fn a_damaged_line_is_named_rather_than_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownHubs::in_folder(folder.path());
        fs::write(known.path(), "a:1 sha256:zz\n").unwrap();
        let error = known.pin(&hub("a:1")).unwrap_err();
        assert!(error.to_string().contains(": line 1 is not"), "{error}");
    }
}
