//! Changes of logins, tokens, links and sessions of the page, and of rules about data, and the store's part of them.

use std::time::Duration;

use fleetlink_proto::WallTime;
use fleetlink_proto::access::limits::LINK_LIFE;
use fleetlink_proto::access::{AccessHash, AccessName, Role, TokenRole};

use crate::store::admission::{PageSessions, Token, TokenId, WebLogin};
use crate::store::calls::{Change, PasswordHash, StoreCall};
use crate::store::rule::{Rule, RuleName};

/// A change that somebody orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeopleOrder {
    /// Adds a login of a person.
    AddLogin {
        name: AccessName,
        role: Role,
        /// The hash of its password.
        password_hash: PasswordHash,
    },
    /// Changes a login's password and ends its sessions.
    SetPassword {
        name: AccessName,
        password_hash: PasswordHash,
    },
    /// Removes a login and ends its sessions.
    RemoveLogin { name: AccessName },
    /// Adds a token.
    AddToken {
        /// The hash of its secret.
        hash: AccessHash,
        name: AccessName,
        role: TokenRole,
        /// For how long; without an end where it is not given.
        life: Option<Duration>,
    },
    /// Revokes a token.
    RevokeToken { token: TokenId },
    /// Makes a one-time link.
    AddLink {
        /// The hash of its secret.
        link: AccessHash,
    },
    /// Ends sessions of the page.
    EndSessions(PageSessions),
    /// Sets a rule about data, in place of one of the same name.
    SetRule(Rule),
    /// Removes a rule about data.
    RemoveRule(RuleName),
}

/// A change on its way. The store decides about races, so no change waits for another.
#[derive(Debug, Clone)]
pub(crate) enum PeopleCommand {
    Ordered(PeopleOrder),
    UseLink {
        link: AccessHash,
        session: AccessHash,
    },
    /// By a password that has been checked against this hash.
    OpenSession {
        login: AccessName,
        password_hash: PasswordHash,
        session: AccessHash,
    },
    EndSession {
        session: AccessHash,
    },
    NoteUses(Vec<(AccessHash, WallTime)>),
}

impl PeopleCommand {
    pub(crate) fn store_call(&self, at: WallTime) -> StoreCall {
        StoreCall::Change(match self.clone() {
            PeopleCommand::Ordered(order) => order.change(at),
            PeopleCommand::UseLink { link, session } => Change::UseLink { link, session, at },
            PeopleCommand::OpenSession {
                login,
                password_hash,
                session,
            } => Change::OpenPageSession {
                login,
                password_hash,
                session,
                at,
            },
            PeopleCommand::EndSession { session } => Change::EndPageSession { session },
            PeopleCommand::NoteUses(uses) => Change::NoteUses(uses),
        })
    }
}

impl PeopleOrder {
    fn change(self, at: WallTime) -> Change {
        match self {
            PeopleOrder::AddLogin {
                name,
                role,
                password_hash,
            } => Change::AddWebLogin(WebLogin {
                name,
                role,
                password_hash,
                created: at,
            }),
            PeopleOrder::SetPassword {
                name,
                password_hash,
            } => Change::SetWebPassword {
                name,
                password_hash,
            },
            PeopleOrder::RemoveLogin { name } => Change::RemoveWebLogin { name },
            PeopleOrder::AddToken {
                hash,
                name,
                role,
                life,
            } => Change::AddToken {
                hash,
                token: Token {
                    id: TokenId::default(),
                    name,
                    role,
                    created: at,
                    expires: life.map(|life| at.later(life)),
                    used: None,
                },
            },
            PeopleOrder::RevokeToken { token } => Change::RevokeToken { token },
            PeopleOrder::AddLink { link } => Change::AddLink {
                link,
                at,
                expires: at.later(LINK_LIFE),
            },
            PeopleOrder::EndSessions(sessions) => Change::EndPageSessions(sessions),
            PeopleOrder::SetRule(rule) => Change::SetRule(rule),
            PeopleOrder::RemoveRule(name) => Change::RemoveRule(name),
        }
    }
}
