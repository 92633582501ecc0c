//! The last sample of a text: found from its end, so that no text is read twice for it.

use super::decimal::Decimal;
use super::limits::MAX_LINE_BYTES;
use super::line::first_sample;
use super::time::Timestamp;

/// The bytes of a text's end that always hold its last line with both line endings around it.
pub const TAIL_BYTES: usize = MAX_LINE_BYTES + 4;

/// The last sample of a text, in the order of its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSample {
    /// The sample.
    pub value: Decimal,
    /// Its time, if it has one.
    pub time: Option<Timestamp>,
}

impl LastSample {
    /// Finds the last sample of a text whose end this is; `None` where the end has no sample.
    #[must_use]
    pub fn of_end(end: &[u8]) -> Option<Self> {
        let end = end.strip_suffix(b"\n").unwrap_or(end);
        let begin = end.iter().rposition(|byte| *byte == b'\n');
        let (time, value, rest) = first_sample(&end[begin.map_or(0, |feed| feed + 1)..])?;
        rest.is_empty().then_some(LastSample { value, time })
    }

    /// The sample as the bytes of a database row.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.value.units().to_le_bytes().to_vec();
        bytes.extend(
            self.time
                .map(|time| time.unix_nanos().to_le_bytes())
                .iter()
                .flatten(),
        );
        bytes
    }

    /// Reads what [`LastSample::to_bytes`] wrote; `None` where the bytes are something else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (value, time) = bytes.split_first_chunk()?;
        let time = match time {
            [] => None,
            time => Some(Timestamp::from_unix_nanos(i128::from_le_bytes(
                time.try_into().ok()?,
            ))?),
        };
        let value = Decimal::from_units(i128::from_le_bytes(*value));
        Some(LastSample { value, time })
    }
}

/// Keeps the end of a text that comes in pieces.
#[derive(Debug, Clone, Default)]
pub struct TextEnd(Vec<u8>);

impl TextEnd {
    /// Takes the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        let piece = &piece[piece.len().saturating_sub(TAIL_BYTES)..];
        let surplus = (self.0.len() + piece.len()).saturating_sub(TAIL_BYTES);
        self.0.drain(..surplus);
        self.0.extend_from_slice(piece);
    }

    /// The last sample of what has come.
    #[must_use]
    pub fn last(&self) -> Option<LastSample> {
        LastSample::of_end(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn last(text: &str, piece: usize) -> Option<(String, Option<i128>)> {
        let mut end = TextEnd::default();
        text.as_bytes().chunks(piece).for_each(|p| end.feed(p));
        end.last().map(|last| {
            let time = last.time.map(Timestamp::unix_nanos);
            (last.value.to_string(), time)
        })
    }

    #[test]
    fn the_last_line_counts_wherever_the_text_is_cut() {
        let longest = format!(
            "2022-09-30T10:31:13.123456789+01:00,-{}.123456789",
            i64::MAX
        );
        let nanos = 1_664_530_273_123_456_789;
        for (text, value, time) in [
            ("1\n2\n", "2", None),
            ("1\n2", "2", None),
            ("1\r\n-2.50\r\n", "-2.5", None),
            ("7", "7", None),
            (
                "1664533873,1\n1664533874,0.1\n",
                "0.1",
                Some(1_664_533_874_000_000_000),
            ),
            (&longest, "-9223372036854775807.123456789", Some(nanos)),
            (
                &format!("1664533873,5\r\n{longest}\r\n"),
                "-9223372036854775807.123456789",
                Some(nanos),
            ),
            (&format!("{}\n{}", "1\n".repeat(999), "00042"), "42", None),
        ] {
            for piece in [1, 2, 3, 7, 64, 4096] {
                let found = last(text, piece);
                assert_eq!(found, Some((value.to_owned(), time)), "{text:?} {piece}");
            }
        }
        assert_eq!(last("", 1), None);
        assert_eq!(last("no sample\n", 4), None);
    }

    proptest! {
        #[test]
        fn rows_round_trip_and_other_bytes_are_none(units: i64, time: Option<u32>, bytes: Vec<u8>) {
            let last = LastSample {
                value: Decimal::from_units(units.into()),
                time: time.and_then(|time| Timestamp::from_unix_nanos(i128::from(time) * 1_000_000_007)),
            };
            prop_assert_eq!(LastSample::from_bytes(&last.to_bytes()), Some(last));
            if ![16, 32].contains(&bytes.len()) {
                prop_assert_eq!(LastSample::from_bytes(&bytes), None);
            }
        }
    }
}
