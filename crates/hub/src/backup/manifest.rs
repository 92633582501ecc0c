//! The manifest: a line that describes the backup, one for each part, and one with the hash of those.

use std::io::{self, BufRead, Read as _, Write};

use fleetlink_proto::{ContentHash, Escaped, HubPin, WallTime};
use serde::{Deserialize, Serialize};

use super::error::BackupError;
use super::part::Part;
use crate::store::sqlite::{StoreCounts, newest_format};

/// The format of the backups that this version makes.
pub(super) const FORMAT: u64 = 1;
/// The name of the manifest in an archive.
pub(super) const NAME: &str = "fleetlink-backup.ndjson";
/// The bytes of a line, at most.
const MAX_LINE: u64 = 4096;

/// The description of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupInfo {
    /// The format of the backup.
    #[serde(rename = "fleetlink_backup")]
    pub format: u64,
    /// The version of fleetlink that made it.
    pub version: String,
    /// The format of the store in it.
    pub store_format: u64,
    /// The time at which it was made: what was acknowledged before is in it.
    pub at: WallTime,
    /// The pin of the hub's key, if it has one.
    pub pin: Option<HubPin>,
    /// Counts of the store in it.
    #[serde(flatten)]
    pub counts: StoreCounts,
    /// The bytes of all parts.
    pub part_bytes: u64,
}

/// The first line of any format.
#[derive(Deserialize)]
struct AnyFormat {
    fleetlink_backup: u64,
    #[serde(default)]
    version: String,
}

/// A part with its length and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    #[serde(rename = "path")]
    pub(super) part: Part,
    pub(super) bytes: u64,
    pub(super) blake3: ContentHash,
}

#[derive(Serialize, Deserialize)]
struct End {
    parts: u64,
    blake3: ContentHash,
}

/// Writes a manifest.
pub(super) struct ManifestWriter<W> {
    out: W,
    hasher: Box<blake3::Hasher>,
    parts: u64,
}

impl<W: Write> ManifestWriter<W> {
    pub(super) fn begin(out: W, info: &BackupInfo) -> io::Result<Self> {
        let mut manifest = ManifestWriter {
            out,
            hasher: Box::default(),
            parts: 0,
        };
        manifest.line(info)?;
        Ok(manifest)
    }

    pub(super) fn add(&mut self, member: &Member) -> io::Result<()> {
        self.parts += 1;
        self.line(member)
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        let end = End {
            parts: self.parts,
            blake3: self.hasher.finalize().into(),
        };
        self.line(&end)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.hasher.update(&text);
        self.out.write_all(&text)
    }
}

/// Reads a manifest, whose parts stand in order.
pub(super) struct ManifestReader<R> {
    lines: R,
    hasher: Box<blake3::Hasher>,
    info: BackupInfo,
    parts: u64,
    last: Option<Part>,
}

fn damaged(fault: impl ToString) -> BackupError {
    BackupError::damaged("its manifest", fault)
}

impl<R: BufRead> ManifestReader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// It is none, or one of a later version.
    pub(super) fn begin(mut lines: R) -> Result<Self, BackupError> {
        let first = line(&mut lines)?;
        let format: AnyFormat = serde_json::from_slice(&first)
            .map_err(|_| damaged("its first line is not that of a backup"))?;
        // It may be a text of anybody.
        let by = Escaped(&format.version).to_string();
        if format.fleetlink_backup > FORMAT {
            let (found, known) = (format.fleetlink_backup, FORMAT);
            return Err(BackupError::Newer { found, known, by });
        }
        let info: BackupInfo = serde_json::from_slice(&first).map_err(damaged)?;
        let known = u64::try_from(newest_format()).unwrap_or(u64::MAX);
        if info.store_format > known {
            let found = info.store_format;
            return Err(BackupError::NewerStore { found, known, by });
        }
        let mut hasher = Box::<blake3::Hasher>::default();
        hasher.update(&first);
        Ok(ManifestReader {
            lines,
            hasher,
            info,
            parts: 0,
            last: None,
        })
    }

    pub(super) fn info(&self) -> &BackupInfo {
        &self.info
    }

    /// The next part; `None` at the end, whose hash is right.
    pub(super) fn next(&mut self) -> Result<Option<Member>, BackupError> {
        let text = line(&mut self.lines)?;
        if let Ok(end) = serde_json::from_slice::<End>(&text) {
            if end.parts != self.parts || end.blake3 != self.hasher.finalize().into() {
                return Err(damaged("its lines are not those of its hash"));
            }
            let mut more = [0];
            return match self.lines.read(&mut more) {
                Ok(0) => Ok(None),
                _ => Err(damaged("something follows its end")),
            };
        }
        let member: Member = serde_json::from_slice(&text).map_err(damaged)?;
        if self.last.is_none() != (member.part == Part::Database)
            || self.last.is_some_and(|last| last >= member.part)
        {
            let part = member.part;
            return Err(damaged(format!("{part} is not in its place, or twice")));
        }
        self.hasher.update(&text);
        self.parts += 1;
        self.last = Some(member.part);
        Ok(Some(member))
    }
}

fn line(lines: &mut impl BufRead) -> Result<Vec<u8>, BackupError> {
    let mut text = Vec::new();
    let read = lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut text);
    read.map_err(damaged)?;
    match text.last() {
        Some(b'\n') => Ok(text),
        _ => Err(damaged("it ends too early")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> BackupInfo {
        BackupInfo {
            format: FORMAT,
            version: "1.2.3".to_owned(),
            store_format: 9,
            at: WallTime::from_unix_millis(1_664_533_873_042),
            pin: None,
            counts: StoreCounts {
                accounts: 1,
                data_files: 2,
                segments: 3,
                bytes: 4,
                last_change: 5,
            },
            part_bytes: 6,
        }
    }

    fn member(part: Part) -> Member {
        Member {
            part,
            bytes: 3,
            blake3: ContentHash::of(b"abc"),
        }
    }

    fn written(parts: &[Part]) -> Vec<u8> {
        let mut manifest = ManifestWriter::begin(Vec::new(), &info()).unwrap();
        for part in parts {
            manifest.add(&member(*part)).unwrap();
        }
        manifest.finish().unwrap()
    }

    fn read(text: &[u8]) -> Result<Vec<Part>, BackupError> {
        let mut manifest = ManifestReader::begin(text)?;
        let mut parts = Vec::new();
        while let Some(member) = manifest.next()? {
            parts.push(member.part);
        }
        Ok(parts)
    }

    #[test]
    fn is_read_back_and_every_changed_byte_is_found() {
        let parts = [
            Part::Database,
            Part::Key,
            Part::Segment(2),
            Part::Segment(10),
        ];
        let text = written(&parts);
        assert_eq!(read(&text).unwrap(), parts);
        for at in 0..text.len() {
            assert!(read(&text[..at]).is_err(), "cut at {at}");
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_err(), "changed at {at}");
        }
        assert!(read(&[&text[..], b"x"].concat()).is_err());
    }

    #[test]
    fn parts_stand_in_order_and_once() {
        for parts in [
            &[][..],
            &[Part::Key],
            &[Part::Database, Part::Database],
            &[Part::Database, Part::Segment(3), Part::Segment(3)],
            &[Part::Database, Part::Segment(3), Part::Key],
        ] {
            let refused = read(&written(parts));
            assert_eq!(refused.is_err(), !parts.is_empty(), "{parts:?}");
        }
    }

    #[test]
    fn later_formats_are_refused_with_a_sentence() {
        let text = String::from_utf8(written(&[Part::Database])).unwrap();
        let newer = text.replace("\"fleetlink_backup\":1", "\"fleetlink_backup\":2");
        let error = read(newer.as_bytes()).unwrap_err();
        assert!(matches!(error, BackupError::Newer { .. }), "{error}");
        assert!(error.to_string().contains("1.2.3"), "{error}");
        let newer = text.replace("\"store_format\":9", "\"store_format\":9999");
        let error = read(newer.as_bytes()).unwrap_err();
        assert!(matches!(error, BackupError::NewerStore { .. }), "{error}");
    }
}
