//! Lines and the bodies between them.

use super::limits::MAX_LINE_BYTES;

/// Splits a byte stream into lines and announced bodies, however it arrives in pieces.
///
/// Holds at most one line; nothing is allocated by a length that the peer claims.
#[derive(Debug, Default)]
pub struct Framer {
    line: Vec<u8>,
    body_left: u32,
    skipping: bool,
}

/// The result of [`Framer::next_frame`].
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A line without its newline.
    Line(Vec<u8>),
    /// A piece of the announced body, never empty.
    Body(&'a [u8]),
    /// A line was longer than 64 KiB; it is passed over up to its newline.
    OverlongLine,
}

impl Framer {
    /// Expects a body of `bytes` bytes before the next line.
    pub fn expect_body(&mut self, bytes: u32) {
        debug_assert_eq!(self.body_left, 0, "a body is announced by a line");
        self.body_left = bytes;
    }

    /// Bytes of the announced body that have not come yet.
    pub fn body_left(&self) -> u32 {
        self.body_left
    }

    /// Takes the next frame off the front of `input`; `None` once all of it is consumed.
    pub fn next_frame<'a>(&mut self, input: &mut &'a [u8]) -> Option<Frame<'a>> {
        while !input.is_empty() {
            if self.body_left > 0 {
                return Some(self.take_body(input));
            }
            if let Some(frame) = self.take_line(input) {
                return Some(frame);
            }
        }
        None
    }

    fn take_body<'a>(&mut self, input: &mut &'a [u8]) -> Frame<'a> {
        let left = usize::try_from(self.body_left).unwrap_or(usize::MAX);
        let (body, rest) = input.split_at(left.min(input.len()));
        *input = rest;
        // A piece is never longer than what is left of a u32.
        self.body_left -= u32::try_from(body.len()).unwrap_or(self.body_left);
        Frame::Body(body)
    }

    fn take_line<'a>(&mut self, input: &mut &'a [u8]) -> Option<Frame<'a>> {
        let newline = input.iter().position(|&b| b == b'\n');
        let (piece, rest) = match newline {
            Some(end) => (&input[..end], &input[end + 1..]),
            None => (*input, &[][..]),
        };
        *input = rest;
        let ended = newline.is_some();
        if self.skipping {
            self.skipping = !ended;
            return None;
        }
        if self.line.len() + piece.len() > MAX_LINE_BYTES {
            self.line = Vec::new();
            self.skipping = !ended;
            return Some(Frame::OverlongLine);
        }
        self.line.extend_from_slice(piece);
        ended.then(|| Frame::Line(std::mem::take(&mut self.line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `input` cut at every multiple of `step` and joins neighbouring body pieces.
    fn frames(input: &[u8], step: usize) -> (Vec<String>, Vec<u8>) {
        let (mut framer, mut lines, mut body) = (Framer::default(), Vec::new(), Vec::new());
        for mut piece in input.chunks(step) {
            while let Some(frame) = framer.next_frame(&mut piece) {
                match frame {
                    Frame::Line(line) => {
                        if line == b"body" {
                            framer.expect_body(7);
                        }
                        lines.push(String::from_utf8(line).unwrap());
                    }
                    Frame::Body(bytes) => body.extend_from_slice(bytes),
                    Frame::OverlongLine => lines.push("<overlong>".to_owned()),
                }
            }
        }
        (lines, body)
    }

    #[test]
    fn finds_the_same_frames_however_the_bytes_arrive() {
        let input = b"one\nbody\n1\n34567two\n\n";
        for step in 1..=input.len() {
            let (lines, body) = frames(input, step);
            assert_eq!(lines, ["one", "body", "two", ""], "in pieces of {step}");
            assert_eq!(body, b"1\n34567");
        }
    }

    #[test]
    fn passes_over_an_overlong_line_and_goes_on() {
        let mut input = vec![b'x'; MAX_LINE_BYTES + 1];
        input.extend_from_slice(b"\nafter\n");
        for step in [1, 4096, input.len()] {
            assert_eq!(
                frames(&input, step).0,
                ["<overlong>", "after"],
                "in pieces of {step}"
            );
        }
        let mut longest = vec![b'x'; MAX_LINE_BYTES];
        longest.push(b'\n');
        assert_eq!(frames(&longest, 1000).0[0].len(), MAX_LINE_BYTES);
    }
}
