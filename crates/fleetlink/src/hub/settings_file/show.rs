//! `fleetlink config`: what a hub would run with, and from where each setting comes.

use std::ffi::OsString;
use std::path::PathBuf;

use fleetlink_proto::Escaped;
use serde_json::{Value, json};

use super::super::data_folder::DataFolder;
use super::{Effective, Origin, Setting, example};
use crate::failure::Failure;
use crate::output::Output;

/// Show and check the settings of a hub.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    data: DataFolder,
    /// The settings file, instead of fleetlink.toml in the data folder.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The result as one JSON document.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print every setting of a hub with its value and its origin. Secrets are no settings.
    Show {
        /// Options of fleetlink hub, as if it was started with them.
        #[arg(last = true, value_name = "OPTIONS")]
        options: Vec<OsString>,
    },
    /// Say whether the settings file can be used.
    Check,
    /// Print a settings file with all keys, their descriptions and defaults.
    Example,
}

impl ConfigArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.json
    }
}

/// Does what the command asks.
pub(crate) fn run(arguments: ConfigArguments, output: &Output) -> Result<(), Failure> {
    let ConfigArguments {
        action,
        data,
        config,
        ..
    } = arguments;
    if matches!(action, Action::Example) {
        let text = example::text();
        output.result(text.trim_end(), &json!({ "example": text }));
        return Ok(());
    }
    let mut line: Vec<OsString> = vec!["fleetlink".into(), "hub".into()];
    for (option, path) in [("--data", data.given()), ("--config", config)] {
        if let Some(path) = path {
            line.extend([option.into(), path.into_os_string()]);
        }
    }
    let is_check = matches!(action, Action::Check);
    if let Action::Show { options } = action {
        line.extend(options);
    }
    let effective = Effective::load(line)?;
    // What two settings together make impossible is found by making them the hub's.
    effective.limits()?;
    effective
        .warnings
        .iter()
        .for_each(|warning| output.notice(warning));
    match is_check {
        true => tell_sound(&effective, output),
        false => show(&effective, output),
    }
    Ok(())
}

fn tell_sound(effective: &Effective, output: &Output) {
    let (text, file) = match effective.path() {
        Some(path) => {
            let shown = path.display().to_string();
            (format!("{} can be used", Escaped(&shown)), json!(path))
        }
        None => (
            "there is no settings file; the defaults can be used".to_owned(),
            Value::Null,
        ),
    };
    let warnings = &effective.warnings;
    output.result(
        &text,
        &json!({ "file": file, "usable": true, "warnings": warnings }),
    );
}

fn show(effective: &Effective, output: &Output) {
    let settings = effective.settings();
    let lines: Vec<String> = settings.iter().map(line).collect();
    let documents: Vec<Value> = settings.iter().map(document).collect();
    output.result(
        &lines.join("\n"),
        &json!({ "file": effective.path(), "settings": documents }),
    );
}

fn line(setting: &Setting) -> String {
    let values: Vec<String> = setting
        .values
        .iter()
        .map(|v| Escaped(v).to_string())
        .collect();
    let value = match values.is_empty() {
        true => "(not set)".to_owned(),
        false => values.join(", "),
    };
    let origin = match &setting.origin {
        Origin::Flag => "command line".to_owned(),
        Origin::Environment(variable) => variable.clone(),
        Origin::File(path, line) => {
            let path = path.display().to_string();
            format!("{}:{line}", Escaped(&path))
        }
        Origin::Default => "default".to_owned(),
    };
    format!("{} = {value}  ({origin})", setting.key)
}

fn document(setting: &Setting) -> Value {
    let origin = match &setting.origin {
        Origin::Flag => json!({ "kind": "flag" }),
        Origin::Environment(variable) => json!({ "kind": "environment", "name": variable }),
        Origin::File(path, line) => json!({ "kind": "file", "file": path, "line": line }),
        Origin::Default => json!({ "kind": "default" }),
    };
    let value = match (setting.is_switch, setting.values.as_slice()) {
        (true, values) => json!(values.first().is_some_and(|value| value == "true")),
        (false, []) => Value::Null,
        (false, [value]) => json!(value),
        (false, values) => json!(values),
    };
    json!({ "key": setting.key, "value": value, "origin": origin })
}
