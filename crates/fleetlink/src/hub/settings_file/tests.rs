use std::os::unix::fs::PermissionsExt as _;

use fleetlink_hub::store::Retention;
use fleetlink_hub::{AttemptLimits, PenaltySettings};

use super::*;
use crate::hub::settings_file::keys::{Key, Keys};

/// The settings of a hub whose data folder has this file, with further options.
fn load(text: &str, options: &[&str]) -> Result<Effective, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
    let data = folder.path().to_str().unwrap();
    let line = [&["fleetlink", "hub", "--data", data], options].concat();
    let loaded = Effective::load(line.iter().map(OsString::from).collect());
    let shown = folder.path().display().to_string();
    loaded.map_err(|e| e.to_string().replace(&format!("{shown}/"), ""))
}

fn setting(effective: &Effective, key: &str) -> Setting {
    let mut settings = effective.settings().into_iter();
    settings.find(|setting| setting.key == key).unwrap()
}

#[test]
fn the_example_has_every_key_with_its_default() {
    let kept = include_str!("../../../../../contrib/fleetlink.toml");
    assert!(
        kept == example::text(),
        "contrib/fleetlink.toml is outdated: fleetlink config example > contrib/fleetlink.toml"
    );
    // What it says of a key with a default is what the hub does without it.
    let without = load("", &[]).unwrap();
    let keys = Keys::of_hub();
    assert!(keys.iter().count() > 25);
    for key in keys
        .iter()
        .filter(|key| key.default.is_some() && !key.is_switch)
    {
        let line = format!("{} = {:?}", key.name, key.default.as_ref().unwrap());
        assert!(kept.contains(&format!("\n#{line}\n")), "{line}");
        let with = load(&line, &[]).unwrap();
        let values = |effective| setting(effective, &key.name).values;
        assert_eq!(values(&with), values(&without), "{line}");
    }
}

#[test]
fn an_option_goes_before_the_file_and_that_before_the_default() {
    let text = "# a comment\nkeep-alive = \"5s\"\n\nmax-attempts = 2\nplain = true\n\
                http-host = [\"a.example\", \"b.example\"]\n";
    let effective = load(text, &["--keep-alive", "7s"]).unwrap();
    let found = |key| {
        let setting = setting(&effective, key);
        let line = match setting.origin {
            Origin::File(_, line) => Some(line),
            _ => None,
        };
        (setting.values.join(" "), line)
    };
    assert_eq!(found("keep-alive"), ("7s".to_owned(), None));
    assert_eq!(setting(&effective, "keep-alive").origin, Origin::Flag);
    assert_eq!(found("max-attempts"), ("2".to_owned(), Some(4)));
    assert_eq!(found("plain"), ("true".to_owned(), Some(5)));
    assert_eq!(
        found("http-host"),
        ("a.example b.example".to_owned(), Some(6))
    );
    assert_eq!(setting(&effective, "upload-idle").origin, Origin::Default);
    // The hub is given the same.
    assert_eq!(effective.limits().unwrap().0.max_attempts.get(), 2);
}

#[test]
fn a_mistake_is_named_with_its_line_and_what_was_expected() {
    for (text, expected) in [
        (
            "\nkeep_alive = \"5s\"",
            "fleetlink.toml:2: keep_alive is unknown; keep-alive is the nearest",
        ),
        (
            "retain-everything = 1",
            "fleetlink.toml:1: retain-everything is unknown",
        ),
        (
            "parsecs = 1",
            "parsecs is unknown: fleetlink config show lists all keys",
        ),
        (
            "keep-alive = true",
            "keep-alive is a text or a number, such as \"10s\"",
        ),
        (
            "# x\nkeep-alive = \"5 parsecs\"",
            "fleetlink.toml:2: keep-alive: invalid value '5 parsecs'",
        ),
        ("plain = \"yes\"", "plain is true or false"),
        (
            "[hub]\nlisten = \"127.0.0.1:0\"",
            "a settings file has no sections",
        ),
        (
            "max-attempts = 9",
            "fleetlink.toml:1: Invalid number of allowed failed consecutive attempts: 9",
        ),
        ("http-proxy = [1.5]", "http-proxy is a list of texts"),
        (
            "http-proxy = \"proxy\"",
            "fleetlink.toml:1: http-proxy: invalid value",
        ),
        (
            "keep-alive = [\"1s\", \"2s\"]",
            "keep-alive is a text or a number",
        ),
        (
            "times = true\ntimes = true",
            "fleetlink.toml:2: this is no TOML",
        ),
        ("times = ", "fleetlink.toml:1: this is no TOML"),
        (
            "data = \"/elsewhere\"",
            "fleetlink.toml:1: data: the file is in the data folder",
        ),
        ("config = \"other.toml\"", "config is unknown"),
        ("log = \"[\"", "fleetlink.toml:1: log: invalid value"),
        ("\"\\u001b[2J\" = 1", "\\u{1b}[2J is unknown"),
    ] {
        let error = load(text, &[]).unwrap_err();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    let apart = load("penalty-base = \"1h\"", &[]).unwrap();
    assert!(apart.limits().is_err(), "longer than the longest");
}

#[test]
fn a_file_that_others_may_write_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hub.toml");
    std::fs::write(&file, "times = true").unwrap();
    let warnings = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let path = file.to_str().unwrap();
        let line = ["fleetlink", "hub", "--config", path, "--data", "elsewhere"];
        let loaded = Effective::load(line.map(OsString::from).to_vec());
        loaded.unwrap().warnings
    };
    assert_eq!(warnings(0o644), [""; 0]);
    for mode in [0o664, 0o646] {
        assert!(
            warnings(mode)[0].contains("others may write it"),
            "{mode:o}"
        );
    }
}

#[test]
fn a_file_that_was_named_has_to_be_there() {
    let line = ["fleetlink", "hub", "--config", "/nowhere/hub.toml"];
    let missing = Effective::load(line.map(OsString::from).to_vec());
    assert!(matches!(missing, Err(Failure::NoSuchFile(_))));
}

/// Values of which each option takes at least one that is not its default.
const OTHER_VALUES: [&str; 18] = [
    "36h",
    "11s",
    "json",
    "7",
    "20000",
    "12m",
    "20M",
    "1",
    "true",
    "debug",
    "x=2d",
    "x=5000",
    "::1",
    "127.0.0.1:9",
    "a.example",
    "::1/128",
    "https://a.example",
    "elsewhere",
];

/// The limits and the retention of a hub whose file has this one line, unless the line is refused.
/// None also where the line changes no setting.
fn with_line(key: &Key, value: &str) -> Option<(AttemptLimits, Retention)> {
    let line = match (key.is_switch, key.is_list) {
        (true, _) => format!("{} = {value}", key.name),
        (false, true) => format!("{} = [{value:?}]", key.name),
        (false, false) => format!("{} = {value:?}", key.name),
    };
    let effective = load(&line, &[]).ok()?;
    let before = setting(&load("", &[]).unwrap(), &key.name).values;
    let is_changed = setting(&effective, &key.name).values != before;
    is_changed.then(|| effective.limits().ok()).flatten()
}

/// The fields that have another value than in a hub without settings.
fn changed_fields((limits, keep): &(AttemptLimits, Retention)) -> Vec<&'static str> {
    let default = Retention::default();
    let before = load("", &[]).unwrap().limits().unwrap().0;
    // A field that is new has to be named here, and then a key that sets it.
    let Retention {
        journal_age,
        journal_changes,
        data_age,
        rules,
        data_bytes,
        audit_age,
        audit_events,
    } = keep;
    let AttemptLimits {
        max_attempts,
        penalties,
    } = limits;
    let PenaltySettings {
        names,
        base,
        max,
        loopback,
    } = penalties.unwrap();
    let penalties = before.penalties.unwrap();
    let fields = [
        ("journal_age", *journal_age != default.journal_age),
        (
            "journal_changes",
            *journal_changes != default.journal_changes,
        ),
        ("data_age", *data_age != default.data_age),
        ("rules", *rules != default.rules),
        ("data_bytes", *data_bytes != default.data_bytes),
        ("audit_age", *audit_age != default.audit_age),
        ("audit_events", *audit_events != default.audit_events),
        ("max_attempts", *max_attempts != before.max_attempts),
        ("names", names != penalties.names),
        ("base", base != penalties.base),
        ("max", max != penalties.max),
        ("loopback", loopback != penalties.loopback),
    ];
    let changed = fields.into_iter().filter(|(_, is_changed)| *is_changed);
    changed.map(|(field, _)| field).collect()
}

#[test]
fn each_key_that_a_running_hub_takes_over_is_said_to_hold_at_once() {
    let (mut taken_over, mut fields) = (vec!["log".to_owned()], Vec::new());
    let mut untried = Vec::new();
    for key in Keys::of_hub().iter() {
        let values = OTHER_VALUES.iter();
        let taken: Vec<_> = values.filter_map(|value| with_line(key, value)).collect();
        if taken.is_empty() {
            untried.push(key.name.clone());
        }
        let changed: Vec<_> = taken.iter().flat_map(changed_fields).collect();
        if !changed.is_empty() {
            taken_over.push(key.name.clone());
        }
        fields.extend(changed);
    }
    // A file in the data folder cannot name another one; a certificate needs its key in another line.
    assert_eq!(
        untried,
        ["data", "http-cert", "http-key"],
        "OTHER_VALUES has no value for these"
    );
    let mut said = reload::RELOADED.map(ToOwned::to_owned).to_vec();
    taken_over.sort();
    said.sort();
    assert_eq!(said, taken_over);
    fields.sort_unstable();
    fields.dedup();
    assert_eq!(
        fields.len(),
        12,
        "no key sets one of the other fields: {fields:?}"
    );
    let guide = include_str!("../../../../../docs/guide.md");
    let rule = guide.lines().find(|line| line.starts_with("- At SIGHUP"));
    for key in said {
        assert!(
            rule.unwrap().contains(&format!("`{key}`")),
            "docs/guide.md lacks {key}"
        );
    }
}
