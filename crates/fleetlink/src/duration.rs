//! Times on the command line.

use std::time::Duration;

/// A time such as `10s`, `1m30s` or `500ms`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let time: Option<jiff::SignedDuration> = text.parse().ok();
    time.and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| "expected a time such as 10s or 500ms".to_owned())
}

/// A time, or `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrNever(pub(crate) Option<Duration>);

impl std::str::FromStr for OrNever {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(OrNever(None)),
            text => match parse(text) {
                Ok(time) => Ok(OrNever(Some(time))),
                Err(_) => Err("expected a time such as 120s, or never".to_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(parse("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse("1ns"), Ok(Duration::from_nanos(1)));
        for text in ["", "30", "-1s", "soon", "1e9s"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!("never".parse(), Ok(OrNever(None)));
        assert_eq!("2m".parse(), Ok(OrNever(Some(Duration::from_secs(120)))));
    }
}
