//! Rules about data as the store keeps them, and those of the hub's options in the same form.

use std::time::Duration;

use fleetlink_core::{Rule, RuleKind, RuleName};

use super::{DevicePattern, NamePattern, Quotas, Retention};

/// Checks that a rule can be kept.
///
/// # Errors
/// A sentence for whoever set it.
pub fn check_rule(rule: &Rule) -> Result<(), String> {
    let pattern = &rule.name.pattern;
    let read = match rule.name.kind {
        RuleKind::Quota | RuleKind::QuotaFiles => pattern.parse::<DevicePattern>().map(|_| ()),
        RuleKind::Retain => pattern.parse::<NamePattern>().map(|_| ()),
    };
    read.map_err(|error| error.to_string())?;
    let is_retain = rule.name.kind == RuleKind::Retain;
    let least = Retention::MIN_DATA_AGE.as_secs();
    if is_retain && rule.value.is_some_and(|seconds| seconds < least) {
        return Err(format!("data files stay for at least {least} seconds"));
    }
    Ok(())
}

/// The rules of the hub's options, in the order in which they count.
pub(crate) fn of_options(quotas: &Quotas, retention: &Retention) -> Vec<Rule> {
    let of = |kind, pattern: String, value| Rule {
        name: RuleName {
            kind,
            pattern: pattern.into(),
        },
        value,
    };
    let quota = |kind| {
        move |(pattern, most): &(DevicePattern, u64)| of(kind, pattern.to_string(), Some(*most))
    };
    let bytes = quotas.bytes.iter().map(quota(RuleKind::Quota));
    let files = quotas.data_files.iter().map(quota(RuleKind::QuotaFiles));
    let retain = retention.rules.iter().map(|rule| {
        let seconds = rule.age.as_ref().map(Duration::as_secs);
        of(RuleKind::Retain, rule.pattern.to_string(), seconds)
    });
    bytes.chain(files).chain(retain).collect()
}
