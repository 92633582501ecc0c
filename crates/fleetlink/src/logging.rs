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

/// Starts to log what `selected`, else `FLEETLINK_LOG`, selects, and errors; warnings where nothing is
/// selected. Whoever logs does not wait for the terminal.
pub(crate) fn start(format: LogFormat, selected: Option<&str>, output: &Output) {
    let output = output.clone();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let of_environment = std::env::var("FLEETLINK_LOG").ok();
    let selected = selected.map(str::to_owned).or(of_environment);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(selected.as_deref()).unwrap_or_else(|_| "warn".into()))
        .with_ansi(io::stderr().is_terminal() && !no_color)
        .with_writer(move || Line(output.clone()));
    #[cfg(feature = "hub")]
    match format {
        LogFormat::Text => {
            let builder = builder.with_filter_reloading();
            changes::keep(builder.reload_handle());
            builder.init();
        }
        LogFormat::Json => {
            let builder = builder.json().with_filter_reloading();
            changes::keep(builder.reload_handle());
            builder.init();
        }
    }
    #[cfg(not(feature = "hub"))]
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// With errors from everywhere, unless they are switched off: the spans that name the device and the
/// request of a line have that level.
fn filter(selected: Option<&str>) -> Result<EnvFilter, String> {
    match selected.filter(|selected| !selected.is_empty()) {
        None => Ok("warn".into()),
        Some(selected) => {
            let filter = format!("error,{selected}").parse::<EnvFilter>();
            filter.map_err(|error| format!("expected a filter such as info: {error}"))
        }
    }
}

#[cfg(feature = "hub")]
pub(crate) use changes::{check, select};

/// The filter of a running hub changes.
#[cfg(feature = "hub")]
mod changes {
    use std::sync::OnceLock;

    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::reload::Handle;

    use super::filter;

    type Change = dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync;

    static CHANGE: OnceLock<Box<Change>> = OnceLock::new();

    pub(super) fn keep<S: 'static>(handle: Handle<EnvFilter, S>) {
        let change = move |filter| handle.reload(filter).map_err(|error| error.to_string());
        // The log is started once.
        let _ = CHANGE.set(Box::new(change));
    }

    /// Whether this selects something.
    ///
    /// # Errors
    /// It is no filter.
    pub(crate) fn check(selected: &str) -> Result<String, String> {
        filter(Some(selected)).map(|_| selected.to_owned())
    }

    /// Logs what this selects from now on.
    ///
    /// # Errors
    /// It is no filter.
    pub(crate) fn select(selected: Option<&str>) -> Result<(), String> {
        let filter = filter(selected)?;
        CHANGE.get().map_or(Ok(()), |change| change(filter))
    }
}
