//! Rules about data: quotas of devices, and how long data files stay.

use std::time::Duration;

use fleetlink_core::{MAX_RULES, Rule, RuleKind, RuleName};
use fleetlink_hub::store::{RetainRule, Retention};

use super::*;

fn called(kind: RuleKind, pattern: &str) -> RuleName {
    RuleName {
        kind,
        pattern: pattern.into(),
    }
}

fn rule(kind: RuleKind, pattern: &str, value: Option<u64>) -> Rule {
    Rule {
        name: called(kind, pattern),
        value,
    }
}

async fn set(store: &dyn Store, rule: Rule) -> Result<StoreReply, StoreError> {
    let set = Change::SetRule(rule);
    store.execute(StoreCall::Change(set)).await
}

async fn remove(
    store: &dyn Store,
    kind: RuleKind,
    pattern: &str,
) -> Result<StoreReply, StoreError> {
    let remove = Change::RemoveRule(called(kind, pattern));
    store.execute(StoreCall::Change(remove)).await
}

async fn all(store: &dyn Store) -> Vec<Rule> {
    match ask(store, Query::Rules).await {
        Ok(StoreReply::Rules(rules)) => rules,
        other => panic!("no rules: {other:?}"),
    }
}

pub(crate) async fn are_kept_in_the_order_in_which_they_count(subject: &dyn Subject) {
    use RuleKind::{Quota, QuotaFiles, Retain};
    let store = subject.open();
    for rule in [
        rule(Retain, "log/*", Some(3600)),
        rule(Quota, "*", Some(7)),
        rule(Quota, "cam-*", Some(1)),
        rule(Quota, "cam-1", Some(2)),
        rule(Quota, "cam-1*", Some(3)),
        rule(QuotaFiles, "cam-1", Some(0)),
        rule(Quota, "cam-*", None),
    ] {
        assert_eq!(set(&*store, rule).await, Ok(StoreReply::Done));
    }
    drop(store);
    let store = subject.open();
    let expected = [
        rule(Quota, "cam-1", Some(2)),
        rule(Quota, "cam-1*", Some(3)),
        rule(Quota, "cam-*", None),
        rule(Quota, "*", Some(7)),
        rule(QuotaFiles, "cam-1", Some(0)),
        rule(Retain, "log/*", Some(3600)),
    ];
    assert_eq!(all(&*store).await, expected);
    assert_eq!(remove(&*store, Quota, "cam-1").await, Ok(StoreReply::Done));
    for (kind, pattern) in [(Quota, "cam-1"), (Retain, "cam-*")] {
        let again = remove(&*store, kind, pattern).await;
        assert_eq!(again, Err(StoreError::NotFound));
    }
    assert_eq!(all(&*store).await, expected[1..]);
}

pub(crate) async fn are_refused_where_they_are_none(subject: &dyn Subject) {
    let store = subject.open();
    for (kind, pattern, value) in [
        (RuleKind::Quota, "", Some(1)),
        (RuleKind::Quota, "cam 1", Some(1)),
        (RuleKind::Quota, "cam:temperature", Some(1)),
        (RuleKind::QuotaFiles, "log/*", Some(1)),
        (RuleKind::Quota, "cam", Some(u64::MAX)),
        (RuleKind::Retain, "a:b:c", Some(3600)),
        (RuleKind::Retain, "<b>", Some(3600)),
        (RuleKind::Retain, "log/*", Some(59)),
    ] {
        let refused = set(&*store, rule(kind, pattern, value)).await;
        let is_conflict = matches!(refused, Err(StoreError::Conflict(_)));
        assert!(is_conflict, "{kind} {pattern}: {refused:?}");
    }
    assert_eq!(all(&*store).await, []);
}

pub(crate) async fn are_bounded(subject: &dyn Subject) {
    let store = subject.open();
    let numbered = |number: usize| rule(RuleKind::Quota, &format!("cam-{number}"), Some(1));
    for number in 0..MAX_RULES {
        set(&*store, numbered(number)).await.unwrap();
    }
    let refused = set(&*store, numbered(MAX_RULES)).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict(_))),
        "{refused:?}"
    );
    // One that is there can be set anew.
    set(&*store, numbered(0)).await.unwrap();
    assert_eq!(all(&*store).await.len(), MAX_RULES);
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Quota(_))), "{result:?}");
}

pub(crate) async fn hold_devices_to_quotas_at_once(subject: &dyn Subject) {
    let store = subject.open();
    for device in ["cam", "uav"] {
        add(&*store, device).await.unwrap();
    }
    let ten = b"1\n2\n3\n4\n5\n";
    upload(&*store, To("cam", 1, 1), Replace, ten)
        .await
        .unwrap();
    // An upload that began before the rule ends by it.
    let staged = stage(&*store, "cam", 2, ten).await.unwrap();
    let quota = |pattern, value| rule(RuleKind::Quota, pattern, value);
    set(&*store, quota("c*", Some(15))).await.unwrap();
    is_refused(&commit(&*store, To("cam", 2, 2), Append, staged).await);
    is_refused(&upload(&*store, To("cam", 2, 3), Replace, ten).await);
    upload(&*store, To("uav", 1, 4), Replace, ten)
        .await
        .unwrap();
    // The closer one counts.
    set(&*store, quota("cam", None)).await.unwrap();
    upload(&*store, To("cam", 2, 5), Replace, ten)
        .await
        .unwrap();
    remove(&*store, RuleKind::Quota, "cam").await.unwrap();
    is_refused(&upload(&*store, To("cam", 3, 6), Replace, ten).await);
    remove(&*store, RuleKind::Quota, "c*").await.unwrap();
    let files = rule(RuleKind::QuotaFiles, "*", Some(2));
    set(&*store, files).await.unwrap();
    is_refused(&upload(&*store, To("cam", 3, 7), Replace, ten).await);
    upload(&*store, To("cam", 2, 8), Replace, ten)
        .await
        .unwrap();
}

pub(crate) async fn tell_how_long_data_files_stay(subject: &dyn Subject) {
    let store = subject.open();
    add(&*store, "cam").await.unwrap();
    for id in [1, 2] {
        let to = To("cam", id, u128::from(id));
        upload(&*store, to, Replace, b"1\n").await.unwrap();
    }
    let surplus = async |options: &[(&str, u64)]| {
        let rules = options.iter().map(|(pattern, seconds)| RetainRule {
            pattern: pattern.parse().unwrap(),
            age: Some(Duration::from_secs(*seconds)),
        });
        let keep = Retention {
            rules: rules.collect(),
            ..Retention::default()
        };
        let later = AT.later(Duration::from_secs(7200));
        let found = store.surplus(later, keep, 10).await.unwrap();
        let found = found.into_iter().map(|file| file.file.to_string());
        found.collect::<Vec<_>>()
    };
    assert_eq!(surplus(&[]).await, [""; 0]);
    assert_eq!(surplus(&[("1", 3600)]).await, ["1"]);
    let retain = |pattern, value| rule(RuleKind::Retain, pattern, value);
    set(&*store, retain("cam:2", Some(3600))).await.unwrap();
    assert_eq!(surplus(&[]).await, ["2"]);
    assert_eq!(surplus(&[("1", 3600)]).await, ["1", "2"]);
    // Rules that are set go before those of the options.
    set(&*store, retain("*", None)).await.unwrap();
    assert_eq!(surplus(&[("1", 3600)]).await, ["2"]);
    remove(&*store, RuleKind::Retain, "cam:2").await.unwrap();
    assert_eq!(surplus(&[("1", 3600), ("2", 3600)]).await, [""; 0]);
}
