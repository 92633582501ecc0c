//! Rules about data as people see them: those that are set, and those of the hub's options.

use fleetlink_core::{AdminReply, AdminRequest, PeopleOrder, Rule, RuleKind, RuleName};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::store::{Quotas, Retention, check_rule, of_options};

/// A rule about data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(title = "Rule")]
pub struct RuleDocument {
    /// `quota` (bytes of a device), `quota-files` (data files of a device) or `retain` (seconds that a data file
    /// stays after its last change).
    pub kind: String,
    /// The devices, or for `retain` the data files, for which it is: `*` stands for any characters.
    pub pattern: String,
    /// Bytes, data files, or seconds, by its kind; null where there is no bound.
    pub value: Option<u64>,
    /// `set`, or `option` for one of the hub's options.
    pub origin: String,
}

/// The rules of a running hub's options.
#[derive(Clone)]
pub(crate) struct OptionRules {
    pub(crate) quotas: Quotas,
    /// As it is now: a hub reads its settings anew.
    pub(crate) retention: watch::Receiver<Retention>,
}

impl OptionRules {
    pub(crate) fn all(&self) -> Vec<Rule> {
        of_options(&self.quotas, &self.retention.borrow())
    }
}

/// The rule that somebody asks for.
///
/// # Errors
/// A sentence for who asked: it is no rule.
pub(crate) fn set_rule(
    kind: &str,
    pattern: &str,
    value: Option<u64>,
) -> Result<AdminRequest, String> {
    let rule = Rule {
        name: name(kind, pattern)?,
        value,
    };
    check_rule(&rule)?;
    Ok(AdminRequest::People(PeopleOrder::SetRule(rule)))
}

/// The rule that somebody no longer wants.
///
/// # Errors
/// A sentence for who asked: there is no such kind.
pub(crate) fn remove_rule(kind: &str, pattern: &str) -> Result<AdminRequest, String> {
    let name = name(kind, pattern)?;
    Ok(AdminRequest::People(PeopleOrder::RemoveRule(name)))
}

fn name(kind: &str, pattern: &str) -> Result<RuleName, String> {
    let kind = kind
        .parse::<RuleKind>()
        .map_err(|error| error.to_string())?;
    Ok(RuleName {
        kind,
        pattern: pattern.into(),
    })
}

/// The rules in the order in which they count, of each kind those that are set before those of the options.
pub(crate) fn documents(reply: AdminReply, options: Vec<Rule>) -> Option<Vec<RuleDocument>> {
    let AdminReply::Rules(set) = reply else {
        return None;
    };
    let set = set.into_iter().map(|rule| (rule, "set"));
    let options = options.into_iter().map(|rule| (rule, "option"));
    let mut all: Vec<_> = set.chain(options).collect();
    all.sort_by_key(|(rule, _)| rule.name.kind);
    let document = |(rule, origin): (Rule, &str)| RuleDocument {
        kind: rule.name.kind.as_str().to_owned(),
        pattern: rule.name.pattern.into(),
        value: rule.value,
        origin: origin.to_owned(),
    };
    Some(all.into_iter().map(document).collect())
}
