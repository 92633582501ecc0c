//! The keys of a settings file, which are the options of a hub.

use clap::{ArgAction, CommandFactory as _};
use fleetlink_hub::{MaxAttempts, MaxAttemptsError};

use super::document::{Entry, Fault};
use super::{is_of_value, matches_of};
use crate::cli::Cli;

/// Options that are no settings: they choose the file, or what one run prints.
const NO_KEYS: [&str; 5] = ["help", "version", "config", "print-login", "json"];
/// The key that a file in the data folder itself cannot have.
const DATA: &str = "data";
const ATTEMPTS: &str = "max-attempts";
/// The least likeness of a key that is proposed in place of an unknown one.
const ALIKE: f64 = 0.75;

/// An option of a hub as a key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) name: String,
    /// The option's id at the parser.
    pub(super) id: String,
    /// Whether it is on or off and takes no value.
    pub(super) is_switch: bool,
    /// Whether it may have several values.
    pub(super) is_list: bool,
    pub(super) variable: Option<String>,
    pub(super) default: Option<String>,
    pub(super) value_name: String,
    pub(super) help: String,
}

/// All keys.
#[derive(Debug)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    /// The keys of a hub's file, in the order of its options.
    pub(super) fn of_hub() -> Self {
        let mut program = Cli::command();
        program.build();
        let hub = program.find_subcommand("hub");
        let options = hub.into_iter().flat_map(clap::Command::get_arguments);
        let keys = options.filter_map(|option| {
            let name = option.get_long().filter(|name| !NO_KEYS.contains(name))?;
            let default = option.get_default_values().first();
            let value_name = option.get_value_names().and_then(<[_]>::first);
            Some(Key {
                name: name.to_owned(),
                id: option.get_id().to_string(),
                is_switch: matches!(option.get_action(), ArgAction::SetTrue),
                is_list: matches!(option.get_action(), ArgAction::Append),
                variable: option.get_env().map(|v| v.to_string_lossy().into_owned()),
                default: default.map(|value| value.to_string_lossy().into_owned()),
                value_name: value_name.map(ToString::to_string).unwrap_or_default(),
                help: option
                    .get_help()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            })
        });
        Keys(keys.collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.name == name)
    }

    /// The key that is most like this one, if one is.
    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        let name = name.replace('_', "-");
        let likeness = |key: &Key| strsim::jaro_winkler(&key.name, &name);
        let names = self.0.iter().map(|key| (likeness(key), key.name.as_str()));
        let nearest = names.max_by(|(one, _), (other, _)| one.total_cmp(other));
        nearest
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .map(|(_, name)| name)
    }

    /// Checks each value as the option does.
    pub(super) fn check(&self, entries: Vec<Entry>, is_named: bool) -> Result<Vec<Entry>, Fault> {
        for entry in &entries {
            if entry.key == DATA && !is_named {
                let why = "the file is in the data folder, so it cannot name another one; give the \
                           file by --config";
                return Err(Fault::new(entry.line, format!("{DATA}: {why}")));
            }
            // The option takes any text, since a wrong one has an error in words of its own.
            if entry.key == ATTEMPTS
                && let [attempts] = entry.values.as_slice()
            {
                let wrong = |why: MaxAttemptsError| Fault::new(entry.line, why.to_string());
                attempts.parse::<MaxAttempts>().map_err(wrong)?;
            }
            let is_switch = self.get(&entry.key).is_some_and(|key| key.is_switch);
            for option in entry.options(is_switch) {
                let line = ["fleetlink".into(), "hub".into(), option.into()];
                let Err(error) = matches_of(&line) else {
                    continue;
                };
                // What an option needs beside it may be in another line.
                if is_of_value(error.kind()) {
                    return Err(Fault::new(entry.line, reason(&entry.key, &error)));
                }
            }
        }
        Ok(entries)
    }
}

/// The reason alone, without the parser's words about options and help.
fn reason(key: &str, error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let reason = text
        .split("\n\nFor more information")
        .next()
        .unwrap_or(text);
    let reason = reason.split("\n\nUsage:").next().unwrap_or(reason);
    format!("{key}: {}", reason.trim_end())
}
