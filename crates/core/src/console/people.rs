//! The hub's lines about logins of people and tokens. A secret is never part of them.

use std::fmt;

use fleetlink_proto::access::{AccessName, Role, TokenRole};

use crate::store::admission::{PageSessions, TokenId};

/// An event of a login, a token or a one-time link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeopleEvent {
    LoginAdded {
        login: AccessName,
        role: Role,
    },
    /// The login's sessions have ended.
    PasswordChanged {
        login: AccessName,
    },
    LoginRemoved {
        login: AccessName,
    },
    /// The lock-out of a login was ended.
    Unlocked {
        /// `login/` and its name.
        name: Box<str>,
    },
    /// Somebody logged in to the page.
    LoggedIn {
        /// The login, or that it was by a one-time link.
        name: Box<str>,
        address: std::net::IpAddr,
    },
    TokenAdded {
        token: TokenId,
        name: AccessName,
        role: TokenRole,
    },
    TokenRevoked {
        token: TokenId,
    },
    /// A one-time link was made.
    LinkMade,
    /// Sessions of the page were ended.
    LoggedOut {
        sessions: PageSessions,
    },
}

impl fmt::Display for PeopleEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeopleEvent::LoginAdded { login, role } => {
                write!(f, "login {login} was added as {role}")
            }
            PeopleEvent::PasswordChanged { login } => {
                write!(f, "the password of login {login} was changed")
            }
            PeopleEvent::LoginRemoved { login } => write!(f, "login {login} was removed"),
            PeopleEvent::Unlocked { name } => write!(f, "{name} is unlocked"),
            PeopleEvent::LoggedIn { name, address } => {
                write!(f, "{name} logged in to the page from {address}")
            }
            PeopleEvent::TokenAdded { token, name, role } => {
                write!(f, "token {} ({name}) was added as {role}", token.0)
            }
            PeopleEvent::TokenRevoked { token } => write!(f, "token {} was revoked", token.0),
            PeopleEvent::LinkMade => f.write_str("a one-time link to the page was made"),
            PeopleEvent::LoggedOut { sessions } => match sessions {
                PageSessions::OfLogin(login) => {
                    write!(f, "the sessions of login {login} were ended")
                }
                PageSessions::OfLinks => {
                    f.write_str("one-time links and the sessions that they opened were ended")
                }
                PageSessions::All => {
                    f.write_str("all sessions of the page and one-time links were ended")
                }
            },
        }
    }
}
