//! Times on the command line.

use std::time::Duration;

/// The longest time that can be given: 100 years. No clock can count to a much longer one.
const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

/// A time such as `10s`, `1m30s` or `500ms`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let time: Option<jiff::SignedDuration> = text.parse().ok();
    let time = time.and_then(|time| Duration::try_from(time).ok());
    match time {
        Some(time) if time <= LONGEST => Ok(time),
        Some(_) => Err("expected a time of at most 876000h, which are 100 years".to_owned()),
        None => Err("expected a time such as 10s or 500ms".to_owned()),
    }
}

/// A time, or `forever`.
pub(crate) fn or_forever(text: &str) -> Result<Duration, String> {
    match text {
        "forever" => Ok(Duration::MAX),
        text => parse(text).map_err(|e| format!("{e}, or forever")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(parse("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse("1ns"), Ok(Duration::from_nanos(1)));
        for text in ["", "30", "-1s", "soon", "1e9s", "9999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
    }
}
