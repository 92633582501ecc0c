//! Rules that administrators set while the hub runs: quotas of devices, and how long data files stay.

use std::fmt;
use std::str::FromStr;

/// The most rules that a store keeps. Each upload looks through those about quotas.
pub const MAX_RULES: usize = 200;

/// A rule for the devices or the data files of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub name: RuleName,
    /// Bytes, data files, or seconds, by its kind. There is no bound where it is not given.
    pub value: Option<u64>,
}

/// The kind and the pattern of a rule: there is one rule of each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleName {
    pub kind: RuleKind,
    /// Names with `*` in place of any characters. The store refuses what is no pattern.
    pub pattern: Box<str>,
}

/// A kind of rules, by the name of the hub's option for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleKind {
    /// Bytes of all data files of a device.
    Quota,
    /// Data files of a device.
    QuotaFiles,
    /// Seconds that a data file stays after its last change.
    Retain,
}

/// A word that names no kind of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rule is of the kind quota, quota-files or retain")]
pub struct RuleKindError;

impl RuleKind {
    /// All kinds.
    pub const ALL: [RuleKind; 3] = [RuleKind::Quota, RuleKind::QuotaFiles, RuleKind::Retain];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            RuleKind::Quota => "quota",
            RuleKind::QuotaFiles => "quota-files",
            RuleKind::Retain => "retain",
        }
    }
}

impl FromStr for RuleKind {
    type Err = RuleKindError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = RuleKind::ALL.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or(RuleKindError)
    }
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.pattern)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.value, self.name.kind) {
            (None, _) => f.write_str("no bound"),
            (Some(bytes), RuleKind::Quota) => write!(f, "{bytes} bytes"),
            (Some(files), RuleKind::QuotaFiles) => write!(f, "{files} data files"),
            (Some(seconds), RuleKind::Retain) => write!(f, "{seconds} seconds"),
        }
    }
}
