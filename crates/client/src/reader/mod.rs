//! The tolerant reader: turns what sensors print into the strict form that the hub stores.
//!
//! The hub takes one form of a data file (docs/protocol/control.md, 'Data files'). This reader takes more where
//! that form can say the same: a byte order mark, blank lines at the end, blanks around a field,
//! `+5`, `.5`, `4.4E-7`, and more than nine decimals, which it rounds half to even and counts. What
//! could mean two things is refused with the line, its text and what was recognised. Lines keep
//! their numbers, so the hub names the same ones.

mod line;
mod number;
mod refused;
#[cfg(test)]
mod tests;

use fleetlink_proto::samples::{BadLineReason, SampleParser};
use memchr::{memchr, memchr_iter, memrchr};

use crate::limits::{INPUT_BLOCK_BYTES, MAX_INPUT_LINE_BYTES};
use line::{Kind, StrictLine};
pub use refused::{Problem, RefusedInput};

/// The byte order mark of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a data file, in pieces split anywhere, and writes its strict form.
#[derive(Debug, Default)]
pub struct SampleReader {
    kind: Option<Kind>,
    /// Lines that have ended.
    lines: u64,
    /// Of these, the blank ones since the last sample.
    blank: u64,
    samples: u64,
    rounded: u64,
    /// The beginning of a line whose end has not arrived.
    begun: Vec<u8>,
}

impl SampleReader {
    /// The number of samples that were read.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The number of samples that had more than nine decimals and were rounded.
    #[must_use]
    pub fn rounded(&self) -> u64 {
        self.rounded
    }

    /// Reads the next piece, and adds the strict form of the lines that it completes to `strict`.
    ///
    /// # Errors
    /// The first line that is refused. The lines before it are added, it and what follows are not.
    pub fn feed(&mut self, piece: &[u8], strict: &mut Vec<u8>) -> Result<(), RefusedInput> {
        let mut piece = piece;
        if !self.begun.is_empty() {
            let Some(end) = memchr(b'\n', piece) else {
                return self.begin(piece);
            };
            self.begin(&piece[..end])?;
            let begun = std::mem::take(&mut self.begun);
            self.read_line(&begun, "\n", strict)?;
            piece = &piece[end + 1..];
        }
        let whole = memrchr(b'\n', piece).map_or(0, |feed| feed + 1);
        let (whole, begun) = piece.split_at(whole);
        self.read_lines(whole, strict)?;
        self.begin(begun)
    }

    /// Ends the file, whose last line may lack its line feed.
    ///
    /// # Errors
    /// The last line, where it is refused.
    pub fn finish(&mut self, strict: &mut Vec<u8>) -> Result<(), RefusedInput> {
        let last = std::mem::take(&mut self.begun);
        match last.as_slice() {
            [] => Ok(()),
            last => self.read_line(last, "", strict),
        }
    }

    /// Keeps what has come of a line, unless it is too long already.
    fn begin(&mut self, part: &[u8]) -> Result<(), RefusedInput> {
        let room = (MAX_INPUT_LINE_BYTES + 1).saturating_sub(self.begun.len());
        self.begun.extend_from_slice(&part[..part.len().min(room)]);
        match self.begun.len() > MAX_INPUT_LINE_BYTES {
            true => Err(RefusedInput::new(
                self.lines + 1,
                &self.begun,
                Problem::TooLong,
            )),
            false => Ok(()),
        }
    }

    /// Reads whole lines: blocks that are strict already go through as they are.
    fn read_lines(&mut self, text: &[u8], strict: &mut Vec<u8>) -> Result<(), RefusedInput> {
        let mut rest = text;
        while !rest.is_empty() {
            // The first sample decides whether the file is timed.
            let end = match self.kind {
                None => line_end(rest, 0),
                Some(_) => line_end(rest, INPUT_BLOCK_BYTES),
            };
            let (block, after) = rest.split_at(end);
            if !self.pass_through(block, strict) {
                for line in block.split_inclusive(|byte| *byte == b'\n') {
                    let line = line.strip_suffix(b"\n").unwrap_or(line);
                    self.read_line(line, "\n", strict)?;
                }
            }
            rest = after;
        }
        Ok(())
    }

    /// Adds a block of whole lines unchanged where it is strict; says whether it was.
    fn pass_through(&mut self, block: &[u8], strict: &mut Vec<u8>) -> bool {
        let Some(kind) = self.kind.filter(|_| self.blank == 0) else {
            return false;
        };
        if !is_strict(block, kind) {
            return false;
        }
        let lines = memchr_iter(b'\n', block).count() as u64;
        self.lines += lines;
        self.samples += lines;
        strict.extend_from_slice(block);
        true
    }

    /// Reads one line, its line feed taken off, and adds its strict form with this ending.
    fn read_line(
        &mut self,
        line: &[u8],
        ending: &str,
        strict: &mut Vec<u8>,
    ) -> Result<(), RefusedInput> {
        let number = self.lines + 1;
        let first = number == 1;
        let line = match line.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) if first => text,
            _ => line,
        };
        let refused = |problem| RefusedInput::new(number, line, problem);
        if first && line::is_utf16(line) {
            return Err(refused(Problem::Utf16));
        }
        self.lines = number;
        let text = line::trimmed(line);
        if text.is_empty() {
            self.blank += 1;
            return Ok(());
        }
        if self.blank > 0 {
            let (blank, empty) = (number - self.blank, Problem::Line(BadLineReason::Empty));
            return Err(RefusedInput::new(blank, b"", empty));
        }
        let read = StrictLine::read(text, self.kind).map_err(refused)?;
        self.kind = Some(read.kind());
        self.samples += 1;
        self.rounded += u64::from(read.is_rounded());
        // The same for each line as for a block, so that the result is the same however it is cut.
        let ending = match (line, ending) {
            ([.., b'\r'], "\n") => "\r\n",
            _ => ending,
        };
        read.write(ending, strict);
        Ok(())
    }
}

/// The end of the first line of `text`, which holds whole lines, that ends at or after `from`.
fn line_end(text: &[u8], from: usize) -> usize {
    let after = text.get(from..).unwrap_or_default();
    memchr(b'\n', after).map_or(text.len(), |feed| from + feed + 1)
}

/// Tells whether the hub would take this block as it is.
fn is_strict(block: &[u8], kind: Kind) -> bool {
    let mut parser = SampleParser::new();
    let parsed = parser.feed(block).and_then(|()| parser.finish());
    parsed.is_ok_and(|summary| summary.is_timed() == Some(kind == Kind::Timed))
}
