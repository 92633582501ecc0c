//! The hub's options about sources that fail on many different names.

use std::str::FromStr;
use std::time::Duration;

use fleetlink_hub::PenaltySettings;
use fleetlink_proto::control::limits;

use crate::duration;
use crate::failure::Failure;

/// The penalties of networks that fail on many different names.
#[derive(Debug, clap::Args)]
pub(super) struct PenaltyArguments {
    /// Different names, 2 to 100, whose wrong passwords penalise the address they come from (an
    /// IPv4 address, an IPv6 /56): its passwords are refused for a while. Keys are not.
    #[arg(long, value_name = "N|never", default_value = "10")]
    penalty_names: OrNever,
    /// The first penalty; each further one is twice the last.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = penalty)]
    penalty_base: Duration,
    /// The longest penalty.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = penalty)]
    penalty_max: Duration,
    /// Penalise addresses on loopback too: where a proxy or a tunnel ends there, or to try it.
    #[arg(long)]
    penalize_loopback: bool,
}

/// A number of names, or `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OrNever(Option<usize>);

impl FromStr for OrNever {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (least, most) = (limits::MIN_PENALTY_NAMES, limits::MAX_PENALTY_NAMES);
        if text == "never" {
            return Ok(OrNever(None));
        }
        let names = text.parse().ok();
        let names = names.filter(|names| (least..=most).contains(names));
        let expected = || format!("expected a number from {least} to {most}, or never");
        names.map(|names| OrNever(Some(names))).ok_or_else(expected)
    }
}

impl PenaltyArguments {
    /// The settings; `None` where there are no penalties.
    pub(super) fn settings(self) -> Result<Option<PenaltySettings>, Failure> {
        let PenaltyArguments {
            penalty_names: OrNever(names),
            penalty_base: base,
            penalty_max: max,
            penalize_loopback: loopback,
        } = self;
        if base > max {
            let message = format!(
                "the first penalty (--penalty-base {base:?}) is longer than the longest \
                 (--penalty-max {max:?})"
            );
            return Err(Failure::Usage(message));
        }
        Ok(names.map(|names| PenaltySettings {
            names,
            base,
            max,
            loopback,
        }))
    }
}

fn penalty(text: &str) -> Result<Duration, String> {
    let (least, most) = (limits::MIN_PENALTY, limits::MAX_PENALTY);
    duration::parse(text)
        .ok()
        .filter(|time| (least..=most).contains(time))
        .ok_or_else(|| "expected a time from 1s to 24h, such as 15s".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        penalties: PenaltyArguments,
    }

    fn settings(options: &[&str]) -> Result<Option<PenaltySettings>, String> {
        let line = [&["hub"], options].concat();
        let line = Line::try_parse_from(line).map_err(|e| e.to_string())?;
        line.penalties.settings().map_err(|e| e.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_the_protocol() {
        assert_eq!(settings(&[]), Ok(Some(PenaltySettings::default())));
    }

    #[test]
    fn everything_can_be_set() {
        let all = "--penalty-names 3 --penalty-base 2s --penalty-max 1m --penalize-loopback";
        let expected = PenaltySettings {
            names: 3,
            base: Duration::from_secs(2),
            max: Duration::from_secs(60),
            loopback: true,
        };
        let all: Vec<_> = all.split(' ').collect();
        assert_eq!(settings(&all), Ok(Some(expected)));
        assert_eq!(settings(&["--penalty-names", "never"]), Ok(None));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (options, expected) in [
            (["--penalty-names", "1"], "from 2 to 100"),
            (["--penalty-names", "101"], "from 2 to 100"),
            (["--penalty-names", "none"], "or never"),
            (["--penalty-base", "0s"], "from 1s to 24h"),
            (["--penalty-max", "25h"], "from 1s to 24h"),
            (["--penalty-max", "10s"], "longer than the longest"),
        ] {
            let error = settings(&options).unwrap_err();
            assert!(error.contains(expected), "{options:?}: {error}");
        }
    }
}
