//! Logins of people, tokens, one-time links, and rules about data: secrets are drawn here, and the core and the store get
//! their hashes alone.

use std::time::Duration;

use fleetlink_core::{
    AdminReply, AdminRequest, PageSessions, PeopleOrder, Token, TokenId, WebLogin,
};
use fleetlink_proto::access::limits::LINK_LIFE;
use fleetlink_proto::access::{AccessName, AccessSecret, Role, SecretKind, TokenRole};
use fleetlink_proto::{Password, WallTime};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Desk;
use super::message::OperatorReply;
use crate::driver::wall_time;
use crate::passwords::Passwords;
use crate::rules::{self, RuleDocument};

/// A call about logins of people, tokens and one-time links.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeopleCall {
    /// Adds a login.
    AddLogin {
        name: AccessName,
        role: Role,
        password: Password,
    },
    /// Changes a login's password and ends its sessions.
    SetPassword {
        name: AccessName,
        /// The new password.
        password: Password,
    },
    /// Removes a login and ends its sessions.
    RemoveLogin { name: AccessName },
    /// Ends the sessions of a login.
    EndSessionsOf { login: AccessName },
    /// Ends the sessions that one-time links opened, and takes back the links that were not used.
    EndSessionsOfLinks,
    /// Ends all sessions of the page, and takes back the links that were not used.
    EndAllSessions,
    /// Lists a page of logins.
    ListLogins {
        /// Only larger names.
        after: Option<AccessName>,
    },
    /// Adds a token.
    AddToken(TokenOrder),
    /// Revokes a token.
    RevokeToken { token: u64 },
    /// Lists a page of tokens.
    ListTokens {
        /// Only larger numbers.
        after: Option<u64>,
    },
    /// Makes a one-time link.
    MakeLink,
    /// Sets a rule about data.
    SetRule {
        kind: String,
        pattern: String,
        /// Bytes, data files, or seconds, by its kind; no bound where it is not given.
        value: Option<u64>,
    },
    /// Removes a rule about data.
    RemoveRule { kind: String, pattern: String },
    /// Lists the rules about data.
    ListRules,
}

/// The settings of a new token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenOrder {
    pub name: AccessName,
    pub role: TokenRole,
    /// For how many milliseconds; without an end where it is not given.
    pub life_ms: Option<u64>,
}

/// The reply to a call about logins of people, tokens and one-time links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeopleReply {
    /// It is done.
    Done,
    /// A page of logins, by name; the last page is empty.
    Logins(Vec<LoginInfo>),
    /// The token that was added: the one time that its text is told.
    Token { token: String, info: TokenInfo },
    /// A page of tokens, by number; the last page is empty.
    Tokens(Vec<TokenInfo>),
    /// A one-time link, which ends at this time.
    Link {
        /// The text of its secret.
        link: String,
        expires: WallTime,
        /// The address of the page, if the hub runs and serves it.
        page: Option<String>,
    },
    /// The rules about data, in the order in which they count.
    Rules(Vec<RuleDocument>),
}

/// A login as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginInfo {
    pub name: AccessName,
    pub role: Role,
    pub created: WallTime,
}

/// A token as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Its number.
    pub id: u64,
    pub name: AccessName,
    pub role: TokenRole,
    pub created: WallTime,
    /// From when on it is of no use; never where it is not given.
    pub expires: Option<WallTime>,
    /// The time of its last use, to a minute.
    pub last_used: Option<WallTime>,
}

/// A new secret and what is asked of the core for it.
pub(crate) struct Drawn {
    pub(crate) secret: AccessSecret,
    pub(crate) request: AdminRequest,
}

impl Desk {
    pub(crate) async fn people(&self, call: PeopleCall) -> Result<PeopleReply, String> {
        let request = match call {
            PeopleCall::AddLogin {
                name,
                role,
                password,
            } => add_login(name, role, password, &self.passwords).await?,
            PeopleCall::SetPassword { name, password } => {
                set_password(name, password, &self.passwords).await?
            }
            PeopleCall::RemoveLogin { name } => {
                AdminRequest::People(PeopleOrder::RemoveLogin { name })
            }
            PeopleCall::EndSessionsOf { login } => end_sessions(PageSessions::OfLogin(login)),
            PeopleCall::EndSessionsOfLinks => end_sessions(PageSessions::OfLinks),
            PeopleCall::EndAllSessions => end_sessions(PageSessions::All),
            PeopleCall::ListLogins { after } => AdminRequest::ListLogins { after },
            PeopleCall::AddToken(order) => {
                let Drawn { secret, request } = draw_token(order)?;
                return match self.driver.admin(request).await? {
                    AdminReply::Token(token) => Ok(PeopleReply::Token {
                        token: secret.to_text().to_string(),
                        info: token.into(),
                    }),
                    _ => Err(super::ODD_REPLY.to_owned()),
                };
            }
            PeopleCall::RevokeToken { token } => {
                let token = TokenId(token);
                AdminRequest::People(PeopleOrder::RevokeToken { token })
            }
            PeopleCall::ListTokens { after } => AdminRequest::ListTokens {
                after: after.map(TokenId),
            },
            PeopleCall::SetRule {
                kind,
                pattern,
                value,
            } => rules::set_rule(&kind, &pattern, value)?,
            PeopleCall::RemoveRule { kind, pattern } => rules::remove_rule(&kind, &pattern)?,
            PeopleCall::ListRules => AdminRequest::ListRules,
            PeopleCall::MakeLink => {
                let Drawn { secret, request } = draw_link()?;
                self.driver.admin(request).await?;
                return Ok(PeopleReply::Link {
                    link: secret.to_text().to_string(),
                    expires: wall_time().later(LINK_LIFE),
                    page: self.hub_state.page(),
                });
            }
        };
        match self.driver.admin(request).await? {
            AdminReply::Logins(logins) => {
                let logins = logins.into_iter().map(LoginInfo::from);
                Ok(PeopleReply::Logins(logins.collect()))
            }
            AdminReply::Tokens(tokens) => {
                let tokens = tokens.into_iter().map(TokenInfo::from);
                Ok(PeopleReply::Tokens(tokens.collect()))
            }
            reply @ AdminReply::Rules(_) => {
                let rules = rules::documents(reply, self.hub_state.option_rules());
                let rules = rules.ok_or_else(|| super::ODD_REPLY.to_owned())?;
                Ok(PeopleReply::Rules(rules))
            }
            _ => Ok(PeopleReply::Done),
        }
    }
}

fn end_sessions(sessions: PageSessions) -> AdminRequest {
    AdminRequest::People(PeopleOrder::EndSessions(sessions))
}

/// The request for a new login.
async fn add_login(
    name: AccessName,
    role: Role,
    password: Password,
    passwords: &Passwords,
) -> Result<AdminRequest, String> {
    password.check_for_account().map_err(|e| e.to_string())?;
    let password_hash = passwords.hash(password).await;
    Ok(AdminRequest::People(PeopleOrder::AddLogin {
        name,
        role,
        password_hash,
    }))
}

/// The request for another password of a login.
async fn set_password(
    name: AccessName,
    password: Password,
    passwords: &Passwords,
) -> Result<AdminRequest, String> {
    password.check_for_account().map_err(|e| e.to_string())?;
    let password_hash = passwords.hash(password).await;
    Ok(AdminRequest::People(PeopleOrder::SetPassword {
        name,
        password_hash,
    }))
}

/// Draws the secret of a new token.
pub(crate) fn draw_token(order: TokenOrder) -> Result<Drawn, String> {
    let secret = draw(SecretKind::Token)?;
    let TokenOrder {
        name,
        role,
        life_ms,
    } = order;
    let request = AdminRequest::People(PeopleOrder::AddToken {
        hash: secret.hash(),
        name,
        role,
        life: life_ms.map(Duration::from_millis),
    });
    Ok(Drawn { secret, request })
}

/// Draws the secret of a one-time link.
fn draw_link() -> Result<Drawn, String> {
    let secret = draw(SecretKind::Link)?;
    let link = secret.hash();
    let request = AdminRequest::People(PeopleOrder::AddLink { link });
    Ok(Drawn { secret, request })
}

/// Draws a secret.
pub(crate) fn draw(kind: SecretKind) -> Result<AccessSecret, String> {
    let mut bits = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bits).map_err(|error| error.to_string())?;
    Ok(AccessSecret::new(kind, *bits))
}

impl From<PeopleReply> for OperatorReply {
    fn from(reply: PeopleReply) -> Self {
        OperatorReply::People(Box::new(reply))
    }
}

impl From<WebLogin> for LoginInfo {
    fn from(login: WebLogin) -> Self {
        LoginInfo {
            name: login.name,
            role: login.role,
            created: login.created,
        }
    }
}

impl From<Token> for TokenInfo {
    fn from(token: Token) -> Self {
        TokenInfo {
            id: token.id.0,
            name: token.name,
            role: token.role,
            created: token.created,
            expires: token.expires,
            last_used: token.used,
        }
    }
}
