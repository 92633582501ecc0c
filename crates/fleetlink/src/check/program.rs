//! The arguments that name the client to check.

use std::time::Duration;

use fleetlink_check::Program;

use crate::duration;

/// The client's command.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ProgramArguments {
    /// Listen on this port, for a client whose port is fixed; by default on any free one.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// A line of the client's standard input, in place of the checker's own; may be given several
    /// times.
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    input: Vec<String>,
    /// The client and its arguments, behind --. {host}, {port} and the like are replaced in the
    /// arguments and in --input.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    words: Vec<String>,
}

impl From<ProgramArguments> for Program {
    fn from(arguments: ProgramArguments) -> Self {
        let ProgramArguments { port, input, words } = arguments;
        Program { port, input, words }
    }
}

/// A time in seconds, or with a unit: `2`, `1.5`, `500ms`.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let plain = text
        .parse()
        .ok()
        .filter(|_| !text.contains(['e', 'E', 'n']));
    let time = match plain.map(Duration::try_from_secs_f64) {
        Some(time) => time.map_err(|_| ()),
        None => duration::parse(text).map_err(|_| ()),
    };
    let usable = |time: &Duration| !time.is_zero() && *time <= Duration::from_secs(3600);
    time.ok()
        .filter(usable)
        .ok_or_else(|| "expected a time up to an hour, such as 2 or 500ms".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_may_be_plain_seconds() {
        for (text, millis) in [("2", 2000), ("1.5", 1500), ("500ms", 500), ("15s", 15_000)] {
            assert_eq!(seconds(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "0", "-1", "inf", "nan", "1e3", "4000", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
