//! The log on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::output::Output;

/// The form of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A line of the log, on its way to standard error.
struct Line(Output);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.log(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts to log what `FLEETLINK_LOG` selects, and errors; warnings where it selects nothing. Whoever
/// logs does not wait for the terminal.
pub(crate) fn start(format: LogFormat, output: &Output) {
    let output = output.clone();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_ansi(io::stderr().is_terminal() && !no_color)
        .with_writer(move || Line(output.clone()));
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// With errors from everywhere, unless they are switched off: the spans that name the device and the
/// request of a line have that level.
fn filter() -> EnvFilter {
    let selected = std::env::var("FLEETLINK_LOG").ok();
    let selected = selected.filter(|selected| !selected.is_empty());
    let filter = selected.and_then(|selected| format!("error,{selected}").parse().ok());
    filter.unwrap_or_else(|| "warn".into())
}
