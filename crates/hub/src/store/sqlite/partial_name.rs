//! The names of the files of unfinished uploads. The name says everything that tells an upload from
//! another one, so that cannot be lost without the bytes.

use fleetlink_core::UploadChange;
use fleetlink_proto::control::UploadMode;
use fleetlink_proto::{DataFile, DeviceName, IdempotencyKey};

const SUFFIX: &str = ".part";
/// Those whose marks stand before the data file.
const MODES: [UploadMode; 2] = [UploadMode::Replace, UploadMode::Append];
/// Stands for `/` in the name of a data file. One character, so that the longest names fit.
const SLASH: char = '@';

/// Tells an upload from the others of a hub. No two of one name are staged or kept at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PartialName {
    pub(super) device: DeviceName,
    pub(super) key: IdempotencyKey,
}

/// The data file of an upload, and the upload's mode.
pub(super) type Target = (DataFile, UploadMode);

/// An upload that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partial {
    pub(super) name: PartialName,
    /// Unknown where an earlier version has kept it, which noted the key alone.
    pub(super) target: Option<Target>,
}

impl From<UploadChange> for Partial {
    fn from(upload: UploadChange) -> Self {
        let UploadChange {
            device,
            key,
            file,
            mode,
        } = upload;
        Partial {
            name: PartialName { device, key },
            target: Some((file, mode)),
        }
    }
}

impl Partial {
    /// Safe as a name in any file system, since all parts are parsed: no separator, no leading dot, at
    /// most 231 bytes, and no device name that Windows reserves.
    pub(super) fn file_name(&self) -> String {
        let PartialName { device, key } = &self.name;
        match &self.target {
            None => format!("{key}-{device}{SUFFIX}"),
            Some((file, mode)) => {
                let mark = mark(*mode);
                let file = file.to_string().replace('/', &SLASH.to_string());
                format!("{key}-{device}{mark}{file}{SUFFIX}")
            }
        }
    }

    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let (key, rest) = file_name.strip_suffix(SUFFIX)?.split_once('-')?;
        let marked = MODES.into_iter().find_map(|mode| {
            let (device, file) = rest.split_once(mark(mode))?;
            Some((device, file, mode))
        });
        let (device, target) = match marked {
            None => (rest, None),
            Some((device, file, mode)) => {
                let file = file.replace(SLASH, "/").parse().ok()?;
                (device, Some((file, mode)))
            }
        };
        let name = PartialName {
            device: device.parse().ok()?,
            key: key.parse().ok()?,
        };
        let partial = Partial { name, target };
        // Another spelling would be another file.
        (partial.file_name() == file_name).then_some(partial)
    }
}

/// No name of a device or data file has it.
fn mark(mode: UploadMode) -> char {
    match mode {
        UploadMode::Replace => '=',
        UploadMode::Append => '+',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_partial_files_are_read_back() {
        let longest = ["x".repeat(64), "y/".repeat(63) + "yy"];
        for device in ["x", "a-b", "part.", "uav-camera.part", &longest[0]] {
            let name = PartialName {
                device: device.parse().unwrap(),
                key: IdempotencyKey::from_bits(7),
            };
            let mut targets = vec![None];
            for file in ["1", "01", "4294967296", "a/b-c_d.part", "-", &longest[1]] {
                for mode in [UploadMode::Replace, UploadMode::Append] {
                    targets.push(Some((file.parse().unwrap(), mode)));
                }
            }
            let partials = targets.into_iter().map(|target| Partial {
                name: name.clone(),
                target,
            });
            let mut names = Vec::new();
            for partial in partials {
                let file_name = partial.file_name();
                assert!(file_name.len() <= 231 && !file_name.contains('/'));
                assert_eq!(Partial::parse(&file_name), Some(partial));
                names.push(file_name);
            }
            names.sort();
            names.dedup();
            assert_eq!(names.len(), 13, "no two share one");
        }
        let key = IdempotencyKey::from_bits(7);
        for other in ["", ".part", "notes.txt", "00-x.part"] {
            assert_eq!(Partial::parse(other), None);
        }
        for other in [
            "x=.part",
            "x+..part",
            "x=@a.part",
            "=1.part",
            "x=1+2.part",
            "x=1",
        ] {
            assert_eq!(Partial::parse(&format!("{key}-{other}")), None, "{other}");
        }
    }
}
