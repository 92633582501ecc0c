//! The key with which a ticket is used, from the first try on: `keys/<pin of the hub>/.ticket-….pk8`
//! in the state folder. It is the same at every try, so that an answer that was lost costs nothing;
//! once the hub has said whose it is, it gets that name.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use fleetlink_proto::ticket::JoinTicket;
use fleetlink_proto::{DeviceName, HubPin};

use crate::device_keys::{damaged, make_folder, read_private, readable_by_others};
use crate::temporary::{Existing, Temporary};
use crate::{DeviceKeys, Error, KeyPair, Result};

/// The beginning of such a file's name.
pub(crate) const PENDING: &str = ".ticket-";
/// Bytes of the hash of the ticket's secret that are part of the file's name.
const NAME_BYTES: usize = 8;

/// A key that waits for its name.
#[derive(Debug)]
pub struct PendingKey {
    keys: DeviceKeys,
    path: PathBuf,
    pair: KeyPair,
}

impl DeviceKeys {
    /// The key for this ticket: that of an earlier try, or a new one, durable when this returns.
    ///
    /// # Errors
    /// It cannot be read or kept.
    pub fn for_ticket(&self, ticket: &JoinTicket) -> Result<PendingKey> {
        let mut name = PENDING.to_owned();
        for byte in &ticket.secret().hash().as_bytes()[..NAME_BYTES] {
            // Writing to a string does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        name.push_str(".pk8");
        let hub = ticket.hub();
        let path = self.folder_of(hub).join(name);
        let made = self.make_pending(hub, &path);
        let made = made.map_err(|source| Error::state(&path, source))?;
        let document = made.ok_or_else(|| readable_by_others(&path))?;
        let pair = KeyPair::from_pkcs8(&document);
        let pair = pair.ok_or_else(|| damaged(&path))?;
        Ok(PendingKey {
            keys: self.clone(),
            path,
            pair,
        })
    }

    /// The file's content, which is made first where there is none.
    fn make_pending(
        &self,
        hub: HubPin,
        path: &Path,
    ) -> io::Result<Option<zeroize::Zeroizing<Vec<u8>>>> {
        match read_private(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        make_folder(&self.folder_of(hub))?;
        let temporary = Temporary::beside(path, 0o600)?;
        temporary.file().write_all(&*KeyPair::generate())?;
        match temporary.place(Existing::Keep) {
            // Another process of this device was faster: its key is as good.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            placed => placed?,
        }
        read_private(path)
    }
}

impl PendingKey {
    /// The key.
    pub fn pair(&self) -> &KeyPair {
        &self.pair
    }

    /// The hub of this pin knows the device of this name by the key: from here on it is found under
    /// that name, in place of an earlier one. The pin need not be the ticket's any more.
    ///
    /// # Errors
    /// The file system refused; a later try with the same ticket makes up for it.
    pub fn keep(self, hub: HubPin, name: &DeviceName) -> Result<KeyPair> {
        let path = self.keys.path(hub, name);
        let folder = self.keys.folder_of(hub);
        let moved = make_folder(&folder)
            .and_then(|()| fs::rename(&self.path, &path))
            .and_then(|()| File::open(&folder)?.sync_all());
        match moved {
            Ok(()) => Ok(self.pair),
            // Another process of this device has done it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match self.keys.find(hub, name)? {
                    Some(own) if own.public() == self.pair.public() => Ok(own),
                    _ => Err(Error::state(&path, error)),
                }
            }
            Err(source) => Err(Error::state(&path, source)),
        }
    }

    /// The hub does not take the ticket: nobody will know the key.
    ///
    /// # Errors
    /// The file system refused.
    pub fn discard(self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::state(&self.path, error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use fleetlink_proto::ticket::{TicketSecret, TicketSubject};

    use super::*;

    fn ticket(secret: u8) -> JoinTicket {
        let subject = TicketSubject::Name("cam".parse().unwrap());
        let (hub, secret) = (
            HubPin::from_sha256([1; 32]),
            TicketSecret::from_bytes([secret; 16]),
        );
        JoinTicket::new(hub, secret, subject, vec!["hub:1".to_owned()]).unwrap()
    }

    #[test]
    fn a_ticket_has_one_key_until_it_is_used_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DeviceKeys::in_folder(folder.path());
        let (cam, hub) = ("cam".parse().unwrap(), ticket(1).hub());
        let first = keys.for_ticket(&ticket(1)).unwrap();
        let mode = fs::metadata(&first.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let public = first.pair().public();
        let again = keys.for_ticket(&ticket(1)).unwrap();
        assert_eq!(again.pair().public(), public, "a second try");
        let other = keys.for_ticket(&ticket(2)).unwrap();
        assert_ne!(other.pair().public(), public, "another ticket");
        assert!(keys.find(ticket(1).hub(), &cam).unwrap().is_none());
        for pending in [first, again] {
            assert_eq!(pending.keep(hub, &cam).unwrap().public(), public);
        }
        let kept = keys.find(hub, &cam).unwrap().unwrap();
        assert_eq!(kept.public(), public);
        // The hub has another key by now; a try that was cut off finds its own all the same.
        let next = HubPin::from_sha256([2; 32]);
        keys.move_to(&[hub], next).unwrap();
        assert!(keys.find(next, &cam).unwrap().is_some());
        let again = keys.for_ticket(&ticket(2)).unwrap();
        assert_eq!(again.pair().public(), other.pair().public());
        let third = keys.for_ticket(&ticket(3)).unwrap();
        let public = third.pair().public();
        third.keep(next, &cam).unwrap();
        let kept = keys.find(next, &cam).unwrap().unwrap();
        assert_eq!(kept.public(), public);
        let refused = other.pair().public();
        other.discard().unwrap();
        let anew = keys.for_ticket(&ticket(2)).unwrap();
        assert_ne!(anew.pair().public(), refused);
    }
}
