//! The end of a certificate's validity (RFC 5280, 4.1.2.5).

use std::time::Duration;

use rustls::pki_types::CertificateDer;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The time since 1970 at which a certificate ends; `None` where that cannot be read.
pub(crate) fn not_after(certificate: &CertificateDer<'_>) -> Option<Duration> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    let (tag, _, behind) = element(rest)?;
    if tag == VERSION {
        rest = behind;
    }
    // The serial number, the algorithm and the issuer.
    for _ in 0..3 {
        (_, _, rest) = element(rest)?;
    }
    let (tag, validity, _) = element(rest)?;
    let (_, _, rest) = element(validity).filter(|_| tag == SEQUENCE)?;
    let (tag, text, _) = element(rest)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (years, rest) = match tag {
        UTC_TIME => {
            let (years, rest) = text.split_at_checked(2)?;
            let years: u64 = years.parse().ok()?;
            (years + if years < 50 { 2000 } else { 1900 }, rest)
        }
        GENERALIZED_TIME => {
            let (years, rest) = text.split_at_checked(4)?;
            (years.parse().ok()?, rest)
        }
        _ => return None,
    };
    let two = |place: usize| rest.get(place..place + 2)?.parse::<u64>().ok();
    let days = days(years, two(0)?, two(2)?)?;
    let seconds = ((days * 24 + two(4)?) * 60 + two(6)?) * 60 + two(8)?;
    Some(Duration::from_secs(seconds))
}

/// The days from 1970 to a date; `None` before it.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    // A year that begins with March ends with the day that is there or not.
    let (year, month) = match month {
        1..=2 => (year.checked_sub(1)?, month + 9),
        3..=12 => (year, month - 3),
        _ => return None,
    };
    let leaps = year / 4 - year / 100 + year / 400;
    let of_year = (153 * month + 2) / 5 + day.checked_sub(1)?;
    (year * 365 + leaps + of_year).checked_sub(719_468)
}

/// The tag and the content of the first element, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = length
                .iter()
                .fold(0, |sum, byte| sum * 256 + u64::from(*byte));
            (usize::try_from(length).ok()?, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made(year: i32, month: u8, day: u8) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["hub".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, month, day);
        params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .into()
    }

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_forms() {
        for (year, month, day) in [
            (1999, 12, 31),
            (2024, 2, 29),
            (2049, 1, 1),
            (2100, 3, 1),
            (9999, 12, 31),
        ] {
            let end = date_time_ymd(year, month, day).unix_timestamp();
            let read = not_after(&made(year, month, day)).unwrap();
            assert_eq!(
                i64::try_from(read.as_secs()),
                Ok(end),
                "{year}-{month}-{day}"
            );
        }
    }

    #[test]
    fn a_part_of_a_certificate_is_none() {
        let whole = made(2030, 1, 1);
        for length in 0..whole.len() {
            assert_eq!(not_after(&CertificateDer::from(&whole[..length])), None);
        }
    }
}
