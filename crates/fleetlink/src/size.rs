//! Numbers of bytes, with their units: `2GB` is 2·10⁹ bytes, `2GiB` 2·2³⁰ (IEC 80000-13).
//!
//! They are exact. The crate bytesize computes by `f64`, reads `16777216TiB` as the largest number
//! instead of refusing it, and shows 999,999,999 bytes as `1000.0 MB`.

use std::fmt;

const UNITS: [(&str, u64); 11] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("", 1),
];

/// A number of bytes, shown in the decimal unit that leaves one to three digits before the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

/// A size such as `500`, `2GB` or `1.5 GiB`; a fraction is rounded down to whole bytes.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    read(text).ok_or_else(|| "expected a size such as 500MB, 2GB or 1.5GiB".to_owned())
}

fn read(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.len() > 12 {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let (whole, fraction) = (whole.parse::<u64>().ok()?, fraction.parse::<u64>().ok()?);
    let bytes = (u128::from(whole) * scale + u128::from(fraction)) * u128::from(*factor) / scale;
    u64::try_from(bytes).ok()
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];
        let larger = [("TB", 1_000_000_000_000), ("PB", 1_000_000_000_000_000)];
        let fits = |(_, factor): &&(&str, u64)| self.0 / 1000 < *factor;
        let all = units.iter().chain(&larger);
        match all.clone().find(fits).or(all.last()) {
            Some((name, factor)) if self.0 >= 1000 => {
                let tenths = u128::from(self.0) * 10 / u128::from(*factor);
                write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
            }
            _ => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in [
            ("0", 0),
            ("500", 500),
            ("500B", 500),
            ("2kB", 2_000),
            ("2GB", 2_000_000_000),
            ("2 GiB", 2 << 30),
            ("1.5KiB", 1536),
            ("0.0001kB", 0),
            ("18446744073709551615", u64::MAX),
            ("9007199254740.993kB", (1 << 53) + 1),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "GB",
            "-1",
            "2gb",
            "2 G",
            "1.",
            ".5",
            "1.2.3",
            "2GBs",
            "16777216TiB",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_unit_that_fits() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1000, "1.0 kB"),
            (64_000_000, "64.0 MB"),
            (999_999_999, "999.9 MB"),
            (2_000_000_000, "2.0 GB"),
            (u64::MAX, "18446.7 PB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), shown);
        }
    }
}
