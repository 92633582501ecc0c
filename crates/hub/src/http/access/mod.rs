//! The users of the hub: accounts of devices, tickets, logins of people, tokens, lock-outs and
//! penalties.

mod accounts;
pub(super) mod lists;
mod lockouts;
mod logins;
mod tickets;
mod tokens;

pub(super) use self::accounts::*;
pub(in crate::http) use self::lists::{List, tagged, tagged_weakly};
pub(super) use self::lockouts::*;
pub(super) use self::logins::*;
pub(super) use self::tickets::*;
pub(super) use self::tokens::*;

use fleetlink_core::{AdminReply, AdminRequest, Caller};

use super::Http;
use super::problem::Problem;

impl Http {
    /// Has a request of a person done.
    pub(super) async fn order(
        &self,
        caller: Caller,
        request: AdminRequest,
    ) -> Result<AdminReply, Problem> {
        let asked = self.calls.administer(caller, request).await;
        asked.map_err(Problem::from)
    }

    /// Has a change done that has no result.
    pub(super) async fn change(
        &self,
        caller: Caller,
        request: AdminRequest,
    ) -> Result<(), Problem> {
        self.order(caller, request).await.map(|_| ())
    }
}

/// A name or a number in a path or a document, which a person may have mistyped.
fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|error: T::Err| Problem::bad_request(error.to_string()))
}

/// A number in a path: what is none is not there.
fn number(text: &str, what: &str) -> Result<u64, Problem> {
    text.parse()
        .map_err(|_| Problem::not_found(format!("there is no {what} of this number")))
}
