//! Pages of nodes, as they stand in the file.

use std::io::{self, Write};

use fleetlink_proto::samples::Summary;

use super::format::{HASH, Layout, PAGE};

/// One node: where its text begins in the segment, and what it amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) offset: u64,
    pub(super) summary: Summary,
}

/// Writes the nodes of one level.
pub(super) struct PageWriter<W> {
    out: W,
    page: Vec<u8>,
    nodes: u64,
}

impl<W: Write> PageWriter<W> {
    pub(super) fn new(out: W) -> Self {
        PageWriter {
            out,
            page: Vec::new(),
            nodes: 0,
        }
    }

    pub(super) fn push(&mut self, node: &Node) -> io::Result<()> {
        self.page.extend(node.offset.to_le_bytes());
        self.page.extend(node.summary.to_bytes());
        self.nodes += 1;
        match self.nodes {
            PAGE => self.end_page(),
            _ => Ok(()),
        }
    }

    /// Ends the level.
    pub(super) fn finish(mut self) -> io::Result<W> {
        if self.nodes > 0 {
            self.end_page()?;
        }
        Ok(self.out)
    }

    fn end_page(&mut self) -> io::Result<()> {
        self.out.write_all(&self.page)?;
        self.out.write_all(blake3::hash(&self.page).as_bytes())?;
        self.page.clear();
        self.nodes = 0;
        Ok(())
    }
}

/// The nodes of a page with its hash; `None` where it is damaged.
pub(super) fn parse(page: &[u8], layout: Layout) -> Option<Vec<Node>> {
    let (nodes, hash) =
        page.split_at_checked(page.len().checked_sub(usize::try_from(HASH).ok()?)?)?;
    if blake3::hash(nodes).as_bytes() != hash {
        return None;
    }
    let node_bytes = usize::try_from(layout.node_bytes()).ok()?;
    let nodes = nodes.chunks_exact(node_bytes).map(|node| {
        let (offset, summary) = node.split_first_chunk()?;
        Some(Node {
            offset: u64::from_le_bytes(*offset),
            summary: Summary::from_bytes(summary).ok()?,
        })
    });
    nodes.collect()
}
