//! A call: who makes it, by which door, what it asks for, and its one reply.

use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::thread;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{Reply, RequestId, RpcError};

use crate::caller::Caller;
use crate::door::Door;
use crate::errors::out_of_order;
use crate::ids::{AdminId, CallId, Holder, SessionId};
use crate::operator::errors::{AdminError, AdminErrorKind};
use crate::operator::requests::AdminReply;
use crate::outgoing::{Outgoing, ReplyTo};

/// A call that its caller waits for. Its one reply consumes it. A build with debug assertions panics
/// where a call is forgotten.
#[derive(Debug)]
#[must_use = "the caller waits for a reply"]
pub(crate) struct Call<C = ()> {
    pub(crate) caller: Caller,
    pub(crate) method: &'static str,
    pub(crate) command: C,
    due: Due,
}

/// The reply that is due.
#[derive(Debug)]
struct Due {
    to: Option<ReplyTo>,
    hub: Weak<()>,
}

/// Opens the calls of one hub. When it is dropped, so is the hub, and nobody waits any more.
#[derive(Debug, Default)]
pub(crate) struct Calls(Arc<()>);

impl Calls {
    pub(crate) fn open(&self, to: ReplyTo, caller: Caller, method: &'static str) -> Call {
        Call {
            caller,
            method,
            command: (),
            due: Due {
                to: Some(to),
                hub: Arc::downgrade(&self.0),
            },
        }
    }
}

impl<C> Call<C> {
    pub(crate) fn door(&self) -> Door {
        match self.due.to {
            Some(ReplyTo::Session(..)) | None => Door::Session,
            Some(
                ReplyTo::Admin(_, door)
                | ReplyTo::Stateless(_, door)
                | ReplyTo::Identity { door, .. },
            ) => door,
        }
    }

    /// The session that waits for the reply.
    pub(crate) fn session(&self) -> Option<SessionId> {
        match self.due.to {
            Some(ReplyTo::Session(session, _)) => Some(session),
            _ => None,
        }
    }

    /// From where a password was shown, if that is what the call is about.
    pub(crate) fn shown_from(&self) -> Option<IpAddr> {
        match self.due.to {
            Some(ReplyTo::Identity { address, .. }) => Some(address),
            _ => None,
        }
    }

    /// The holder of an upload or download that the call opens.
    pub(crate) fn holder(&self) -> Option<Holder> {
        match self.due.to {
            Some(ReplyTo::Session(session, _)) => Some(Holder::Session(session)),
            Some(ReplyTo::Stateless(call, _)) => Some(Holder::Call(call)),
            _ => None,
        }
    }

    /// The session that waits for the reply, and its id of the call.
    pub(crate) fn origin(&self) -> Option<(SessionId, &RequestId)> {
        match &self.due.to {
            Some(ReplyTo::Session(session, id)) => Some((*session, id)),
            _ => None,
        }
    }

    /// The device that calls.
    pub(crate) fn device(&self) -> Option<&DeviceName> {
        self.caller.device()
    }

    /// The same call, which asks for this.
    pub(crate) fn with<D>(self, command: D) -> Call<D> {
        self.split().1.map(command)
    }

    /// Splits the command from the call.
    pub(crate) fn split(self) -> (C, Call) {
        let Call {
            caller,
            method,
            command,
            due,
        } = self;
        let call = Call {
            caller,
            method,
            command: (),
            due,
        };
        (command, call)
    }

    /// Ends the call without a reply: its session is gone, so nobody waits for one.
    pub(crate) fn withdraw(mut self) -> C {
        self.due.to = None;
        self.command
    }
}

impl Call {
    fn map<D>(self, command: D) -> Call<D> {
        Call {
            caller: self.caller,
            method: self.method,
            command,
            due: self.due,
        }
    }

    pub(crate) fn ok(self, reply: Reply, out: &mut Outgoing) {
        self.reply(Ok(reply), out);
    }

    pub(crate) fn refuse(self, error: RpcError, out: &mut Outgoing) {
        self.reply(Err(error), out);
    }

    pub(crate) fn reply(mut self, result: Result<Reply, RpcError>, out: &mut Outgoing) {
        if let Some(to) = self.due.to.take() {
            out.reply(to, result);
        }
    }

    /// Replies to an operator's or administrator's request.
    pub(crate) fn report(mut self, result: Result<AdminReply, String>, out: &mut Outgoing) {
        if let Some(to) = self.due.to.take() {
            let refused = |message| AdminError::new(AdminErrorKind::Refused, message);
            out.report(to, result.map_err(refused));
        }
    }

    /// Refuses an operator's or administrator's request.
    pub(crate) fn report_error(mut self, error: AdminError, out: &mut Outgoing) {
        if let Some(to) = self.due.to.take() {
            out.report(to, Err(error));
        }
    }

    /// Tells who has shown the password that the call is about.
    pub(crate) fn identify(mut self, caller: Caller, out: &mut Outgoing) {
        if let Some(to) = self.due.to.take() {
            out.identify(to, Ok(caller));
        }
    }

    /// Leaves the reply to the driver: the session to which it goes, unless that is gone. What the
    /// driver replies needs a session, so a call without one is refused.
    pub(crate) fn hand_over(mut self, out: &mut Outgoing) -> Option<(SessionId, RequestId)> {
        if self.session().is_none() {
            let message = format!("{} needs a session", self.method);
            self.refuse(out_of_order(&message), out);
            return None;
        }
        match self.due.to.take()? {
            ReplyTo::Session(session, id) if out.sessions.settle(session) => Some((session, id)),
            _ => None,
        }
    }

    /// Leaves the reply to the driver: the call without a session that it answers; `None` where it has
    /// one.
    pub(crate) fn hand_over_stateless(mut self) -> Option<CallId> {
        match self.due.to.take()? {
            ReplyTo::Stateless(call, _) => Some(call),
            to => {
                debug_assert!(false, "not a call without a session: {to:?}");
                None
            }
        }
    }

    /// Leaves the reply to the driver: the request that it answers; `None` where it is a device's.
    pub(crate) fn hand_over_admin(mut self) -> Option<AdminId> {
        match self.due.to.take()? {
            ReplyTo::Admin(admin, _) => Some(admin),
            to => {
                debug_assert!(false, "not an operator's: {to:?}");
                None
            }
        }
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        let is_open = self.to.is_some() && self.hub.strong_count() > 0;
        debug_assert!(
            !is_open || thread::panicking(),
            "a call was forgotten: {:?}",
            self.to
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(calls: &Calls, number: u64) -> Call {
        let to = ReplyTo::Admin(AdminId(number), Door::Socket);
        calls.open(to, Caller::Operator, "test")
    }

    #[test]
    #[should_panic(expected = "a call was forgotten")]
    fn a_forgotten_call_is_noticed() {
        let calls = Calls::default();
        drop(open(&calls, 1).with("a command"));
    }

    #[test]
    fn a_call_ends_with_its_reply_or_with_its_hub() {
        let calls = Calls::default();
        let mut out = Outgoing::default();
        let left = open(&calls, 1);
        let (command, call) = open(&calls, 2).with("a command").split();
        assert_eq!((command, call.door()), ("a command", Door::Socket));
        call.report(Ok(AdminReply::Done), &mut out);
        assert_eq!(out.effects.len(), 1);
        drop(calls);
        drop(left);
    }
}
