//! The settings file of a hub: each key is an option of `fleetlink hub`, and is read as that option. So
//! one definition says which keys there are, which values they take, and what they are without the file.

mod document;
mod example;
mod keys;
mod reload;
mod show;

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};
use fleetlink_proto::Escaped;

use self::document::Entry;
use self::keys::Keys;
pub(crate) use self::reload::Reload;
pub(crate) use self::show::{ConfigArguments, run};
use super::data_folder;
use crate::cli::Cli;
use crate::failure::Failure;

/// The name of the file in a hub's data folder.
pub(crate) const FILE_NAME: &str = fleetlink_hub::store::sqlite::SETTINGS_FILE;

/// The settings of a hub, and where each has come from.
#[derive(Debug, Clone)]
pub(crate) struct Effective {
    /// The command line without the file.
    given: Vec<OsString>,
    /// The file, where there is one.
    path: Option<PathBuf>,
    entries: Vec<Entry>,
    /// The matches of the command line with the file's values behind it.
    matches: ArgMatches,
    /// The things that a person should know of the file.
    pub(crate) warnings: Vec<String>,
}

/// The origin of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Environment(String),
    File(PathBuf, usize),
    Default,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    /// As an option takes them; none where it is not set.
    pub(crate) values: Vec<String>,
    pub(crate) is_switch: bool,
    pub(crate) origin: Origin,
}

impl Effective {
    /// The settings of this command line of a hub, which is sound by itself.
    ///
    /// # Errors
    /// The file cannot be read, or something in it is wrong.
    pub(crate) fn load(given: Vec<OsString>) -> Result<Self, Failure> {
        let matches = matches_of(&given).map_err(|e| Failure::Usage(e.to_string()))?;
        let hub = of_hub(&matches);
        let named = hub.get_one::<PathBuf>("config").cloned();
        let path = match &named {
            Some(path) => Some(path.clone()),
            None => {
                let folder = data_folder::of(hub.get_one::<PathBuf>("folder").cloned())?;
                Some(folder.join(FILE_NAME)).filter(|path| path.exists())
            }
        };
        let Some(path) = path else {
            return Ok(Effective {
                given,
                path: None,
                entries: Vec::new(),
                matches,
                warnings: Vec::new(),
            });
        };
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let why = format!(
                "the settings file {} cannot be read: {error}",
                Escaped(&shown)
            );
            Failure::NoSuchFile(why)
        })?;
        let keys = Keys::of_hub();
        let entries = document::read(&text, &keys)
            .and_then(|entries| keys.check(entries, named.is_some()))
            .map_err(|fault| Failure::Usage(fault.at(&path)))?;
        let whole = with_file(&given, &entries, &keys, hub);
        let matches = matches_of(&whole).map_err(|e| {
            let message = e.to_string();
            Failure::Usage(format!("the settings of {}: {message}", Escaped(&shown)))
        })?;
        Ok(Effective {
            warnings: doubts(&path).into_iter().collect(),
            given,
            path: Some(path),
            entries,
            matches,
        })
    }

    /// The file, where there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The whole command line, read.
    pub(crate) fn cli(&self) -> Result<Cli, Failure> {
        Cli::from_arg_matches(&self.matches).map_err(|e| Failure::Usage(e.to_string()))
    }

    /// Every setting, in the order of the options.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let hub = of_hub(&self.matches);
        let keys = Keys::of_hub();
        let setting = |key: &keys::Key| {
            let is_switch = key.is_switch;
            let raw = hub.get_raw(&key.id).into_iter().flatten();
            let values: Vec<String> = raw.map(|v| v.to_string_lossy().into_owned()).collect();
            Setting {
                origin: self.origin(key),
                key: key.name.clone(),
                values,
                is_switch,
            }
        };
        keys.iter().map(setting).collect()
    }

    fn origin(&self, key: &keys::Key) -> Origin {
        let given = matches_of(&self.given).ok();
        let source = given.and_then(|given| of_hub(&given).value_source(&key.id));
        match (source, &self.path) {
            (Some(ValueSource::CommandLine), _) => Origin::Flag,
            (Some(ValueSource::EnvVariable), _) => {
                Origin::Environment(key.variable.clone().unwrap_or_default())
            }
            (_, Some(path)) => {
                let line = self.entries.iter().find(|entry| entry.key == key.name);
                line.map_or(Origin::Default, |entry| {
                    Origin::File(path.clone(), entry.line)
                })
            }
            (_, None) => Origin::Default,
        }
    }
}

fn matches_of(line: &[OsString]) -> Result<ArgMatches, clap::Error> {
    Cli::command().try_get_matches_from(line)
}

/// The matches of the subcommand.
fn of_hub(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, hub)| hub)
}

/// The command line with the file's values behind it. What the command line or an environment variable
/// sets is left out: it goes before the file.
fn with_file(
    given: &[OsString],
    entries: &[Entry],
    keys: &Keys,
    hub: &ArgMatches,
) -> Vec<OsString> {
    let mut whole = given.to_vec();
    for entry in entries {
        let Some(key) = keys.get(&entry.key) else {
            continue;
        };
        let source = hub.value_source(&key.id);
        let is_set = matches!(
            source,
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        );
        if !is_set {
            whole.extend(entry.options(key.is_switch).map(OsString::from));
        }
    }
    whole
}

/// Whether somebody else may write the file: then the hub does what that one wants.
fn doubts(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    let shown = path.display().to_string();
    let shown = Escaped(&shown);
    let own = rustix::process::geteuid().as_raw();
    if metadata.mode() & 0o022 != 0 {
        let why = "others may write it, and so change what the hub does: chmod go-w";
        return Some(format!("the settings file {shown}: {why}"));
    }
    if metadata.uid() != own && metadata.uid() != 0 {
        return Some(format!(
            "the settings file {shown} belongs to another user, who may change what the hub does"
        ));
    }
    None
}

/// Reads the settings file of a hub that is to run, and returns the whole command line, read.
///
/// # Errors
/// As of [`Effective::load`].
pub(crate) fn with_settings(given: Vec<OsString>) -> Result<Cli, Failure> {
    let effective = Effective::load(given)?;
    let mut cli = effective.cli()?;
    if let crate::cli::Command::Hub(super::Command::Hub(arguments)) = &mut cli.command {
        arguments.effective = Some(effective);
    }
    Ok(cli)
}

/// Whether this is an error about a value.
fn is_of_value(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ValueValidation | ErrorKind::InvalidValue | ErrorKind::WrongNumberOfValues
    )
}

#[cfg(test)]
mod tests;
