//! The samples of a data file in other forms than the stored one.

use fleetlink_proto::control::{ErrorCode, RpcError};
use fleetlink_proto::samples::{Decimal, Timestamp};

/// Another form of a data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// A JSON object a line.
    Ndjson,
}

impl Written {
    /// Its content type, and the extension of a file of it.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Written::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
            Written::Ndjson => ("application/x-ndjson", "ndjson"),
        }
    }
}

/// Rewrites a content that comes in pieces.
pub(super) struct Lines {
    form: Written,
    /// The beginning of a line whose end has not come. A stored line is short.
    begun: Vec<u8>,
    /// Samples so far.
    count: u64,
}

impl Lines {
    pub(super) fn new(form: Written) -> Self {
        Lines {
            form,
            begun: Vec::new(),
            count: 0,
        }
    }

    /// Rewrites the whole lines up to the end of this piece.
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<String, RpcError> {
        let mut written = String::with_capacity(2 * piece.len());
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.end_line(&mut written)?;
            }
        }
        Ok(written)
    }

    /// Rewrites the last line, if it has no newline.
    pub(super) fn finish(mut self) -> Result<String, RpcError> {
        let mut written = String::new();
        if !self.begun.is_empty() {
            self.end_line(&mut written)?;
        }
        Ok(written)
    }

    fn end_line(&mut self, written: &mut String) -> Result<(), RpcError> {
        let line = std::mem::take(&mut self.begun);
        let (time, value) = parse(&line).ok_or_else(no_sample)?;
        match (self.form, time) {
            (Written::Csv, Some(time)) => {
                self.head(written, "time,value\r\n");
                written.push_str(&format!("{time},{value}\r\n"));
            }
            (Written::Csv, None) => {
                self.head(written, "index,value\r\n");
                written.push_str(&format!("{},{value}\r\n", self.count));
            }
            (Written::Ndjson, Some(time)) => {
                written.push_str(&format!("{{\"time\":\"{time}\",\"value\":\"{value}\"}}\n"));
            }
            (Written::Ndjson, None) => {
                let index = self.count;
                written.push_str(&format!("{{\"index\":{index},\"value\":\"{value}\"}}\n"));
            }
        }
        self.count += 1;
        Ok(())
    }

    fn head(&self, written: &mut String, names: &str) {
        if self.count == 0 {
            written.push_str(names);
        }
    }
}

/// The time and the value of a stored line.
fn parse(line: &[u8]) -> Option<(Option<Timestamp>, Decimal)> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut parts = line.splitn(2, |byte| *byte == b',');
    match (parts.next()?, parts.next()) {
        (value, None) => Some((None, Decimal::parse_sample(value).ok()?)),
        (time, Some(value)) => Some((
            Some(Timestamp::parse(time).ok()?),
            Decimal::parse_sample(value).ok()?,
        )),
    }
}

fn no_sample() -> RpcError {
    RpcError::new(ErrorCode::Corrupt, "a stored line is no sample")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(form: Written, text: &str, cut: usize) -> String {
        let mut lines = Lines::new(form);
        let (first, second) = text.as_bytes().split_at(cut);
        let mut all = lines.write(first).unwrap() + &lines.write(second).unwrap();
        all += &lines.finish().unwrap();
        all
    }

    #[test]
    fn a_content_is_rewritten_alike_wherever_it_is_cut() {
        let timed = "1600000000,1.50\n2020-09-13T14:26:41.5+02:00,-7\r\n1600000002,0";
        let plain = "1\n-2.5\n";
        for (text, csv, json) in [
            (
                timed,
                "time,value\r\n2020-09-13T12:26:40Z,1.5\r\n2020-09-13T12:26:41.5Z,-7\r\n\
                 2020-09-13T12:26:42Z,0\r\n",
                "{\"time\":\"2020-09-13T12:26:40Z\",\"value\":\"1.5\"}\n\
                 {\"time\":\"2020-09-13T12:26:41.5Z\",\"value\":\"-7\"}\n\
                 {\"time\":\"2020-09-13T12:26:42Z\",\"value\":\"0\"}\n",
            ),
            (
                plain,
                "index,value\r\n0,1\r\n1,-2.5\r\n",
                "{\"index\":0,\"value\":\"1\"}\n{\"index\":1,\"value\":\"-2.5\"}\n",
            ),
        ] {
            for cut in 0..=text.len() {
                assert_eq!(rewritten(Written::Csv, text, cut), csv, "{cut}");
                assert_eq!(rewritten(Written::Ndjson, text, cut), json, "{cut}");
            }
        }
    }
}
