//! The client that is checked: the command that starts it, and what it reads.

use std::time::Duration;

use fleetlink_proto::Escaped;

use crate::duration;
use crate::failure::Failure;

/// The client's command.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Program {
    /// Listen on this port, for a client whose port is fixed; a free one is taken where it is not
    /// given.
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// A line of the client's standard input, in place of the checker's own; may be given several
    /// times.
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    input: Vec<String>,
    /// The client and its arguments, behind --. {host}, {port} and the like are replaced in the
    /// arguments and in --input.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    words: Vec<String>,
}

/// What replaces the placeholders: `("{host}", "127.0.0.1")`.
pub(crate) type Values<'a> = [(&'a str, String)];

impl Program {
    /// Fails where the client cannot know the port.
    pub(crate) fn verify(&self) -> Result<(), Failure> {
        if self.port.is_some() || self.holds("{port}") {
            return Ok(());
        }
        Err(Failure::Usage(
            "the client is not told the port: write {port} where it belongs among its arguments, \
             or give --port where the port is fixed in the client"
                .to_owned(),
        ))
    }

    /// Whether a placeholder stands in the arguments or in --input.
    pub(crate) fn holds(&self, placeholder: &str) -> bool {
        let mut texts = self.words.iter().chain(&self.input);
        texts.any(|text| text.contains(placeholder))
    }

    /// The program and its arguments.
    pub(super) fn words(&self, values: &Values<'_>) -> Vec<String> {
        self.words.iter().map(|word| filled(word, values)).collect()
    }

    /// Standard input: the lines of --input, else these.
    pub(super) fn input(&self, lines: &[String], values: &Values<'_>) -> String {
        let lines: Vec<String> = if self.input.is_empty() {
            lines.to_vec()
        } else {
            let given = self.input.iter();
            given.map(|line| filled(line, values)).collect()
        };
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The command as it was given, for a report.
    pub(crate) fn shown(&self) -> String {
        Escaped(&self.words.join(" ")).to_string()
    }
}

fn filled(text: &str, values: &Values<'_>) -> String {
    let replace = |text: String, (name, value): &(&str, String)| text.replace(name, value);
    values.iter().fold(text.to_owned(), replace)
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

    fn program(words: &[&str], input: &[&str]) -> Program {
        let strings = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Program {
            port: None,
            input: strings(input),
            words: strings(words),
        }
    }

    #[test]
    fn placeholders_are_replaced_wherever_they_stand() {
        let values = [
            ("{host}", "127.0.0.1".to_owned()),
            ("{port}", "9".to_owned()),
        ];
        let client = program(&["./c", "{host}:{port}", "{id}", "x"], &[]);
        assert_eq!(client.words(&values), ["./c", "127.0.0.1:9", "{id}", "x"]);
        let own = ["1".to_owned(), "2".to_owned()];
        assert_eq!(client.input(&own, &values), "1\n2\n");
        let asks = program(&["./c"], &["{port}", "y"]);
        assert_eq!(asks.input(&own, &values), "9\ny\n");
        assert!(asks.verify().is_ok() && client.verify().is_ok());
        let error = program(&["./c", "8000"], &[]).verify().unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("--port"), "{error}");
    }

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
