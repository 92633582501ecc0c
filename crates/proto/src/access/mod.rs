//! The people and programs that use a hub by HTTP: their names, their roles, their secrets.

pub mod limits;
mod name;
mod role;
mod secret;

pub use name::{AccessName, AccessNameError, MAX_ACCESS_NAME_BYTES};
pub use role::{Role, RoleError, TokenRole, TokenRoleError};
pub use secret::{AccessHash, AccessSecret, AccessSecretError, SecretKind};
