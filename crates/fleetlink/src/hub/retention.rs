//! The hub's options about how much is kept of what only grows.

use std::time::Duration;

use fleetlink_hub::LogBounds;
use fleetlink_hub::store::{DevicePattern, NamePatternError, Quotas, RetainRule, Retention};

use crate::duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Limits for data files, the journal and the log files.
#[derive(Debug, clap::Args)]
pub(super) struct RetentionArguments {
    /// Time that the journal keeps a change, 1d or more. Within it a repeated upload is recognised.
    #[arg(long, value_name = "TIME|never", default_value = "30d", value_parser = journal_age)]
    journal_age: OrNever<Duration>,
    /// Changes that the journal keeps, 10000 or more; beyond them the oldest are deleted.
    #[arg(long, value_name = "N|never", default_value = "10000000", value_parser = journal_changes)]
    journal_changes: OrNever<u64>,
    /// Time that a data file stays after its last change, 1m or more, as 90d; then the hub deletes
    /// it.
    #[arg(long, value_name = "TIME|never", default_value = "never", value_parser = data_age)]
    data_age: OrNever<Duration>,
    /// Time that data files of this name stay after their last change, in place of --data-age: as
    /// temperature=90d, log/*=30d or cam-*:raw=1d, or never. Of several the first one that matches
    /// counts.
    #[arg(long, value_name = "[DEVICE:]FILE=TIME|never", value_parser = retain)]
    retain: Vec<RetainRule>,
    /// Bytes of all data files, 4096 or more, as 20G; beyond them the hub deletes whole files, the
    /// longest unchanged ones first.
    #[arg(long, value_name = "SIZE|never", default_value = "never", value_parser = data_size)]
    data_size: OrNever<u64>,
    /// Time that an audit record stays, 1h or more: who did what, and from where.
    #[arg(long, value_name = "TIME|never", default_value = "90d", value_parser = audit_age)]
    audit_age: OrNever<Duration>,
    /// Audit records that stay, 1000 or more; beyond them the oldest are deleted. Half of them are for
    /// what people without a login cause, such as wrong passwords.
    #[arg(long, value_name = "N|never", default_value = "1000000", value_parser = audit_events)]
    audit_events: OrNever<u64>,
    /// Bytes of all data files of each device of this name, as cam-*=10G; of several the first one that
    /// matches counts. A device at its quota gets the error quota_reached until it deletes something.
    #[arg(long, value_name = "DEVICE=SIZE", value_parser = quota_bytes)]
    quota: Vec<(DevicePattern, u64)>,
    /// Data files of each device of this name, as cam-*=100.
    #[arg(long, value_name = "DEVICE=N", value_parser = quota_files)]
    quota_files: Vec<(DevicePattern, u64)>,
    /// Bytes of upload-log.txt and of deletion-log.txt, 4096 or more, as 10M; then the file becomes
    /// NAME.1 and a new one begins.
    #[arg(long, value_name = "SIZE|never", default_value = "never", value_parser = log_size)]
    log_size: OrNever<u64>,
    /// Greatest age of the first line of these two, 1h or more, as 90d; then the file becomes
    /// NAME.1, which is deleted when its last line is as old.
    #[arg(long, value_name = "TIME|never", default_value = "never", value_parser = log_age)]
    log_age: OrNever<Duration>,
}

/// A bound, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OrNever<T>(Option<T>);

impl RetentionArguments {
    /// The bounds of the store.
    pub(super) fn store(&self) -> Retention {
        Retention {
            journal_age: self.journal_age.0,
            journal_changes: self.journal_changes.0,
            data_age: self.data_age.0,
            rules: self.retain.clone(),
            data_bytes: self.data_size.0,
            audit_age: self.audit_age.0,
            audit_events: self.audit_events.0,
        }
    }

    /// The quotas of devices.
    pub(super) fn quotas(&self) -> Quotas {
        Quotas {
            bytes: self.quota.clone(),
            data_files: self.quota_files.clone(),
        }
    }

    /// The bounds of the log files.
    pub(super) fn logs(&self) -> LogBounds {
        LogBounds {
            size: self.log_size.0,
            age: self.log_age.0,
        }
    }
}

/// The bound that `read` makes of it, unless it is `never`.
fn bound<T: PartialOrd>(
    text: &str,
    read: impl Fn(&str) -> Option<T>,
    least: &T,
    expected: &str,
) -> Result<OrNever<T>, String> {
    if text == "never" {
        return Ok(OrNever(None));
    }
    let value = read(text).filter(|value| value >= least);
    let expected = || format!("expected {expected}, or never");
    value.map(|value| OrNever(Some(value))).ok_or_else(expected)
}

fn journal_age(text: &str) -> Result<OrNever<Duration>, String> {
    let expected = "a time of at least 1d, such as 30d";
    bound(text, time, &Retention::MIN_JOURNAL_AGE, expected)
}

fn journal_changes(text: &str) -> Result<OrNever<u64>, String> {
    let expected = "a number of at least 10000";
    let number = |text: &str| text.parse().ok();
    bound(text, number, &Retention::MIN_JOURNAL_CHANGES, expected)
}

fn data_age(text: &str) -> Result<OrNever<Duration>, String> {
    let expected = "a time of at least 1m, such as 90d";
    bound(text, time, &Retention::MIN_DATA_AGE, expected)
}

pub(super) fn retain(text: &str) -> Result<RetainRule, String> {
    let (pattern, age) = text
        .split_once('=')
        .ok_or_else(|| "expected a name and a time, such as temperature=90d".to_owned())?;
    let pattern = pattern
        .parse()
        .map_err(|error: NamePatternError| error.to_string())?;
    let age = data_age(age)?.0;
    Ok(RetainRule { pattern, age })
}

pub(super) fn quota_bytes(text: &str) -> Result<(DevicePattern, u64), String> {
    quota(text, size, "cam-*=10G")
}

pub(super) fn quota_files(text: &str) -> Result<(DevicePattern, u64), String> {
    quota(text, |text| text.parse().ok(), "cam-*=100")
}

fn quota(
    text: &str,
    read: impl Fn(&str) -> Option<u64>,
    example: &str,
) -> Result<(DevicePattern, u64), String> {
    let expected = || format!("expected the name of a device and a number, such as {example}");
    let (pattern, most) = text.split_once('=').ok_or_else(expected)?;
    let pattern = { pattern.parse() }.map_err(|error: NamePatternError| error.to_string())?;
    Ok((pattern, read(most).ok_or_else(expected)?))
}

fn data_size(text: &str) -> Result<OrNever<u64>, String> {
    let expected = "a size of at least 4096 bytes, such as 20G";
    bound(text, size, &Retention::MIN_DATA_BYTES, expected)
}

fn audit_age(text: &str) -> Result<OrNever<Duration>, String> {
    let expected = "a time of at least 1h, such as 90d";
    bound(text, time, &Retention::MIN_AUDIT_AGE, expected)
}

fn audit_events(text: &str) -> Result<OrNever<u64>, String> {
    let expected = "a number of at least 1000";
    let number = |text: &str| text.parse().ok();
    bound(text, number, &Retention::MIN_AUDIT_EVENTS, expected)
}

fn log_size(text: &str) -> Result<OrNever<u64>, String> {
    let expected = "a size of at least 4096 bytes, such as 10M";
    bound(text, size, &LogBounds::MIN_SIZE, expected)
}

fn log_age(text: &str) -> Result<OrNever<Duration>, String> {
    let expected = "a time of at least 1h, such as 90d";
    bound(text, time, &LogBounds::MIN_AGE, expected)
}

/// The life of something, also in days.
pub(super) fn life(text: &str) -> Result<Duration, String> {
    time(text).ok_or_else(|| "expected a time such as 12h or 90d".to_owned())
}

/// A time, also in days.
fn time(text: &str) -> Option<Duration> {
    match text.strip_suffix('d') {
        Some(days) => DAY.checked_mul(days.parse().ok()?),
        None => duration::parse(text).ok(),
    }
}

/// Bytes, also in units of 1024.
fn size(text: &str) -> Option<u64> {
    let (number, shift) = match text.strip_suffix(['k', 'K', 'M', 'G']) {
        Some(number) if text.ends_with('G') => (number, 30),
        Some(number) if text.ends_with('M') => (number, 20),
        Some(number) => (number, 10),
        None => (text, 0),
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        retention: RetentionArguments,
    }

    fn parse(options: &[&str]) -> Result<RetentionArguments, String> {
        let line = [&["hub"], options].concat();
        let line = Line::try_parse_from(line).map_err(|e| e.to_string())?;
        Ok(line.retention)
    }

    #[test]
    fn the_defaults_are_those_of_the_hub() {
        let retention = parse(&[]).unwrap();
        assert_eq!(retention.store(), Retention::default());
        assert_eq!(retention.logs(), LogBounds::default());
    }

    #[test]
    fn everything_can_be_set() {
        let all = "--journal-age 2d --journal-changes 20000 --log-size 10M --log-age 36h \
                   --data-age 90m --data-size 20G --audit-age 7d --audit-events 5000 \
                   --retain temp*=2d --retain cam:log=never";
        let retention = parse(&all.split(' ').collect::<Vec<_>>()).unwrap();
        let journal = retention.store();
        assert_eq!(journal.journal_age, Some(2 * DAY));
        assert_eq!(journal.journal_changes, Some(20_000));
        assert_eq!(journal.data_age, Some(Duration::from_secs(90 * 60)));
        assert_eq!(journal.data_bytes, Some(20 << 30));
        assert_eq!(journal.audit_age, Some(7 * DAY));
        assert_eq!(journal.audit_events, Some(5000));
        let rules = journal
            .rules
            .iter()
            .map(|rule| (rule.pattern.to_string(), rule.age));
        let expected = [("temp*", Some(2 * DAY)), ("cam:log", None)];
        let expected = expected.map(|(pattern, age)| (pattern.to_owned(), age));
        assert_eq!(rules.collect::<Vec<_>>(), expected);
        assert_eq!(retention.logs().size, Some(10 << 20));
        assert_eq!(retention.logs().age, Some(DAY + DAY / 2));
        let never = parse(&["--journal-age", "never", "--journal-changes", "never"]);
        assert_eq!(never.unwrap().store().journal_age, None);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (option, value, expected) in [
            ("--journal-age", "23h", "at least 1d"),
            ("--journal-age", "30", "or never"),
            ("--journal-changes", "9999", "at least 10000"),
            ("--data-age", "59s", "at least 1m"),
            ("--quota", "cam", "such as cam-*=10G"),
            ("--quota", "cam=much", "such as cam-*=10G"),
            ("--quota", "a/b=1G", "not '/'"),
            ("--quota-files", "cam=1.5", "such as cam-*=100"),
            ("--retain", "temperature", "such as temperature=90d"),
            ("--retain", "a b=90d", "not ' '"),
            ("--retain", "=90d", "* stands for all"),
            ("--retain", "temperature=5s", "at least 1m"),
            ("--data-size", "4095", "at least 4096"),
            ("--data-size", "all", "or never"),
            ("--audit-age", "59m", "at least 1h"),
            ("--audit-events", "999", "at least 1000"),
            ("--log-size", "1k", "at least 4096"),
            ("--log-size", "99999999999G", "such as 10M"),
            ("--log-age", "1m", "at least 1h"),
            ("--log-age", "99999999999999999999d", "such as 90d"),
        ] {
            let error = parse(&[option, value]).unwrap_err();
            assert!(error.contains(expected), "{option} {value}: {error}");
        }
    }
}
