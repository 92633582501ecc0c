//! The segments that a database names against those of its manifest.

use std::io::BufRead;

use super::error::BackupError;
use super::manifest::{ManifestReader, Member};
use super::part::Part;
use crate::store::sqlite::{CopyCheck, FiledSegment};

/// The segments of a manifest, while the database tells of its own. Both are in the order of their
/// numbers.
pub(super) struct References<'a, R> {
    members: ManifestReader<R>,
    check: &'a CopyCheck,
    next: Option<Member>,
    error: Option<BackupError>,
}

impl<'a, R: BufRead> References<'a, R> {
    /// Notes each segment that one of both has, or has otherwise.
    pub(super) fn compare(
        members: ManifestReader<R>,
        check: &'a CopyCheck,
    ) -> Result<(), BackupError> {
        let mut references = References {
            members,
            check,
            next: None,
            error: None,
        };
        references.step();
        check.filed_segments(|segment| references.database_has(segment))?;
        while references.next.is_some() {
            references.only_in_manifest();
        }
        references.error.map_or(Ok(()), Err)
    }

    fn database_has(&mut self, segment: FiledSegment) {
        let part = Part::Segment(segment.id);
        while self.next.as_ref().is_some_and(|next| next.part < part) {
            self.only_in_manifest();
        }
        match &self.next {
            Some(next) if next.part == part => {
                let noted = (next.bytes, *next.blake3.as_bytes());
                if noted != (segment.bytes, segment.hash) {
                    let fault = "the database and the manifest have other bytes of it";
                    self.check.fault(part.to_string(), fault);
                }
                self.step();
            }
            _ => {
                let fault = "the database names it, and the manifest does not";
                self.check.fault(part.to_string(), fault);
            }
        }
    }

    fn only_in_manifest(&mut self) {
        if let Some(member) = &self.next {
            let fault = "the manifest names it, and the database does not";
            self.check.fault(member.part.to_string(), fault);
        }
        self.step();
    }

    /// Reads the next segment of the manifest.
    fn step(&mut self) {
        self.next = loop {
            match self.members.next() {
                Ok(Some(member)) if matches!(member.part, Part::Segment(_)) => break Some(member),
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(error) => {
                    self.error = Some(error);
                    break None;
                }
            }
        };
    }
}
