//! The hub's outputs: effects, and among them the replies to calls.

use std::collections::VecDeque;
use std::net::IpAddr;

use fleetlink_proto::control::{EndReason, Reply, RequestId, RpcError};

use crate::caller::Caller;
use crate::console::ConsoleEvent;
use crate::door::Door;
use crate::effect::Effect;
use crate::errors;
use crate::ids::{AdminId, CallId, SessionId};
use crate::operator::data::DataReply;
use crate::operator::errors::AdminError;
use crate::operator::requests::AdminReply;
use crate::session::table::Sessions;

/// The effects that the driver has not taken yet, and the sessions to which some of them go.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) sessions: Sessions,
    pub(crate) effects: VecDeque<Effect>,
}

/// The receiver of a call's reply.
#[derive(Debug)]
pub(crate) enum ReplyTo {
    Session(SessionId, RequestId),
    Stateless(CallId, Door),
    Admin(AdminId, Door),
    /// Not a reply to a request, but the device that has shown a password.
    Identity {
        call: CallId,
        door: Door,
        address: IpAddr,
    },
}

impl Outgoing {
    pub(crate) fn new(sessions: Sessions) -> Self {
        Outgoing {
            sessions,
            effects: VecDeque::new(),
        }
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    pub(crate) fn show(&mut self, event: ConsoleEvent) {
        self.push(Effect::Console(event));
    }

    pub(crate) fn tell_end(&mut self, session: SessionId, reason: EndReason, message: &str) {
        self.push(Effect::End {
            session,
            reason,
            message: message.to_owned(),
        });
    }

    /// Replies to a call, unless its session is gone.
    pub(crate) fn reply(&mut self, to: ReplyTo, result: Result<Reply, RpcError>) {
        match to {
            ReplyTo::Session(session, id) => {
                if self.sessions.settle(session) {
                    self.push(Effect::Reply {
                        session,
                        id,
                        result,
                    });
                }
            }
            ReplyTo::Stateless(call, _) => self.push(Effect::ReplyStateless { call, result }),
            ReplyTo::Identity { .. } => {
                debug_assert!(result.is_err(), "a device's reply to {to:?}");
                self.identify(to, Err(result.err().unwrap_or_else(errors::internal)));
            }
            ReplyTo::Admin(..) => {
                let result = result.map_err(|error| AdminError::from(&error));
                self.report(to, result.and_then(in_operators_words));
            }
        }
    }

    /// Tells who has shown a password.
    pub(crate) fn identify(&mut self, to: ReplyTo, result: Result<Caller, RpcError>) {
        match to {
            ReplyTo::Identity { call, .. } => self.push(Effect::Identified { call, result }),
            to => {
                debug_assert!(false, "an identity for {to:?}");
                self.reply(to, Err(errors::internal()));
            }
        }
    }

    /// Replies to an operator's or administrator's request.
    pub(crate) fn report(&mut self, to: ReplyTo, result: Result<AdminReply, AdminError>) {
        match to {
            ReplyTo::Admin(admin, _) => self.push(Effect::ReplyToOperator { admin, result }),
            to => {
                debug_assert!(false, "an operator's reply to {to:?}");
                self.reply(to, Err(errors::internal()));
            }
        }
    }
}

/// A reply to a command that both devices and operators give.
fn in_operators_words(reply: Reply) -> Result<AdminReply, AdminError> {
    match reply {
        Reply::Done(_) => Ok(AdminReply::Done),
        Reply::Compute(reply) => Ok(AdminReply::Data(DataReply::Computed(reply))),
        Reply::Delete(reply) => Ok(AdminReply::Data(DataReply::Deleted(reply))),
        _ => Err(AdminError::from(&errors::internal())),
    }
}
