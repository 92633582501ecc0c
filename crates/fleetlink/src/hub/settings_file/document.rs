//! The text of a settings file: TOML, one key of a hub a line.

use std::path::Path;

use fleetlink_proto::Escaped;
use toml_edit::{Document, Item, Value};

use super::keys::{Key, Keys};

/// A setting of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    /// The texts that the option takes; of a switch `true` or `false`.
    pub(super) values: Vec<String>,
}

/// A line of the file that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    line: usize,
    message: String,
}

impl Entry {
    /// The options of a command line that say the same.
    pub(super) fn options(&self, is_switch: bool) -> impl Iterator<Item = String> {
        let values = self.values.iter();
        values.filter_map(move |value| match (is_switch, value.as_str()) {
            (true, "true") => Some(format!("--{}", self.key)),
            (true, _) => None,
            (false, value) => Some(format!("--{}={value}", self.key)),
        })
    }
}

impl Fault {
    pub(super) fn new(line: usize, message: impl Into<String>) -> Self {
        Fault {
            line,
            message: message.into(),
        }
    }

    /// The fault with the file's name.
    pub(super) fn at(&self, path: &Path) -> String {
        let path = path.display().to_string();
        format!("{}:{}: {}", Escaped(&path), self.line, self.message)
    }
}

/// Reads the settings, in the order of the file.
pub(super) fn read(text: &str, keys: &Keys) -> Result<Vec<Entry>, Fault> {
    let line_at = |at: usize| 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
    let document = Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Fault::new(line_at(at), format!("this is no TOML: {}", error.message()))
    })?;
    let mut entries = Vec::new();
    for (name, item) in document.as_table() {
        let span = document.as_table().get_key_value(name);
        let span = span.and_then(|(key, _)| key.span());
        let line = line_at(span.map_or(0, |span| span.start));
        let Some(key) = keys.get(name) else {
            return Err(Fault::new(line, unknown(name, item, keys)));
        };
        let values = values(key, item).map_err(|why| Fault::new(line, why))?;
        let key = name.to_owned();
        entries.push(Entry { key, line, values });
    }
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

fn unknown(name: &str, item: &Item, keys: &Keys) -> String {
    let shown = Escaped(name);
    if item.is_table() {
        return format!("[{shown}] is unknown: a settings file has no sections");
    }
    match keys.nearest(name) {
        Some(nearest) => format!("{shown} is unknown; {nearest} is the nearest key"),
        None => format!("{shown} is unknown: fleetlink config show lists all keys"),
    }
}

fn values(key: &Key, item: &Item) -> Result<Vec<String>, String> {
    let name = &key.name;
    let found = item.type_name();
    let value = item.as_value().ok_or_else(|| wrong(key, found))?;
    match value {
        Value::Boolean(value) if key.is_switch => Ok(vec![value.value().to_string()]),
        _ if key.is_switch => Err(wrong(key, found)),
        Value::Array(array) if key.is_list => {
            let text = |value| text(value).ok_or_else(|| format!("{name} is a list of texts"));
            array.iter().map(text).collect()
        }
        value => text(value)
            .map(|text| vec![text])
            .ok_or_else(|| wrong(key, found)),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.value().clone()),
        Value::Integer(number) => Some(number.value().to_string()),
        _ => None,
    }
}

fn wrong(key: &Key, found: &str) -> String {
    let name = &key.name;
    let expected = match (key.is_switch, key.is_list) {
        (true, _) => "true or false".to_owned(),
        (false, true) => "a text, or a list of texts".to_owned(),
        (false, false) => match &key.default {
            Some(default) => format!("a text or a number, such as {default:?}"),
            None => "a text".to_owned(),
        },
    };
    format!("{name} is {expected}, and not of the type {found}")
}
