//! Reading a pyramid's file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use fleetlink_core::SegmentRef;
use fleetlink_proto::samples::Summary;

use super::format::{HASH, HEADER, Layout, PAGE};
use super::page::{self, Node};

/// The pages that are kept while a pyramid is read, which goes from its beginning to its end.
const KEPT_PAGES: usize = 64;

/// A pyramid while it is read.
pub(in crate::store) struct Pyramid {
    file: File,
    layout: Layout,
    /// By level and number.
    pages: HashMap<(u32, u64), Vec<Node>>,
}

impl Pyramid {
    /// Opens the pyramid of a segment with these totals; `None` where there is none of it.
    pub(in crate::store) fn open(
        path: &Path,
        segment: &SegmentRef,
        totals: &Summary,
    ) -> Option<Self> {
        let layout = Layout::of(totals)?;
        let mut file = File::open(path).ok()?;
        let mut header = [0; HEADER];
        file.read_exact(&mut header).ok()?;
        (header == layout.header(segment)).then(|| Pyramid {
            file,
            layout,
            pages: HashMap::new(),
        })
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// A node of a level that has it.
    ///
    /// # Errors
    /// The page cannot be read, or is damaged.
    pub(super) fn node(&mut self, level: u32, number: u64) -> io::Result<Node> {
        let (page, place) = (number / PAGE, number % PAGE);
        if !self.pages.contains_key(&(level, page)) {
            let nodes = self.read(level, page)?;
            if self.pages.len() >= KEPT_PAGES {
                self.pages.clear();
            }
            self.pages.insert((level, page), nodes);
        }
        let nodes = self.pages.get(&(level, page));
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let node = nodes.and_then(|nodes| nodes.get(place));
        node.copied().ok_or_else(damaged)
    }

    fn read(&mut self, level: u32, page: u64) -> io::Result<Vec<Node>> {
        let bytes = self.layout.page_nodes(level, page) * self.layout.node_bytes() + HASH;
        let mut text = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
        let at = self.layout.page_at(level, page);
        self.file.seek(SeekFrom::Start(at))?;
        self.file.read_exact(&mut text)?;
        page::parse(&text, self.layout).ok_or_else(damaged)
    }
}

pub(super) fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a pyramid is damaged")
}
