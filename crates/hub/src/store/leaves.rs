//! A text in leaves: runs of 256 samples with their summaries. They are the lowest level of what makes
//! a plot of a large segment cheap.

use fleetlink_proto::samples::{BadLine, SampleParser, Summary};

/// The samples of a leaf; the last one of a text may have fewer.
pub(super) const LEAF: u64 = 256;

/// The bytes in which line feeds are counted at once: few enough for their number to fit one byte.
const WINDOW: usize = 128;

/// The next samples of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// The bytes of the text up to their end.
    pub end: u64,
    /// The summary of these samples alone.
    pub summary: Summary,
}

/// Parses a text that comes in pieces, and tells of each leaf.
#[derive(Debug, Default)]
pub(crate) struct LeafParser {
    parser: SampleParser,
    runs: Runs,
    bytes: u64,
}

impl LeafParser {
    /// The number of bytes that came.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the next piece.
    ///
    /// # Errors
    /// The first line that is not as it must be.
    pub(crate) fn feed(&mut self, piece: &[u8], tell: &mut dyn FnMut(Leaf)) -> Result<(), BadLine> {
        let mut rest = piece;
        while let Some(end) = self.runs.end_in(rest) {
            self.read(&rest[..end])?;
            self.end_leaf(tell);
            rest = &rest[end..];
        }
        self.read(rest)
    }

    /// Ends the text: the summary of all of it.
    ///
    /// # Errors
    /// The first line that is not as it must be.
    pub(crate) fn finish(mut self, tell: &mut dyn FnMut(Leaf)) -> Result<Summary, BadLine> {
        self.parser.end_text()?;
        self.end_leaf(tell);
        self.parser.finish()
    }

    fn read(&mut self, piece: &[u8]) -> Result<(), BadLine> {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        self.parser.feed(piece)
    }

    fn end_leaf(&mut self, tell: &mut dyn FnMut(Leaf)) {
        // The sum of so few samples always fits.
        if let Some(summary) = self.parser.end_run().filter(|run| run.count() > 0) {
            let end = self.bytes;
            tell(Leaf { end, summary });
        }
    }
}

/// Finds the ends of runs of 256 lines in a text that comes in pieces.
#[derive(Debug, Default)]
struct Runs {
    /// The line feeds of the run that has begun.
    lines: u64,
}

impl Runs {
    /// The end of the run that has begun, if it is in this piece; behind it the next run begins.
    /// Without one, all of the piece belongs to the run.
    fn end_in(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        for window in piece.chunks(WINDOW) {
            let feeds = line_feeds(window);
            if self.lines + feeds >= LEAF {
                let last = usize::try_from(LEAF - self.lines - 1).ok()?;
                self.lines = 0;
                let mut feeds = (at..).zip(window).filter(|(_, byte)| **byte == b'\n');
                return feeds.nth(last).map(|(at, _)| at + 1);
            }
            self.lines += feeds;
            at += window.len();
        }
        None
    }
}

/// Counted so that the compiler compares many bytes at once.
fn line_feeds(window: &[u8]) -> u64 {
    let feeds: u8 = window.iter().map(|byte| u8::from(*byte == b'\n')).sum();
    feeds.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_end_behind_each_256th_line_wherever_the_text_is_cut(
            lengths in prop::collection::vec(0_usize..9, 0..1200),
            cut in 1_usize..2000,
        ) {
            let lines = lengths.iter().map(|length| format!("{}\n", "7".repeat(*length)));
            let lines: Vec<String> = lines.collect();
            let text = lines.concat();
            let (mut runs, mut ends, mut at) = (Runs::default(), Vec::new(), 0);
            for piece in text.as_bytes().chunks(cut) {
                let mut rest = piece;
                while let Some(end) = runs.end_in(rest) {
                    ends.push(at + end);
                    at += end;
                    rest = &rest[end..];
                }
                at += rest.len();
            }
            let whole = lines.chunks_exact(256).map(|run| run.concat().len());
            let expected: Vec<usize> = whole.scan(0, |end, bytes| {
                *end += bytes;
                Some(*end)
            }).collect();
            prop_assert_eq!(ends, expected);
        }
    }
}
