//! The devices that this one has exchanged files with, by the keys that they had then.

use std::fmt::Write as _;
use std::path::PathBuf;

use fleetlink_proto::{DeviceKey, DeviceName, HubPin, WallTime};

use crate::kept_file::KeptFile;
use crate::limits::MAX_KNOWN_DEVICES;
use crate::{Error, ErrorKind, Result};

const FILE: &str = "known-devices";

/// The keys kept in the state folder, in one file of mode 0600. A line is `pin name key time`, or
/// `pin pin` where a hub's key was succeeded: a process whose session still knows the hub by the
/// earlier one finds its devices by that.
#[derive(Debug, Clone)]
pub struct KnownDevices {
    file: KeptFile,
}

/// A device whose key is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// The hub at which it is known.
    pub hub: HubPin,
    /// Its name there.
    pub name: DeviceName,
    /// Its key.
    pub key: DeviceKey,
    /// Since when, by the hub's clock.
    pub since: WallTime,
}

/// The content of the file.
#[derive(Default)]
struct Entries {
    devices: Vec<KnownDevice>,
    /// From each earlier pin of a hub straight to its latest.
    moved: Vec<(HubPin, HubPin)>,
}

impl KnownDevices {
    /// The known devices of this state folder, which is made when the first one is kept.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        KnownDevices {
            file: KeptFile::new(folder.into(), FILE),
        }
    }

    /// The file that holds the keys.
    pub fn path(&self) -> PathBuf {
        self.file.path()
    }

    /// The key that is remembered of the device. Blocking, as all of these.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn find(&self, hub: HubPin, name: &DeviceName) -> Result<Option<DeviceKey>> {
        let entries = self.parse(&self.file.read()?)?;
        let place = entries.place(hub, name);
        Ok(place.map(|place| entries.devices[place].key))
    }

    /// Remembers the device, unless it is remembered already; the key that is remembered from here
    /// on.
    ///
    /// # Errors
    /// The file cannot be read or written, is damaged, or full.
    pub fn keep(&self, device: KnownDevice) -> Result<DeviceKey> {
        self.change(|entries| {
            if let Some(place) = entries.place(device.hub, &device.name) {
                return Ok(entries.devices[place].key);
            }
            if entries.devices.len() >= MAX_KNOWN_DEVICES {
                return Err(self.full());
            }
            let (hub, key) = (entries.latest(device.hub), device.key);
            entries.devices.push(KnownDevice { hub, ..device });
            Ok(key)
        })
    }

    /// Forgets the device's key: the next one is remembered as if it were the first. The forgotten
    /// one, if there was one.
    ///
    /// # Errors
    /// The file cannot be read or written, or is damaged.
    pub fn forget(&self, hub: HubPin, name: &DeviceName) -> Result<Option<DeviceKey>> {
        self.change(|entries| {
            let place = entries.place(hub, name);
            Ok(place.map(|place| entries.devices.remove(place).key))
        })
    }

    /// All of them, or those of one hub, in the order in which they were met.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn list(&self, hub: Option<HubPin>) -> Result<Vec<KnownDevice>> {
        let mut entries = self.parse(&self.file.read()?)?;
        if let Some(hub) = hub.map(|hub| entries.latest(hub)) {
            entries.devices.retain(|device| device.hub == hub);
        }
        Ok(entries.devices)
    }

    /// Moves the devices that are known under earlier pins of a hub to its new one; `old` are the
    /// earlier ones, the first first. Where a name is known under several, the latest counts.
    ///
    /// # Errors
    /// The file cannot be read or written, or is damaged.
    pub(crate) fn move_to(&self, old: &[HubPin], new: HubPin) -> Result<()> {
        self.change(|entries| {
            entries.move_to(old, new);
            Ok(())
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Entries) -> Result<T>) -> Result<T> {
        self.file.change(|text| {
            let mut entries = self.parse(text)?;
            let done = change(&mut entries)?;
            Ok((entries.text(), done))
        })
    }

    /// A line is none that this program writes. It is not passed over: a device whose line is lost
    /// would be taken for a new one.
    fn damaged(&self, line: usize) -> Error {
        let path = self.path();
        let path = path.display();
        Error::damaged_state(format!(
            "{path}: line {line} is not `sha256:… NAME ed25519:… TIME`; correct it, or remove it and \
             compare that device's key"
        ))
    }

    /// There is no place for another one.
    fn full(&self) -> Error {
        let path = self.path();
        let path = path.display();
        let message = format!(
            "{path} holds {MAX_KNOWN_DEVICES} devices already: one of them has to be forgotten"
        );
        Error::new(ErrorKind::KnownDevicesFull, message)
    }

    fn parse(&self, text: &str) -> Result<Entries> {
        let mut entries = Entries::default();
        for (index, line) in text.lines().enumerate() {
            entries.read(line).ok_or_else(|| self.damaged(index + 1))?;
        }
        Ok(entries)
    }
}

impl Entries {
    fn read(&mut self, line: &str) -> Option<()> {
        match line.split(' ').collect::<Vec<_>>()[..] {
            [old, new] => self.moved.push((old.parse().ok()?, new.parse().ok()?)),
            [hub, name, key, since] => self.devices.push(KnownDevice {
                hub: hub.parse().ok()?,
                name: name.parse().ok()?,
                key: key.parse().ok()?,
                since: since.parse().ok()?,
            }),
            _ => return None,
        }
        Some(())
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (old, new) in &self.moved {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{old} {new}");
        }
        for device in &self.devices {
            let KnownDevice {
                hub,
                name,
                key,
                since,
            } = device;
            let _ = writeln!(text, "{hub} {name} {key} {since}");
        }
        text
    }

    fn latest(&self, hub: HubPin) -> HubPin {
        let moved = self.moved.iter().find(|(old, _)| *old == hub);
        moved.map_or(hub, |(_, new)| *new)
    }

    /// Names that differ by case are one, as at the hub.
    fn place(&self, hub: HubPin, name: &DeviceName) -> Option<usize> {
        let (hub, name) = (self.latest(hub), name.folded());
        let is_it = |device: &KnownDevice| device.hub == hub && device.name.folded() == name;
        self.devices.iter().position(is_it)
    }

    fn move_to(&mut self, old: &[HubPin], new: HubPin) {
        for old in old.iter().rev() {
            for place in 0..self.devices.len() {
                if self.devices[place].hub != *old {
                    continue;
                }
                let name = self.devices[place].name.folded();
                let is_it =
                    |device: &KnownDevice| device.hub == new && device.name.folded() == name;
                if !self.devices.iter().any(is_it) {
                    self.devices[place].hub = new;
                }
            }
        }
        self.devices.retain(|device| !old.contains(&device.hub));
        let is_earlier = |pin: &HubPin| old.contains(pin);
        for (_, latest) in &mut self.moved {
            if is_earlier(latest) {
                *latest = new;
            }
        }
        self.moved
            .retain(|(earlier, _)| !is_earlier(earlier) && *earlier != new);
        self.moved.extend(old.iter().map(|old| (*old, new)));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn pin(byte: u8) -> HubPin {
        HubPin::from_sha256([byte; 32])
    }

    fn key(byte: u8) -> DeviceKey {
        DeviceKey::from_bytes([byte; 32])
    }

    fn name(text: &str) -> DeviceName {
        text.parse().unwrap()
    }

    fn device(hub: u8, device: &str, byte: u8) -> KnownDevice {
        KnownDevice {
            hub: pin(hub),
            name: name(device),
            key: key(byte),
            since: WallTime::from_unix_millis(1_700_000_000_123),
        }
    }

    #[test]
    fn remembers_the_first_key_of_a_name_and_hub_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownDevices::in_folder(folder.path().join("state"));
        assert_eq!(known.find(pin(1), &name("cam")).unwrap(), None);
        assert_eq!(known.keep(device(1, "cam", 1)).unwrap(), key(1));
        assert_eq!(known.keep(device(1, "CAM", 2)).unwrap(), key(1));
        assert_eq!(known.keep(device(2, "cam", 2)).unwrap(), key(2));
        let mode = fs::metadata(known.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let listed = [device(1, "cam", 1), device(2, "cam", 2)];
        assert_eq!(known.list(None).unwrap(), listed);
        assert_eq!(known.list(Some(pin(2))).unwrap(), listed[1..]);
        assert_eq!(known.forget(pin(1), &name("uav")).unwrap(), None);
        assert_eq!(known.forget(pin(1), &name("cam")).unwrap(), Some(key(1)));
        assert_eq!(known.keep(device(1, "cam", 3)).unwrap(), key(3));
        assert_eq!(known.find(pin(2), &name("Cam")).unwrap(), Some(key(2)));
    }

    #[test]
    fn what_is_known_moves_with_the_hubs_key_and_is_found_by_the_earlier_ones() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownDevices::in_folder(folder.path());
        for (hub, byte) in [(1, 1), (2, 2), (9, 9)] {
            known.keep(device(hub, "cam", byte)).unwrap();
        }
        known.keep(device(1, "uav", 3)).unwrap();
        known.move_to(&[pin(1), pin(2)], pin(3)).unwrap();
        let find = |hub, device| known.find(pin(hub), &name(device)).unwrap();
        // Also by a process that does not know of the move.
        for hub in [1, 2, 3] {
            assert_eq!(find(hub, "cam"), Some(key(2)), "the latest counts");
            assert_eq!(find(hub, "uav"), Some(key(3)));
        }
        assert_eq!(find(9, "cam"), Some(key(9)));
        known.keep(device(1, "box", 4)).unwrap();
        assert_eq!(find(3, "box"), Some(key(4)));
        // The same once more, as another process does it; then further.
        known.move_to(&[pin(1), pin(2)], pin(3)).unwrap();
        known.move_to(&[pin(3)], pin(4)).unwrap();
        for hub in [1, 2, 3, 4] {
            assert_eq!(known.list(Some(pin(hub))).unwrap().len(), 3);
        }
        let lines = fs::read_to_string(known.path()).unwrap().lines().count();
        assert_eq!(lines, 4 + 3);
    }

    #[test]
    fn a_damaged_file_is_named_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownDevices::in_folder(folder.path());
        known.keep(device(1, "cam", 1)).unwrap();
        let whole = fs::read_to_string(known.path()).unwrap();
        for damage in ["\n", "x\n", &whole[..whole.len() - 10]] {
            let damaged = format!("{whole}{damage}");
            fs::write(known.path(), &damaged).unwrap();
            let errors = [
                known.find(pin(1), &name("cam")).unwrap_err(),
                known.keep(device(1, "uav", 2)).unwrap_err(),
                known.forget(pin(1), &name("cam")).unwrap_err(),
                known.move_to(&[pin(1)], pin(2)).unwrap_err(),
            ];
            for error in errors {
                assert!(error.to_string().contains(": line 2 is not"), "{error}");
            }
            assert_eq!(fs::read_to_string(known.path()).unwrap(), damaged);
        }
    }

    #[test]
    fn many_at_once_lose_nothing_and_agree_on_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let kept: Vec<DeviceKey> = std::thread::scope(|scope| {
            let keeping: Vec<_> = (0..16)
                .map(|n| {
                    let known = KnownDevices::in_folder(folder.path());
                    scope.spawn(move || {
                        known.keep(device(1, &format!("device-{n}"), n)).unwrap();
                        known.keep(device(1, "cam", n)).unwrap()
                    })
                })
                .collect();
            keeping.into_iter().map(|k| k.join().unwrap()).collect()
        });
        assert!(kept.iter().all(|key| *key == kept[0]), "{kept:?}");
        let known = KnownDevices::in_folder(folder.path());
        assert_eq!(known.list(None).unwrap().len(), 17);
    }

    #[test]
    fn has_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownDevices::in_folder(folder.path());
        let devices = (0..MAX_KNOWN_DEVICES).map(|n| device(1, &format!("device-{n}"), 1));
        let entries = Entries {
            devices: devices.collect(),
            moved: Vec::new(),
        };
        fs::write(known.path(), entries.text()).unwrap();
        let full = known.keep(device(1, "cam", 1)).unwrap_err();
        assert!(full.to_string().contains("devices already"), "{full}");
        known.keep(device(1, "device-1", 1)).unwrap();
        known.forget(pin(1), &name("device-1")).unwrap();
        known.keep(device(1, "cam", 1)).unwrap();
    }
}
