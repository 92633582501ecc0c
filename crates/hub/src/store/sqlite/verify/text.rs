//! The text of a segment, read to its end.

use std::io::{self, Read};

use fleetlink_proto::ContentHash;
use fleetlink_proto::samples::Summary;

use super::segments::Item;
use crate::store::LeafParser;
use crate::store::pyramid::PyramidCheck;
use crate::watch::{Stopped, Watch};

/// The pieces in which a file is read.
pub(super) const PIECE_BYTES: usize = 1 << 20;

/// The properties of a text that a row of a segment has too.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) bytes: u64,
    pub(crate) hash: ContentHash,
    ends_open: bool,
    summary: Result<Summary, String>,
}

impl Text {
    /// Reads a text; an error is in words.
    pub(crate) fn read(
        source: &mut dyn Read,
        watch: &Watch,
    ) -> Result<Result<Self, String>, Stopped> {
        Text::read_with(source, None, &mut vec![0; PIECE_BYTES], watch)
    }

    pub(super) fn read_with(
        source: &mut dyn Read,
        mut pyramid: Option<&mut PyramidCheck>,
        piece: &mut [u8],
        watch: &Watch,
    ) -> Result<Result<Self, String>, Stopped> {
        let mut hasher = blake3::Hasher::new();
        let mut leaves = LeafParser::default();
        let mut bad = None;
        let mut last = b'\n';
        let mut tell = |leaf| {
            if let Some(pyramid) = &mut pyramid {
                pyramid.leaf(&leaf);
            }
        };
        loop {
            let read = match source.read(piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Err(format!("it cannot be read: {error}"))),
            };
            let text = &piece[..read];
            hasher.update(text);
            if bad.is_none() {
                bad = leaves.feed(text, &mut tell).err();
            }
            last = text[read - 1];
            watch.add(read as u64)?;
        }
        let summary = match bad {
            Some(bad) => Err(bad),
            None => leaves.finish(&mut tell),
        };
        Ok(Ok(Text {
            bytes: hasher.count(),
            hash: hasher.finalize().into(),
            ends_open: last != b'\n',
            summary: summary.map_err(|bad| format!("its text is none of samples: {bad}")),
        }))
    }

    /// Whether it has the length and the hash that the row says.
    pub(super) fn is_of(&self, item: &Item) -> bool {
        (self.bytes, self.hash) == (item.segment.bytes, item.segment.hash)
    }

    /// The fault of a segment whose text this is.
    pub(super) fn fault(&self, item: &Item) -> Option<String> {
        if self.hash != item.segment.hash {
            return Some("its bytes are not those of its hash".to_owned());
        }
        if self.ends_open != item.segment.ends_open {
            return Some("its last line does not end as its row says".to_owned());
        }
        match (&self.summary, Summary::from_bytes(&item.summary)) {
            (Err(bad), _) => Some(bad.clone()),
            (Ok(_), Err(_)) => Some(super::segments::UNREADABLE.to_owned()),
            (Ok(found), Ok(noted)) => {
                (*found != noted).then(|| "its summary is not that of its text".to_owned())
            }
        }
    }
}
