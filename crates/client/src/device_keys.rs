//! The keys of a device: `keys/<pin of the hub>/<name>.pk8` in the state folder, PKCS#8, mode 0600. There
//! is one for each name and hub, so that two hubs cannot tell that they serve one device.

use std::fs::{self, DirBuilder};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use fleetlink_proto::{DeviceName, HubPin};
use zeroize::Zeroizing;

use crate::pending_key::PENDING;
use crate::temporary::{Existing, Temporary};
use crate::{Error, ErrorKind, KeyPair, Result};

/// The longest key file that is read, in bytes; a key has less than a hundred.
const MAX_FILE_BYTES: u64 = 4096;

/// The keys in a state folder.
#[derive(Debug, Clone)]
pub struct DeviceKeys {
    folder: PathBuf,
}

/// The file at this path holds no key.
pub(crate) fn damaged(path: &Path) -> Error {
    let path = path.display();
    let message = format!(
        "{path} holds no usable key; remove it, log in by the password, and replace the key that the \
         hub knows"
    );
    Error::new(ErrorKind::KeyDamaged, message)
}

/// Others can read the file at this path.
pub(crate) fn readable_by_others(path: &Path) -> Error {
    let path = path.display();
    Error::damaged_state(format!(
        "{path} can be read by others on this host; make it private: chmod 600 {path}"
    ))
}

impl DeviceKeys {
    /// The keys in this state folder, which is made when the first one is kept.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        DeviceKeys {
            folder: folder.into().join("keys"),
        }
    }

    /// The file of the key that this device has for this hub.
    pub fn path(&self, hub: HubPin, name: &DeviceName) -> PathBuf {
        self.folder_of(hub).join(file_of(name))
    }

    /// The key that this device has for this hub, if it has one.
    ///
    /// # Errors
    /// The file cannot be read, holds no key, or is not private.
    pub fn find(&self, hub: HubPin, name: &DeviceName) -> Result<Option<KeyPair>> {
        let path = self.path(hub, name);
        match read_private(&path) {
            Ok(Some(document)) => KeyPair::from_pkcs8(&document)
                .map(Some)
                .ok_or_else(|| damaged(&path)),
            Ok(None) => Err(readable_by_others(&path)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::state(&path, source)),
        }
    }

    /// Tells whether this device has a key of this name for any hub.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn has_any(&self, name: &DeviceName) -> Result<bool> {
        let hubs = match fs::read_dir(&self.folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            hubs => hubs.map_err(|e| Error::state(&self.folder, e))?,
        };
        let file = file_of(name);
        for hub in hubs {
            let hub = hub.map_err(|e| Error::state(&self.folder, e))?;
            if hub.path().join(&file).exists() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes a new key and has `enrol` tell the hub of it; it is kept, and takes the place of an
    /// earlier one, only when the hub knows it. A key that was refused once is never enrolled again:
    /// it may have been revoked because somebody else has it.
    ///
    /// # Errors
    /// `enrol` failed, or the key cannot be kept.
    pub async fn make<E: From<Error>>(
        &self,
        hub: HubPin,
        name: &DeviceName,
        enrol: impl AsyncFnOnce(&KeyPair) -> std::result::Result<(), E>,
    ) -> std::result::Result<KeyPair, E> {
        let document = KeyPair::generate();
        let pair = KeyPair::from_pkcs8(&*document).ok_or_else(|| damaged(&self.path(hub, name)))?;
        // On the disk first: a full one must not leave the hub with a key that nobody has.
        let (path, temporary) = self.write(hub, name, &*document)?;
        enrol(&pair).await?;
        temporary
            .place(Existing::Replace)
            .map_err(|source| Error::state(&path, source))?;
        Ok(pair)
    }

    /// Removes the key that this device has for this hub, if it has one.
    ///
    /// # Errors
    /// The file system refused.
    pub fn remove(&self, hub: HubPin, name: &DeviceName) -> Result<()> {
        let path = self.path(hub, name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(Error::state(&path, source)),
            Ok(()) => Ok(()),
        }
    }

    /// Moves the keys for a hub to its new pin; `old` are its earlier ones, the first first. Where
    /// there is a key for a name under several, the latest stays in use. The accounts at the hub
    /// know the same keys as before.
    ///
    /// # Errors
    /// The file system refused. What has moved is found under the new pin.
    pub(crate) fn move_to(&self, old: &[HubPin], new: HubPin) -> Result<()> {
        let target = self.folder_of(new);
        for pin in old.iter().rev() {
            let source = self.folder_of(*pin);
            move_files(&source, &target).map_err(|e| Error::state(&source, e))?;
        }
        Ok(())
    }

    fn write(
        &self,
        hub: HubPin,
        name: &DeviceName,
        document: &[u8],
    ) -> Result<(PathBuf, Temporary)> {
        let path = self.path(hub, name);
        let written = || {
            let folder = self.folder_of(hub);
            make_folder(&folder)?;
            let temporary = Temporary::beside(&path, 0o600)?;
            temporary.file().write_all(document)?;
            temporary.file().sync_all()?;
            Ok(temporary)
        };
        match written() {
            Ok(temporary) => Ok((path, temporary)),
            Err(source) => Err(Error::state(&path, source)),
        }
    }

    pub(crate) fn folder_of(&self, hub: HubPin) -> PathBuf {
        // A colon is no letter of a file name everywhere.
        let pin = hub.to_string();
        self.folder.join(pin.replace(':', "-"))
    }
}

/// The name of the file of a device's key.
fn file_of(name: &DeviceName) -> String {
    format!("{name}.pk8")
}

/// Moves every file for which there is none of its name yet; durable when it returns. Another
/// process of this device may do the same at the same moment.
fn move_files(source: &Path, target: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(source) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    make_folder(target)?;
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let waits = name.as_encoded_bytes().starts_with(PENDING.as_bytes());
        if waits || path.extension() != Some("pk8".as_ref()) {
            // A ticket's, which is looked for where the ticket says; or the beginnings of a key that
            // another process is about to keep.
            continue;
        }
        // A link first: unlike a rename it takes nothing's place, and no moment is without the key.
        match fs::hard_link(entry.path(), target.join(entry.file_name())) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            linked => linked?,
        }
        fs::File::open(target)?.sync_all()?;
        match fs::remove_file(entry.path()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    // Only where it is empty.
    let _ = fs::remove_dir(source);
    Ok(())
}

/// Makes the folder, which is its owner's alone.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The file's content; `None` where others may read it.
pub(crate) fn read_private(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = fs::File::open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        return Ok(None);
    }
    let mut content = Zeroizing::new(Vec::with_capacity(256));
    file.take(MAX_FILE_BYTES).read_to_end(&mut content)?;
    Ok(Some(content))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn pin(byte: u8) -> HubPin {
        HubPin::from_sha256([byte; 32])
    }

    #[tokio::test]
    async fn one_key_a_name_and_hub_in_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DeviceKeys::in_folder(folder.path());
        let [cam, uav] = ["cam", "uav"].map(|name| name.parse::<DeviceName>().unwrap());
        assert!(keys.find(pin(1), &cam).unwrap().is_none());
        let accept = async |_: &KeyPair| Ok::<_, Error>(());
        let made = keys.make(pin(1), &cam, accept).await.unwrap().public();
        let found = keys.find(pin(1), &cam).unwrap().unwrap();
        assert_eq!(found.public(), made);
        assert!(keys.find(pin(2), &cam).unwrap().is_none());
        assert!(keys.find(pin(1), &uav).unwrap().is_none());
        let path = keys.path(pin(1), &cam);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let open = keys.find(pin(1), &cam).unwrap_err();
        assert!(open.to_string().contains("chmod 600"), "{open}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "nonsense").unwrap();
        let damaged = keys.find(pin(1), &cam).unwrap_err();
        assert!(damaged.to_string().contains("no usable key"), "{damaged}");
        keys.remove(pin(1), &cam).unwrap();
        keys.remove(pin(1), &cam).unwrap();
        assert!(keys.find(pin(1), &cam).unwrap().is_none());
    }

    #[tokio::test]
    async fn keys_move_to_the_hubs_new_pin_and_the_latest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DeviceKeys::in_folder(folder.path());
        let [cam, uav] = ["cam", "uav"].map(|name| name.parse::<DeviceName>().unwrap());
        let make = async |hub, name: &DeviceName| {
            let accept = async |_: &KeyPair| Ok::<_, Error>(());
            keys.make(hub, name, accept).await.unwrap().public()
        };
        let (_, late) = (make(pin(1), &cam).await, make(pin(2), &cam).await);
        let only = make(pin(1), &uav).await;
        keys.move_to(&[pin(1), pin(2)], pin(3)).unwrap();
        let found = |hub, name| keys.find(hub, name).unwrap().map(|pair| pair.public());
        assert_eq!(found(pin(3), &cam), Some(late));
        assert_eq!(found(pin(3), &uav), Some(only));
        assert_eq!(found(pin(1), &uav), None);
        keys.move_to(&[pin(1), pin(2)], pin(3)).unwrap();
        assert_eq!(found(pin(3), &cam), Some(late));
    }

    #[tokio::test]
    async fn a_key_that_the_hub_does_not_take_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DeviceKeys::in_folder(folder.path());
        let cam = "cam".parse().unwrap();
        let accept = async |_: &KeyPair| Ok::<_, Error>(());
        let first = keys.make(pin(1), &cam, accept).await.unwrap().public();
        let refuse = async |_: &KeyPair| Err(damaged(Path::new("")));
        assert!(keys.make(pin(1), &cam, refuse).await.is_err());
        assert_eq!(keys.find(pin(1), &cam).unwrap().unwrap().public(), first);
        let accept = async |_: &KeyPair| Ok::<_, Error>(());
        let second = keys.make(pin(1), &cam, accept).await.unwrap().public();
        assert_ne!(second, first);
        assert_eq!(keys.find(pin(1), &cam).unwrap().unwrap().public(), second);
    }
}
