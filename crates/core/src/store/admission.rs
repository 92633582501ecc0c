//! Logins of people, and the tokens and sessions by which a store's hub admits: plain data.

use fleetlink_proto::access::limits::{LINK_SESSION_LIFE, LOGIN_SESSION_LIFE, PAGE_SESSION_IDLE};
use fleetlink_proto::access::{AccessName, Role, TokenRole};
use fleetlink_proto::{DeviceName, WallTime};

use crate::store::password_hash::PasswordHash;

/// A person who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebLogin {
    /// Its name; no other login's differs only by case.
    pub name: AccessName,
    pub role: Role,
    /// The hash that its password is checked against.
    pub password_hash: PasswordHash,
    pub created: WallTime,
}

/// Names a token to people; counted from 1, never used again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub u64);

/// A bearer token, without its secret and the hash of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: TokenId,
    pub name: AccessName,
    pub role: TokenRole,
    pub created: WallTime,
    /// From when on it is of no use; never where it is not given.
    pub expires: Option<WallTime>,
    /// About when it was used last.
    pub used: Option<WallTime>,
}

/// A session of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSession {
    /// The login that opened it; a one-time link where it is not given.
    pub login: Option<AccessName>,
    pub role: Role,
    pub opened: WallTime,
    /// About when it was used last.
    pub used: WallTime,
}

/// The caller as whom a secret admits its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    Token(Token),
    Session(PageSession),
}

/// Sessions of the page that end together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageSessions {
    OfLogin(AccessName),
    /// Those that one-time links opened.
    OfLinks,
    All,
}

impl PageSession {
    /// The time at which it ends unless it is used again. However it is used, it has an end.
    pub fn expires(&self) -> WallTime {
        let life = match self.login {
            Some(_) => LOGIN_SESSION_LIFE,
            None => LINK_SESSION_LIFE,
        };
        self.used
            .later(PAGE_SESSION_IDLE)
            .min(self.opened.later(life))
    }
}

impl PageSessions {
    /// Whether this session is one of them.
    pub fn contains(&self, session: &PageSession) -> bool {
        match self {
            PageSessions::OfLogin(name) => session.login.as_ref() == Some(name),
            PageSessions::OfLinks => session.login.is_none(),
            PageSessions::All => true,
        }
    }
}

impl Admission {
    /// From when on it admits nobody, unless it is used before.
    pub fn expires(&self) -> Option<WallTime> {
        match self {
            Admission::Token(token) => token.expires,
            Admission::Session(session) => Some(session.expires()),
        }
    }

    /// Whether it admits at this time.
    pub fn is_valid(&self, now: WallTime) -> bool {
        let ends = self.expires().map(WallTime::unix_millis);
        ends.is_none_or(|ends| ends > now.unix_millis())
    }

    /// Its name for people.
    pub fn name(&self) -> &str {
        match self {
            Admission::Token(token) => token.name.as_str(),
            Admission::Session(session) => match &session.login {
                Some(login) => login.as_str(),
                None => "one-time link",
            },
        }
    }

    /// The device as which it admits.
    pub fn device(&self) -> Option<&DeviceName> {
        match self {
            Admission::Token(Token {
                role: TokenRole::Device(name),
                ..
            }) => Some(name),
            _ => None,
        }
    }
}
