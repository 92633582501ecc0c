//! The parser of data files, which reads them while they arrive.

use super::bad_line::{BadLine, BadLineReason, LineStart};
use super::decimal::Sample;
use super::lanes;
use super::limits::{MAX_LINE_BYTES, MAX_SHOWN_BYTES};
use super::line::{short_sample, short_timed_sample};
use super::summary::Summary;
use super::time::{Timestamp, TimestampError};
use super::totals::{Integers, Totals};
use super::word::find;

/// Reads a data file, in pieces split anywhere, into its [`Summary`].
///
/// The first line decides whether the file is timed. The parser keeps the totals and at most one
/// unfinished line, whatever the input.
#[derive(Debug)]
pub struct SampleParser {
    /// The totals of the runs that have ended.
    before: Totals,
    /// The totals of the run that has begun.
    totals: Totals,
    /// Good lines so far.
    lines: u64,
    /// The lines of the runs that have ended.
    ended: u64,
    kind: Option<Kind>,
    /// The beginning of a line whose end has not arrived.
    begun: Vec<u8>,
    failure: Option<BadLine>,
}

/// The kind of all lines of a file.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Plain,
    Timed,
}

impl SampleParser {
    /// A parser at the beginning of a file.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            before: Totals::new(),
            totals: Totals::new(),
            lines: 0,
            ended: 0,
            kind: None,
            begun: Vec::new(),
            failure: None,
        }
    }

    /// The number of samples in the lines read so far.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.lines
    }

    /// Reads the next piece of the file.
    ///
    /// # Errors
    /// The first line that is not as it must be; again at every later call.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), BadLine> {
        match self.failure {
            Some(failure) => Err(failure),
            None => self.read(piece).map_err(|refused| self.fail(refused)),
        }
    }

    /// Ends a run of lines: the summary of the samples since the last run. The summary of the file
    /// counts them all the same.
    ///
    /// `None` where the sum of the run does not fit. A line that has begun belongs to the next run.
    pub fn end_run(&mut self) -> Option<Summary> {
        let run = std::mem::replace(&mut self.totals, Totals::new());
        let lines = self.lines - self.ended;
        self.before.add_all(&run);
        self.ended = self.lines;
        run.summary(lines)
    }

    /// Reads the last line, which may lack its line feed: no more text follows.
    ///
    /// # Errors
    /// The first line that is not as it must be.
    pub fn end_text(&mut self) -> Result<(), BadLine> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let last = std::mem::take(&mut self.begun);
        if last.is_empty() {
            return Ok(());
        }
        self.read_line(&last).map_err(|refused| self.fail(refused))
    }

    /// Ends the file: the summary of all its samples.
    ///
    /// # Errors
    /// The first line that is not as it must be; the last one where the sum is out of range.
    pub fn finish(mut self) -> Result<Summary, BadLine> {
        let text = LineStart::of(&self.begun);
        self.end_text()?;
        self.before.add_all(&self.totals);
        self.before.summary(self.lines).ok_or(BadLine {
            line: self.lines,
            reason: BadLineReason::SumOverflow,
            text,
        })
    }

    fn fail(&mut self, Refused { reason, text }: Refused) -> BadLine {
        *self.failure.insert(BadLine {
            line: self.lines + 1,
            reason,
            text,
        })
    }

    fn read(&mut self, piece: &[u8]) -> Result<(), Refused> {
        let mut piece = piece;
        if !self.begun.is_empty() {
            let Some(end) = line_feed(piece) else {
                return self.begin(piece);
            };
            self.begin(&piece[..end])?;
            let mut line = std::mem::take(&mut self.begun);
            self.read_line(without_return(&line))?;
            line.clear();
            self.begun = line;
            piece = &piece[end + 1..];
        }
        let whole = piece
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |feed| feed + 1);
        let (whole, begun) = piece.split_at(whole);
        self.read_lines(whole)?;
        self.begin(begun)
    }

    /// Keeps what has come of a line, unless it is too long already.
    fn begin(&mut self, part: &[u8]) -> Result<(), Refused> {
        // A carriage return in the last place may yet turn out to belong to the ending.
        let ending = usize::from(part.last().or(self.begun.last()) == Some(&b'\r'));
        if self.begun.len() + part.len() > MAX_LINE_BYTES + ending {
            self.begun
                .extend_from_slice(&part[..part.len().min(MAX_SHOWN_BYTES + 1)]);
            return Err(Refused::new(BadLineReason::TooLong, &self.begun));
        }
        self.begun.extend_from_slice(part);
        Ok(())
    }

    /// Reads whole lines.
    fn read_lines(&mut self, text: &[u8]) -> Result<(), Refused> {
        let mut rest = text;
        while !rest.is_empty() {
            rest = match self.kind {
                Some(Kind::Plain) => {
                    let (block, after) = rest.split_at(block_end(rest));
                    self.read_plain(block)?;
                    after
                }
                Some(Kind::Timed) => match self.read_short_timed(rest) {
                    [] => &[],
                    rest => self.read_next(rest)?,
                },
                None => self.read_next(rest)?,
            };
        }
        Ok(())
    }

    /// Reads short samples with Unix seconds until a line is anything else; returns the rest.
    fn read_short_timed<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let mut rest = text;
        while let Some((time, sample, bytes)) = short_timed_sample(rest) {
            self.totals.add_time(time);
            self.totals.add(sample);
            self.lines += 1;
            rest = &rest[bytes..];
        }
        rest
    }

    /// Reads a block of whole lines of a plain file.
    fn read_plain(&mut self, block: &[u8]) -> Result<(), Refused> {
        let progress = lanes::read(block);
        self.totals.add_integers(progress.integers);
        for mut lane in progress.rest {
            self.lines += progress.lines;
            while !lane.is_empty() {
                lane = self.read_short(lane);
                if !lane.is_empty() {
                    lane = self.read_next(lane)?;
                }
            }
        }
        Ok(())
    }

    /// Reads short samples byte by byte until a line is anything else; returns the rest.
    fn read_short<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let (mut rest, mut integers) = (text, Integers::NONE);
        while let Some((sample, bytes)) = short_sample(rest) {
            match sample.fraction {
                0 => integers.add(sample.whole),
                _ => self.totals.add(sample),
            }
            self.lines += 1;
            rest = &rest[bytes..];
        }
        self.totals.add_integers(integers);
        rest
    }

    /// Reads the first of whole lines; returns the others.
    fn read_next<'a>(&mut self, text: &'a [u8]) -> Result<&'a [u8], Refused> {
        let end = line_feed(text).unwrap_or(text.len());
        self.read_line(without_return(&text[..end]))?;
        Ok(text.get(end + 1..).unwrap_or_default())
    }

    /// Reads one line, its ending taken off. This is the grammar; what reads faster takes only lines
    /// that this would take.
    fn read_line(&mut self, line: &[u8]) -> Result<(), Refused> {
        if line.len() > MAX_LINE_BYTES {
            return Err(Refused::new(BadLineReason::TooLong, line));
        }
        self.read_sample(line).map_err(|reason| {
            let reason = match reason {
                _ if line.is_empty() => BadLineReason::Empty,
                // No line may hold one, so that it is looked for only in a bad line.
                _ if line.contains(&b'\r') => BadLineReason::LoneCarriageReturn,
                reason => reason,
            };
            Refused::new(reason, line)
        })?;
        self.lines += 1;
        Ok(())
    }

    fn read_sample(&mut self, line: &[u8]) -> Result<(), BadLineReason> {
        let timed = || line.contains(&b',');
        let kind = *self
            .kind
            .get_or_insert_with(|| if timed() { Kind::Timed } else { Kind::Plain });
        let sample = match kind {
            Kind::Plain => line,
            Kind::Timed => {
                let comma = find(b',', line);
                let (time, sample) = line.split_at(comma.ok_or(BadLineReason::MissingTime)?);
                let time = Timestamp::parse(time).map_err(|problem| match problem {
                    TimestampError::TooFewDigits => BadLineReason::DecimalComma,
                    problem => BadLineReason::Time { problem },
                })?;
                self.totals.add_time(time);
                &sample[1..]
            }
        };
        let sample = Sample::parse(sample).map_err(|problem| match (kind, problem) {
            (Kind::Plain, _) if timed() => unexpected_comma(line),
            _ => BadLineReason::Sample { problem },
        })?;
        self.totals.add(sample);
        Ok(())
    }
}

/// The reason why the parser stops, and the text at which it stops.
struct Refused {
    reason: BadLineReason,
    text: LineStart,
}

impl Refused {
    fn new(reason: BadLineReason, line: &[u8]) -> Self {
        Self {
            reason,
            text: LineStart::of(line),
        }
    }
}

/// The error for a comma in a file without times.
fn unexpected_comma(line: &[u8]) -> BadLineReason {
    let before = &line[..find(b',', line).unwrap_or(line.len())];
    match Timestamp::parse(before) {
        Err(TimestampError::TooFewDigits) => BadLineReason::DecimalComma,
        _ => BadLineReason::UnexpectedTime,
    }
}

impl Default for SampleParser {
    fn default() -> Self {
        Self::new()
    }
}

/// The end of the lines that begin in a block's worth of `text`, which holds whole lines.
fn block_end(text: &[u8]) -> usize {
    match text.split_at_checked(lanes::BLOCK_BYTES) {
        None => text.len(),
        Some((block, after)) => block.len() + line_feed(after).map_or(0, |feed| feed + 1),
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The position of the first line feed in `text`.
fn line_feed(text: &[u8]) -> Option<usize> {
    find(b'\n', text)
}
