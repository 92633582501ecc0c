//! The documented example of a settings file, made from the definition of the options.

use std::fmt::Write as _;

use super::keys::{Key, Keys};

/// The longest line of a comment.
const WIDTH: usize = 96;

const HEAD: &str = "\
# The settings of a fleetlink hub: fleetlink.toml in its data folder, or a file that --config names.
#
# Each key is an option of `fleetlink hub`. An option on the command line goes before an environment
# variable, that before this file, and this file before the default. Times are 500ms, 10s, 5m, 12h
# or 30d, sizes 4096, 10M or 20G. `fleetlink config show` prints every setting with its origin, and
# `fleetlink config check` looks for mistakes. SIGHUP reads the file again.
#
# A key with a value behind # has this default; a key with <...> has none.
";

/// All keys with their descriptions and defaults, each behind a `#`.
pub(super) fn text() -> String {
    let mut text = HEAD.to_owned();
    for key in Keys::of_hub().iter() {
        text.push('\n');
        wrap(&key.help, &mut text);
        if let Some(variable) = &key.variable {
            let _ = writeln!(text, "# Environment: {variable}");
        }
        let _ = writeln!(text, "#{} = {}", key.name, value(key));
    }
    text
}

fn value(key: &Key) -> String {
    if key.is_switch {
        return "false".to_owned();
    }
    let value = match &key.default {
        Some(default) => format!("{default:?}"),
        None => format!("\"<{}>\"", key.value_name),
    };
    match key.is_list {
        true => format!("[{value}]"),
        false => value,
    }
}

fn wrap(help: &str, text: &mut String) {
    let mut line = "#".to_owned();
    for word in help.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = "#".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}
