//! The client that is checked: the command that starts it, and its input.

use fleetlink_proto::Escaped;

use crate::error::Error;

/// The client that is checked: its command and its input. Placeholders such as `{host}` and
/// `{port}` are replaced in both.
#[derive(Debug, Clone)]
pub struct Program {
    /// The port that the checker listens on, for a client whose port is fixed. Without it the
    /// checker takes a free one.
    pub port: Option<u16>,
    /// The lines of the client's standard input, in place of the checker's own.
    pub input: Vec<String>,
    /// The program and its arguments.
    pub words: Vec<String>,
}

/// The values of the placeholders: `("{host}", "127.0.0.1")`.
pub(crate) type Values<'a> = [(&'a str, String)];

impl Program {
    /// Fails where the client cannot know the port.
    pub fn verify(&self) -> Result<(), Error> {
        if self.port.is_some() || self.holds("{port}") {
            return Ok(());
        }
        Err(Error::NoPort)
    }

    /// Whether a placeholder stands in the arguments or in --input.
    pub fn holds(&self, placeholder: &str) -> bool {
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
    pub fn shown(&self) -> String {
        Escaped(&self.words.join(" ")).to_string()
    }
}

fn filled(text: &str, values: &Values<'_>) -> String {
    let replace = |text: String, (name, value): &(&str, String)| text.replace(name, value);
    values.iter().fold(text.to_owned(), replace)
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
        assert!(error.to_string().contains("--port"), "{error}");
    }
}
