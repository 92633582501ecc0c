//! Reading the store for a call: the call is parked, and goes on when the answer is there.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::RpcError;
use fleetlink_proto::control::limits::LISTED_AT_ONCE;

use crate::access::accounts::NotRead;
use crate::access::logins::Attempt;
use crate::access::parked::{Behind, Parked, Read};
use crate::call::Call;
use crate::console::LoginFailure;
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::ids::{OperationId, SessionId};
use crate::operator::errors::{AdminError, AdminErrorKind};
use crate::operator::requests::{AdminReply, AdminRequest};
use crate::store::calls::{Account, Query, StoreCall, StoreError, StoreReply};
use crate::time::Now;

/// The reason for which a call that waits for the store does not go on.
#[derive(Debug, Clone)]
pub(super) enum NotRun {
    /// Too many wait.
    Busy,
    Closing,
    Store(StoreError),
}

impl NotRun {
    fn error(&self) -> RpcError {
        match self {
            NotRun::Busy => {
                errors::busy("too many calls wait for the hub's store; try again later")
            }
            NotRun::Closing => errors::busy(errors::CLOSING),
            NotRun::Store(error) => errors::of_read(error),
        }
    }

    /// The same for the operator, whose own the store is.
    fn admin_error(&self) -> AdminError {
        match self {
            NotRun::Store(error) => AdminError::new(
                AdminErrorKind::Unavailable,
                format!("the store could not be read: {error}"),
            ),
            NotRun::Busy | NotRun::Closing => AdminError::from(&self.error()),
        }
    }
}

impl Hub {
    /// Parks a call until the account of this name has been read.
    pub(super) fn read_account(&mut self, NotRead(name): NotRead, call: Parked, now: Now) {
        if self.reads.is_full(&call) {
            return self.end_parked(call, &NotRun::Busy, now);
        }
        let under_way = self.reads.of_account(&name);
        let read = under_way.unwrap_or_else(|| self.begin_read(Query::Account { name }));
        self.reads.park(read, call);
    }

    /// Parks a call until this, which nobody else waits for, has been read.
    pub(super) fn read_for(&mut self, query: Query, call: Parked, now: Now) {
        if self.reads.is_full(&call) {
            return self.end_parked(call, &NotRun::Busy, now);
        }
        if let Query::FreeName { ticket, .. } = query {
            self.uses.search_begins(ticket);
        }
        let read = self.begin_read(query);
        self.reads.park(read, call);
    }

    /// Lists accounts, a page at a time.
    pub(super) fn list_accounts(&mut self, call: Call, after: Option<DeviceName>, now: Now) {
        let limit = LISTED_AT_ONCE;
        let query = Query::Accounts {
            after: after.clone(),
            limit,
        };
        let call = call.with(AdminRequest::ListAccounts { after });
        self.read_for(query, Parked::Admin(call), now);
    }

    pub(super) fn begin_read(&mut self, query: Query) -> OperationId {
        let operation = self.operations.next_id();
        let call = StoreCall::Query(query.clone());
        self.reads.begin(operation, query);
        self.out.push(Effect::Store { operation, call });
        operation
    }

    /// The store answered a read; `false` where this was none.
    pub(super) fn read_answered(
        &mut self,
        operation: OperationId,
        result: &Result<StoreReply, StoreError>,
        now: Now,
    ) -> bool {
        let Some(read) = self.reads.end(operation) else {
            return false;
        };
        if read.is_outdated && result.is_ok() {
            self.read_again(read);
            return true;
        }
        match (&read.query, result) {
            (Query::Account { name }, Ok(StoreReply::Account(found))) => {
                self.account_read(name, found.clone());
            }
            (Query::Admission { secret }, Ok(StoreReply::Admission(found))) => {
                self.admissions.put(*secret, found.clone(), now);
            }
            _ => {}
        }
        let search = match read.query {
            Query::FreeName { ticket, .. } => Some(ticket),
            _ => None,
        };
        // Also where the call for which it was is gone.
        if let Some(ticket) = search {
            self.uses.search_ended(ticket);
        }
        for call in read.parked {
            let session = call.session();
            self.go_on(call, result, now);
            if let Some(session) = session {
                self.go_on_behind(session, operation, now);
            }
        }
        if let Some(ticket) = search {
            self.redeem_waiting(ticket);
        }
        if let Query::Ticket(ticket) = read.query
            && let Some(is_outdated) = self.uses.end_reading(ticket, operation)
        {
            self.ticket_read_again(ticket, is_outdated, result, now);
        }
        true
    }

    /// Reads again what has changed meanwhile, for the same calls.
    fn read_again(&mut self, read: Read) {
        let again = self.begin_read(read.query);
        for call in read.parked {
            self.reads.park(again, call);
        }
    }

    /// An account was read: it takes the place of one that was used long ago.
    fn account_read(&mut self, name: &DeviceName, found: Option<Account>) {
        let (sessions, operations) = (&self.out.sessions, &self.operations);
        let (logins, reads) = (&self.logins, &self.reads);
        self.accounts.make_room(|folded, account| {
            account.is_some_and(|account| sessions.of_device(&account.name) > 0)
                || operations.concern(folded)
                || logins.concern(folded)
                || reads.concern(folded)
        });
        let before = self.accounts.last_name(name);
        self.accounts.put_read(name, found);
        if let Some(before) = before.filter(|before| self.out.sessions.of_device(before) > 0) {
            self.end_sessions_without_ground(&before);
            self.withdraw_orphans(&before);
        }
    }

    /// Goes on with a call for which the store was read.
    pub(super) fn go_on(
        &mut self,
        call: Parked,
        result: &Result<StoreReply, StoreError>,
        now: Now,
    ) {
        let reply = match result {
            Ok(reply) => reply,
            Err(error) => return self.end_parked(call, &NotRun::Store(error.clone()), now),
        };
        match (call, reply) {
            (Parked::Admin(call), _) if !self.is_admitted(&call.caller, now) => {
                self.end_unadmitted(call.split().1);
            }
            (Parked::Login(call), StoreReply::Account(_)) => self.decide_login(call, now),
            (Parked::Shown(attempt), StoreReply::Account(_)) => self.attempt(*attempt, now),
            (Parked::Stateless(call), StoreReply::Account(_)) => self.ready_stateless(call, now),
            (Parked::Stateless(call), StoreReply::Admission(_)) => self.secret_read(call, now),
            (Parked::Commit(call), StoreReply::Account(_)) => self.ready_commit(call, now),
            (Parked::Commit(call), StoreReply::Admission(_)) => self.commit_admitted(call, now),
            (Parked::Secret(call), StoreReply::Admission(_)) => self.admit(call, now),
            (Parked::Shown(attempt), StoreReply::WebLogin(found)) => {
                self.login_read(*attempt, found.clone(), now);
            }
            (Parked::Admin(call), StoreReply::Admission(_)) => self.admin_admitted(call, now),
            (Parked::Admin(call), StoreReply::WebLogins(page)) => {
                let call = call.split().1;
                call.report(Ok(AdminReply::Logins(page.clone())), &mut self.out);
            }
            (Parked::Admin(call), StoreReply::Tokens(page)) => {
                let call = call.split().1;
                call.report(Ok(AdminReply::Tokens(page.clone())), &mut self.out);
            }
            (Parked::Admin(call), StoreReply::Rules(rules)) => {
                let call = call.split().1;
                call.report(Ok(AdminReply::Rules(rules.clone())), &mut self.out);
            }
            (Parked::Admin(call), StoreReply::Audit(page)) => {
                let call = call.split().1;
                call.report(Ok(AdminReply::Audit(page.clone())), &mut self.out);
            }
            (Parked::Admin(call), StoreReply::Account(_)) => self.go_on_admin(call, now),
            (Parked::Admin(call), StoreReply::Accounts(page)) => {
                let statuses = self.account_statuses(page, now);
                let call = call.split().1;
                call.report(Ok(AdminReply::Accounts(statuses)), &mut self.out);
            }
            (Parked::Admin(call), StoreReply::Tickets(page)) => {
                self.tickets_read(call.split().1, page, now);
            }
            (Parked::Admin(call), StoreReply::Ticket(found)) => {
                self.ticket_to_revoke(call, found.as_deref(), now);
            }
            (Parked::Redemption(call), StoreReply::Ticket(found)) => {
                self.ticket_found(call, found.as_deref(), now);
            }
            (Parked::Redemption(call), StoreReply::Account(_)) => self.try_redemption(call, now),
            (Parked::Redemption(call), StoreReply::FreeName(found)) => {
                self.name_found(call, found.clone(), now);
            }
            (call, _) => {
                let why = StoreError::Unavailable(errors::internal().message);
                self.end_parked(call, &NotRun::Store(why), now);
            }
        }
    }

    /// Does what a session has asked for behind a call that was parked.
    fn go_on_behind(&mut self, session: SessionId, read: OperationId, now: Now) {
        for behind in self.reads.release(session, read) {
            match behind {
                Behind::Call(id, request, possession) => {
                    self.session_call(session, id, request, possession, now);
                }
                Behind::NonceAsked(id, nonce) => self.nonce_asked(session, id, nonce, now),
            }
        }
    }

    /// Ends a call that does not go on. It counts as no failed login.
    pub(super) fn end_parked(&mut self, call: Parked, why: &NotRun, now: Now) {
        let failure = match why {
            NotRun::Busy | NotRun::Closing => LoginFailure::Busy,
            NotRun::Store(_) => LoginFailure::NotRead,
        };
        match call {
            Parked::Login(call) => {
                let (login, call) = call.split();
                self.fail_login(call, &login.name, (why.error(), failure), now);
            }
            Parked::Shown(attempt) => {
                let Attempt { call, name, .. } = *attempt;
                self.fail_login(call, &name, (why.error(), failure), now);
            }
            Parked::Redemption(call) => self.fail_redemption(call.split().1, why.error(), now),
            Parked::Stateless(call) => call.split().1.refuse(why.error(), &mut self.out),
            Parked::Secret(call) => call.split().1.refuse(why.error(), &mut self.out),
            Parked::Commit(call) => self.refuse_commit(call, why.error()),
            Parked::Admin(call) => call
                .split()
                .1
                .report_error(why.admin_error(), &mut self.out),
        }
    }

    /// Somebody else may have changed this account in the store.
    pub(super) fn account_changed(&mut self, name: &DeviceName) {
        self.accounts.note_change(name);
        self.uses.name_given_back(name);
        self.read_if_used(name);
    }

    /// Reads an account anew that may be another by now, if sessions rest on it.
    pub(super) fn read_if_used(&mut self, name: &DeviceName) {
        self.reads.outdate(name);
        let is_used = self.accounts.last_name(name);
        let is_used = is_used.is_some_and(|holder| self.out.sessions.of_device(&holder) > 0);
        if is_used && self.reads.of_account(name).is_none() {
            let name = name.clone();
            self.begin_read(Query::Account { name });
        }
    }
}
