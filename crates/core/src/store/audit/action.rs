//! The actions of audit events: a closed set of words in one place.

use crate::store::audit::words::words;

words! {
    /// An action of an audit event.
    AuditAction {
        AccountAdded = "account.added",
        AccountPasswordChanged = "account.password_changed",
        /// A credentials file no longer lists the device.
        AccountLoginRemoved = "account.login_removed",
        AccountRemoved = "account.removed",
        KeyEnrolled = "key.enrolled",
        KeyReplaced = "key.replaced",
        KeyRevoked = "key.revoked",
        TicketIssued = "ticket.issued",
        TicketUsed = "ticket.used",
        TicketRevoked = "ticket.revoked",
        /// A device logged in.
        Login = "login.done",
        LoginFailed = "login.failed",
        /// A name is locked out.
        LockedOut = "locked_out",
        /// A name's lock-out and failures are forgotten.
        Unlocked = "unlocked",
        /// Passwords from a client network are refused for a while.
        Penalised = "penalised",
        Joined = "joined",
        Left = "left",
        /// Somebody ended sessions of a device.
        SessionEnded = "session.ended",
        DataUploaded = "data.uploaded",
        DataDeleted = "data.deleted",
        TokenMade = "token.made",
        TokenRevoked = "token.revoked",
        /// A login of a person was added.
        PersonAdded = "person.added",
        PersonPasswordChanged = "person.password_changed",
        PersonRemoved = "person.removed",
        PageLogin = "page.login",
        PageLoginFailed = "page.login_failed",
        PageLogout = "page.logout",
        LinkMade = "link.made",
        LinkUsed = "link.used",
        /// A rule about data was set: a quota, or how long data files stay.
        RuleSet = "rule.set",
        RuleRemoved = "rule.removed",
        /// The authorisation table did not permit a request.
        Forbidden = "forbidden",
        HubStarted = "hub.started",
        HubEnded = "hub.ended",
        HubKeyRotated = "hub.key_rotated",
        /// Events were too many to be written one by one.
        LeftOut = "audit.left_out",
    }
}

impl AuditAction {
    /// The actions of this word, or whose words begin with this one and a dot: of `key`, all that
    /// happens to keys.
    pub fn beginning_with(word: &str) -> Vec<AuditAction> {
        let word = word.strip_suffix('.').unwrap_or(word);
        let fits = |action: &&AuditAction| {
            let rest = action.as_str().strip_prefix(word);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        AuditAction::ALL.iter().filter(fits).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_action_has_a_word_of_its_own_and_is_found_by_it() {
        let words: BTreeSet<_> = AuditAction::ALL.iter().map(|a| a.as_str()).collect();
        assert_eq!(words.len(), AuditAction::ALL.len());
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::of_word(action.as_str()), Some(*action));
            let plain = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
            assert!(action.as_str().chars().all(plain), "{action}");
        }
        assert_eq!(AuditAction::of_word("key"), None);
    }

    #[test]
    fn the_beginning_of_a_word_is_all_its_actions() {
        use AuditAction as A;
        let of_keys = vec![A::KeyEnrolled, A::KeyReplaced, A::KeyRevoked];
        for beginning in ["key", "key."] {
            assert_eq!(AuditAction::beginning_with(beginning), of_keys);
        }
        assert_eq!(AuditAction::beginning_with("joined"), [A::Joined]);
        for none in ["ke", "keys", "", ".", "key..", "login.failed.x"] {
            assert_eq!(AuditAction::beginning_with(none), [], "{none}");
        }
    }
}
