//! The logins of people, their tokens and one-time links: changes and lists. What a change takes away
//! is forgotten here as soon as the store has done it.

use std::time::Duration;

use fleetlink_proto::access::limits::MAX_TOKEN_LIFE;
use fleetlink_proto::access::{AccessName, TokenRole};
use fleetlink_proto::control::limits::LISTED_AT_ONCE;

use crate::access::parked::Parked;
use crate::access::people_changes::PeopleChange;
use crate::call::Call;
use crate::caller::Caller;
use crate::console::{ConsoleEvent, PeopleEvent};
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::ids::OperationId;
use crate::operator::errors::{AdminError, no_account};
use crate::operator::people::{PeopleCommand, PeopleOrder};
use crate::operator::requests::{AdminReply, AdminRequest};
use crate::store::admission::{PageSessions, TokenId};
use crate::store::calls::{Query, StoreError, StoreReply};
use crate::time::Now;

impl Hub {
    /// Begins a change that an operator or administrator orders.
    pub(super) fn order_people(&mut self, call: Call, order: PeopleOrder, now: Now) {
        if let Err(error) = self.may_order(&order) {
            return call.report_error(error, &mut self.out);
        }
        self.change_people(call.with(PeopleCommand::Ordered(order)), now);
    }

    fn may_order(&self, order: &PeopleOrder) -> Result<(), AdminError> {
        let PeopleOrder::AddToken { role, life, .. } = order else {
            return Ok(());
        };
        if let TokenRole::Device(device) = role
            && !self.accounts.contains(device)
        {
            return Err(AdminError::not_found(no_account(device)));
        }
        let is_odd = |life: &Duration| life.is_zero() || *life > MAX_TOKEN_LIFE;
        if life.as_ref().is_some_and(is_odd) {
            let days = MAX_TOKEN_LIFE.as_secs() / (24 * 3600);
            let message = format!("a token lives for at most {days} days");
            return Err(AdminError::invalid(message));
        }
        Ok(())
    }

    /// Gives a change to the store.
    pub(super) fn change_people(&mut self, call: Call<PeopleCommand>, now: Now) {
        let (command, call) = call.split();
        // The store's queue bounds those of the operator and of administrators.
        if call.caller == Caller::Nobody && self.people.is_full() {
            let error = errors::busy("too many logins are under way; try again later");
            return call.refuse(error, &mut self.out);
        }
        self.begin_people_change(command, Some(call), now);
    }

    pub(super) fn begin_people_change(
        &mut self,
        command: PeopleCommand,
        call: Option<Call>,
        now: Now,
    ) {
        let operation = self.operations.next_id();
        let store_call = self.signed(command.store_call(now.wall), call.as_ref(), now);
        self.people.begin(operation, PeopleChange { command, call });
        self.out.push(Effect::Store {
            operation,
            call: store_call,
        });
    }

    /// The store answered a change; `false` where this was none of them.
    pub(super) fn people_answered(
        &mut self,
        operation: OperationId,
        result: &Result<StoreReply, StoreError>,
        now: Now,
    ) -> bool {
        let Some(PeopleChange { command, call }) = self.people.end(operation) else {
            return false;
        };
        // Also where nobody knows whether it was done: who revokes has a reason.
        if matches!(result, Ok(_) | Err(StoreError::Unknown(_))) {
            self.forget_revoked(&command);
        }
        let Some(call) = call else {
            return true;
        };
        if let (Err(error), Some(change)) = (result, command.store_call(now.wall).change()) {
            let author = self.author(&call);
            self.note_refused_change(change, &author, error, now);
        }
        match command {
            PeopleCommand::Ordered(order) => self.order_done(call, &order, result.clone()),
            PeopleCommand::UseLink { session, .. } => {
                self.page_session_opened(call, session, result.clone(), now);
            }
            PeopleCommand::OpenSession { session, .. } => {
                self.page_session_opened(call, session, result.clone(), now);
            }
            PeopleCommand::EndSession { .. } => match result {
                Ok(_) => call.identify(Caller::Nobody, &mut self.out),
                Err(error) => call.refuse(errors::of_read(error), &mut self.out),
            },
            PeopleCommand::NoteUses(_) => call.refuse(errors::internal(), &mut self.out),
        }
        true
    }

    /// Forgets what a change has taken away, also where it is being read.
    fn forget_revoked(&mut self, command: &PeopleCommand) {
        match command {
            PeopleCommand::Ordered(PeopleOrder::RevokeToken { token }) => {
                self.admissions.forget_token(*token);
            }
            PeopleCommand::Ordered(
                PeopleOrder::RemoveLogin { name } | PeopleOrder::SetPassword { name, .. },
            ) => {
                let sessions = PageSessions::OfLogin(name.clone());
                self.admissions.forget_sessions(&sessions);
            }
            PeopleCommand::Ordered(PeopleOrder::EndSessions(sessions)) => {
                self.admissions.forget_sessions(sessions);
            }
            PeopleCommand::EndSession { session } => self.admissions.forget_secret(session),
            _ => return,
        }
        self.reads.outdate_admissions();
        self.withdraw_revoked();
    }

    fn order_done(
        &mut self,
        call: Call,
        order: &PeopleOrder,
        result: Result<StoreReply, StoreError>,
    ) {
        let reply = match result {
            Ok(StoreReply::Token(token)) => AdminReply::Token(token),
            Ok(_) => AdminReply::Done,
            Err(StoreError::NotFound) => {
                return call.report_error(AdminError::not_found(missing(order)), &mut self.out);
            }
            Err(error) => return call.report_error(error.into(), &mut self.out),
        };
        if let Some(event) = event(order, &reply) {
            self.show(ConsoleEvent::People(event));
        }
        call.report(Ok(reply), &mut self.out);
    }

    /// Lists logins, a page at a time.
    pub(super) fn list_logins(&mut self, call: Call, after: Option<AccessName>, now: Now) {
        let limit = LISTED_AT_ONCE;
        let query = Query::WebLogins {
            after: after.clone(),
            limit,
        };
        let call = call.with(AdminRequest::ListLogins { after });
        self.read_for(query, Parked::Admin(call), now);
    }

    /// Lists tokens, a page at a time.
    pub(super) fn list_tokens(&mut self, call: Call, after: Option<TokenId>, now: Now) {
        let limit = LISTED_AT_ONCE;
        let call = call.with(AdminRequest::ListTokens { after });
        self.read_for(Query::Tokens { after, limit }, Parked::Admin(call), now);
    }

    /// Lists the stored rules about data, which are few.
    pub(super) fn list_rules(&mut self, call: Call, now: Now) {
        let call = call.with(AdminRequest::ListRules);
        self.read_for(Query::Rules, Parked::Admin(call), now);
    }
}

fn missing(order: &PeopleOrder) -> String {
    match order {
        PeopleOrder::SetPassword { name, .. } | PeopleOrder::RemoveLogin { name } => {
            format!("there is no login {name}")
        }
        PeopleOrder::RevokeToken { token } => format!("there is no token {}", token.0),
        // The account was removed since it was looked for.
        PeopleOrder::AddToken {
            role: TokenRole::Device(device),
            ..
        } => no_account(device),
        PeopleOrder::EndSessions(PageSessions::OfLogin(name)) => {
            format!("there is no login {name}")
        }
        PeopleOrder::RemoveRule(name) => format!(
            "no rule {name} is set; a rule of the hub's options is changed there, or one of the same \
             pattern is set"
        ),
        PeopleOrder::AddLogin { .. }
        | PeopleOrder::SetRule(_)
        | PeopleOrder::AddToken { .. }
        | PeopleOrder::AddLink { .. }
        | PeopleOrder::EndSessions(_) => "not found".to_owned(),
    }
}

/// The event that the operator is shown of a change that is done.
fn event(order: &PeopleOrder, reply: &AdminReply) -> Option<PeopleEvent> {
    Some(match (order, reply) {
        (PeopleOrder::AddLogin { name, role, .. }, _) => PeopleEvent::LoginAdded {
            login: name.clone(),
            role: *role,
        },
        (PeopleOrder::SetPassword { name, .. }, _) => PeopleEvent::PasswordChanged {
            login: name.clone(),
        },
        (PeopleOrder::RemoveLogin { name }, _) => PeopleEvent::LoginRemoved {
            login: name.clone(),
        },
        (PeopleOrder::AddToken { .. }, AdminReply::Token(token)) => PeopleEvent::TokenAdded {
            token: token.id,
            name: token.name.clone(),
            role: token.role.clone(),
        },
        (PeopleOrder::RevokeToken { token }, _) => PeopleEvent::TokenRevoked { token: *token },
        (PeopleOrder::AddLink { .. }, _) => PeopleEvent::LinkMade,
        (PeopleOrder::EndSessions(sessions), _) => PeopleEvent::LoggedOut {
            sessions: sessions.clone(),
        },
        (
            PeopleOrder::AddToken { .. } | PeopleOrder::SetRule(_) | PeopleOrder::RemoveRule(_),
            _,
        ) => return None,
    })
}
