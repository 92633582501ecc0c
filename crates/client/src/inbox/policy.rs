//! The receive policy.

use std::fmt;
use std::str::FromStr;

use fleetlink_proto::transfer::{Ended, Reason};
use fleetlink_proto::{DeviceName, DeviceNameError};

/// The rules of a receiver: it takes nothing that no rule allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceivePolicy {
    /// The senders whose files are taken. Empty: nobody's.
    pub from: Vec<SenderRule>,
    /// The most bytes of one file; without it, as many as the disk has room for.
    pub max_size: Option<u64>,
    /// The most bytes of all regular files in the inbox, what is under way included.
    pub max_total: Option<u64>,
}

/// A rule for senders: `NAME`, `PREFIX*`, or `*` for every device of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderRule {
    /// The device of this name.
    Name(DeviceName),
    /// Every device whose name begins so.
    Prefix(String),
}

/// The text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rule is a device's name, the beginning of one and a '*', or '*' alone: {0}")]
pub struct SenderRuleError(DeviceNameError);

impl ReceivePolicy {
    /// Takes everything from every device of the hub.
    pub fn from_everybody() -> Self {
        ReceivePolicy {
            from: vec![SenderRule::Prefix(String::new())],
            ..ReceivePolicy::default()
        }
    }

    /// Whether a file of this sender and size is taken, as far as that alone decides.
    pub(super) fn check(&self, sender: &DeviceName, size: u64) -> Result<(), Ended> {
        if !self.from.iter().any(|rule| rule.allows(sender)) {
            let message = format!("this device takes no files from {sender}");
            return Err(Ended::new(Reason::NotAllowed, message));
        }
        match self.max_size {
            Some(most) if size > most => {
                let message = format!("this device takes files of at most {most} bytes");
                Err(Ended::new(Reason::TooLarge, message))
            }
            _ => Ok(()),
        }
    }
}

impl SenderRule {
    fn allows(&self, sender: &DeviceName) -> bool {
        match self {
            SenderRule::Name(name) => name == sender,
            SenderRule::Prefix(prefix) => sender.as_str().starts_with(prefix),
        }
    }
}

impl FromStr for SenderRule {
    type Err = SenderRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_suffix('*') {
            Some("") => Ok(SenderRule::Prefix(String::new())),
            // What begins a name is itself a name: nothing else could ever match.
            Some(prefix) => {
                prefix.parse::<DeviceName>().map_err(SenderRuleError)?;
                Ok(SenderRule::Prefix(prefix.to_owned()))
            }
            None => text.parse().map(SenderRule::Name).map_err(SenderRuleError),
        }
    }
}

impl fmt::Display for SenderRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SenderRule::Name(name) => write!(f, "{name}"),
            SenderRule::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(policy: &ReceivePolicy, sender: &str, size: u64) -> Option<Reason> {
        let refused = policy.check(&sender.parse().unwrap(), size).err();
        refused.map(|ended| ended.reason)
    }

    #[test]
    fn takes_what_a_rule_allows_and_nothing_else() {
        let mut policy = ReceivePolicy {
            from: vec!["uav".parse().unwrap(), "camera-*".parse().unwrap()],
            max_size: Some(10),
            max_total: None,
        };
        for sender in ["uav", "camera-1", "camera-"] {
            assert_eq!(reason(&policy, sender, 10), None, "{sender}");
            assert_eq!(reason(&policy, sender, 11), Some(Reason::TooLarge));
        }
        for sender in ["UAV", "uav-2", "camera", "xcamera-1"] {
            assert_eq!(
                reason(&policy, sender, 1),
                Some(Reason::NotAllowed),
                "{sender}"
            );
        }
        policy.from.clear();
        assert_eq!(reason(&policy, "uav", 1), Some(Reason::NotAllowed));
        assert_eq!(
            reason(&ReceivePolicy::from_everybody(), "uav", u64::MAX),
            None
        );
    }

    #[test]
    fn a_rule_that_could_never_match_is_no_rule() {
        for text in ["", "a b", "a*b", "**", ".x*", "é"] {
            assert!(text.parse::<SenderRule>().is_err(), "{text}");
        }
        for text in ["uav", "camera-*", "*"] {
            assert_eq!(text.parse::<SenderRule>().unwrap().to_string(), text);
        }
    }
}
