//! Devices of this machine whose service somebody else has replaced: started again, it must not take
//! the name back by itself.

use std::path::PathBuf;

use fleetlink_proto::{DeviceName, HubPin};

use crate::Result;
use crate::kept_file::KeptFile;

const FILE: &str = "replaced";

/// The replaced devices in the state folder: a line `sha256:… name` each.
#[derive(Debug, Clone)]
pub struct ReplacedDevices {
    file: KeptFile,
}

impl ReplacedDevices {
    /// The replaced devices of this state folder, which is made when one is kept.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        ReplacedDevices {
            file: KeptFile::new(folder.into(), FILE),
        }
    }

    /// Whether the device was replaced at the hub of this pin.
    pub fn contains(&self, hub: HubPin, device: &DeviceName) -> Result<bool> {
        let wanted = line(hub, device);
        Ok(self.file.read()?.lines().any(|kept| kept == wanted))
    }

    /// Keeps that it was.
    pub fn keep(&self, hub: HubPin, device: &DeviceName) -> Result<()> {
        self.without(hub, device, &format!("{}\n", line(hub, device)))
    }

    /// Forgets it: the device has joined again.
    pub fn forget(&self, hub: HubPin, device: &DeviceName) -> Result<()> {
        match self.contains(hub, device)? {
            true => self.without(hub, device, ""),
            false => Ok(()),
        }
    }

    fn without(&self, hub: HubPin, device: &DeviceName, then: &str) -> Result<()> {
        let gone = line(hub, device);
        self.file.change(|text| {
            let rest = text.lines().filter(|kept| *kept != gone);
            let rest: String = rest.flat_map(|kept| [kept, "\n"]).collect();
            Ok((rest + then, ()))
        })
    }
}

fn line(hub: HubPin, device: &DeviceName) -> String {
    format!("{hub} {device}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_kept_by_hub_and_name_until_it_joins_again() {
        let folder = tempfile::tempdir().unwrap();
        let replaced = ReplacedDevices::in_folder(folder.path());
        let [cam, uav]: [DeviceName; 2] = ["cam", "uav"].map(|name| name.parse().unwrap());
        let [one, other] = [1, 2].map(|byte| HubPin::from_sha256([byte; 32]));
        replaced.keep(one, &cam).unwrap();
        replaced.keep(one, &cam).unwrap();
        replaced.keep(one, &uav).unwrap();
        let of = |hub, device| replaced.contains(hub, device).unwrap();
        assert!(of(one, &cam) && of(one, &uav) && !of(other, &cam));
        replaced.forget(one, &cam).unwrap();
        assert!(!of(one, &cam) && of(one, &uav));
    }
}
