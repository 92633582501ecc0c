//! The role of a person or a token.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::DeviceName;

/// The role of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May look at everything and change nothing.
    Viewer,
    /// May change what the operator may.
    Administrator,
}

/// The text is no role of a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is viewer or administrator")]
pub struct RoleError;

/// The role of a token: that of a person, or a device as which it acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TokenRole {
    /// As a person of this role.
    Person(Role),
    /// As this device.
    Device(DeviceName),
}

/// The text is no role of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token's role is viewer, administrator, or device=NAME of a device")]
pub struct TokenRoleError;

impl Role {
    /// The role as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Administrator => "administrator",
        }
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "viewer" => Ok(Role::Viewer),
            "administrator" => Ok(Role::Administrator),
            _ => Err(RoleError),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for TokenRole {
    type Err = TokenRoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("device=") {
            Some(name) => name.parse().map(TokenRole::Device).ok(),
            None => text.parse().map(TokenRole::Person).ok(),
        }
        .ok_or(TokenRoleError)
    }
}

impl TryFrom<String> for TokenRole {
    type Error = TokenRoleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TokenRole> for String {
    fn from(role: TokenRole) -> String {
        role.to_string()
    }
}

impl fmt::Display for TokenRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenRole::Person(role) => role.fmt(f),
            TokenRole::Device(name) => write!(f, "device={name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for text in ["viewer", "administrator", "device=cam-1"] {
            assert_eq!(text.parse::<TokenRole>().unwrap().to_string(), text);
        }
        for text in ["", "Viewer", "device", "device=", "device=a/b", "operator"] {
            assert_eq!(text.parse::<TokenRole>(), Err(TokenRoleError), "{text}");
        }
        assert_eq!("device=cam".parse::<Role>(), Err(RoleError));
    }
}
