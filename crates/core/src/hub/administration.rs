//! An operator's or administrator's request on its way: matched once, decided by the table, and given
//! to its subject.

use fleetlink_proto::control::Compute;
use fleetlink_proto::{DataFile, DeviceName};

use crate::access::accounts::NotRead;
use crate::access::authorisation::{Action, Decision, decide};
use crate::access::key_change::KeyChange;
use crate::access::parked::Parked;
use crate::call::Call;
use crate::caller::Caller;
use crate::door::Door;
use crate::effect::Effect;
use crate::errors;
use crate::files::command::FileCommand;
use crate::hub::Hub;
use crate::hub::admission::not_admitted;
use crate::ids::AdminId;
use crate::operator::account_change::AccountCommand;
use crate::operator::data::DataRequest;
use crate::operator::errors::{AdminError, AdminErrorKind, no_account, not_for};
use crate::operator::requests::{AccountOrder, AdminReply, AdminRequest, SessionChoice};
use crate::outgoing::ReplyTo;
use crate::store::journal::Deleter;
use crate::time::Now;

/// Transfers in a page.
pub(crate) const TRANSFERS_LISTED: usize = 500;

impl Hub {
    pub(super) fn admin_call(
        &mut self,
        (admin, door): (AdminId, Door),
        caller: Caller,
        request: AdminRequest,
        now: Now,
    ) {
        let to = ReplyTo::Admin(admin, door);
        let call = self.calls.open(to, caller, "this");
        if self.closing {
            return call.report_error(AdminError::busy(errors::CLOSING), &mut self.out);
        }
        match self.admission_to_read(&call.caller, now) {
            Some(query) => self.read_for(query, Parked::Admin(call.with(request)), now),
            None => self.admin_admitted(call.with(request), now),
        }
    }

    /// Goes on with a request, for which the caller's secret, if it has one, has been read.
    pub(super) fn admin_admitted(&mut self, call: Call<AdminRequest>, now: Now) {
        let (request, call) = call.split();
        if !self.is_admitted(&call.caller, now) {
            return self.end_unadmitted(call);
        }
        let door = call.door();
        // Who may not look at accounts has none of them read either. Sessions that are there end whatever
        // the store says.
        let may_look = decide(&call.caller, door, Action::Inspect) == Decision::Permitted;
        let at_once = matches!(&request, AdminRequest::EndSessions(SessionChoice::OfDevice(name))
            if self.out.sessions.of_device(name) > 0);
        // A device has requests about itself alone, and is believed for what its account has.
        let about = request.account().filter(|_| may_look && !at_once);
        match call.device().or(about).cloned() {
            Some(name) if !self.accounts.is_read(&name) => {
                let call = Parked::Admin(call.with(request));
                self.read_account(NotRead(name), call, now);
            }
            _ => self.go_on_admin(call.with(request), now),
        }
    }

    /// Goes on with a request, for which the account that it is about has been read.
    pub(super) fn go_on_admin(&mut self, call: Call<AdminRequest>, now: Now) {
        let (request, call) = call.split();
        if !self.is_still_known(&call.caller, now) {
            return self.end_unadmitted(call);
        }
        match request {
            AdminRequest::ListAccounts { after } => {
                self.permit_admin(call, Action::Inspect, |hub, call| {
                    hub.list_accounts(call, after, now);
                });
            }
            AdminRequest::ListTickets { after } => {
                self.permit_admin(call, Action::Inspect, |hub, call| {
                    hub.list_tickets(call, after, now);
                });
            }
            AdminRequest::ListSessions => {
                self.inspect(call, |hub| AdminReply::Sessions(hub.session_statuses(now)));
            }
            AdminRequest::ListPresences(choice) => {
                self.inspect(call, |hub| AdminReply::Presences(hub.presences(&choice)));
            }
            AdminRequest::ListTransfers(choice) => self.inspect(call, |hub| {
                let page = hub.transfers.page(&choice, TRANSFERS_LISTED);
                AdminReply::Transfers(page)
            }),
            AdminRequest::ListUploads => {
                self.permit_admin(call, Action::Inspect, Hub::list_uploads);
            }
            AdminRequest::Data(request) => self.data_request(call, request, now),
            AdminRequest::SetKey { name, key } => {
                self.change_key(call.with(KeyChange::replace(key)), &name, now);
            }
            AdminRequest::RevokeKey { name } => {
                self.change_key(call.with(KeyChange::Revoke), &name, now);
            }
            AdminRequest::Change { name, order } => self.order_change(call, &name, order, now),
            AdminRequest::Unlock { name } => {
                self.administer(call, |hub, call| hub.unlock(call, &name, now));
            }
            AdminRequest::EndSessions(choice) => {
                self.administer(call, |hub, call| hub.end_chosen_sessions(call, &choice));
            }
            AdminRequest::IssueTicket {
                hash,
                subject,
                uses,
                life,
            } => self.administer(call, |hub, call| {
                hub.issue_ticket(call, hash, (subject, uses), life, now);
            }),
            AdminRequest::UnlockLogin { name } => {
                self.administer(call, |hub, call| hub.unlock_login(call, &name, now));
            }
            AdminRequest::Follow { device } => {
                self.permit_data(call, Action::Follow(device.as_ref()), |hub, call| {
                    call.report(Ok(AdminReply::Done), &mut hub.out);
                });
            }
            AdminRequest::ListLockOuts => {
                self.inspect(call, |hub| AdminReply::LockOuts(hub.lock_out_statuses(now)));
            }
            AdminRequest::ListPenalties => {
                self.inspect(call, |hub| AdminReply::Penalties(hub.penalty_statuses(now)));
            }
            AdminRequest::People(order) => {
                self.administer(call, |hub, call| hub.order_people(call, order, now));
            }
            AdminRequest::ListLogins { after } => {
                self.permit_admin(call, Action::Inspect, |hub, call| {
                    hub.list_logins(call, after, now);
                });
            }
            AdminRequest::ListTokens { after } => {
                self.permit_admin(call, Action::Inspect, |hub, call| {
                    hub.list_tokens(call, after, now);
                });
            }
            AdminRequest::ListRules => {
                self.permit_admin(call, Action::Inspect, |hub, call| hub.list_rules(call, now));
            }
            AdminRequest::ListAudit {
                filter,
                part,
                limit,
            } => {
                self.permit_admin(call, Action::Inspect, |hub, call| {
                    hub.list_audit(call, filter, part, limit, now);
                });
            }
            AdminRequest::RevokeTicket { ticket } => {
                self.administer(call, |hub, call| hub.revoke_ticket(call, ticket, now));
            }
        }
    }

    /// Ends a request whose caller is nobody any more.
    pub(super) fn end_unadmitted(&mut self, call: Call) {
        let error = AdminError::new(AdminErrorKind::NotAdmitted, not_admitted().message);
        call.report_error(error, &mut self.out);
    }

    /// Leaves the list of unfinished uploads to the driver.
    fn list_uploads(&mut self, call: Call) {
        if let Some(admin) = call.hand_over_admin() {
            self.out.push(Effect::ListUploads { admin });
        }
    }

    /// Handles a request about data files that are not the caller's own.
    fn data_request(&mut self, call: Call, request: DataRequest, now: Now) {
        match request {
            DataRequest::List { device, after } => {
                let action = device.as_ref().map_or(Action::Inspect, Action::ReadData);
                self.permit_data(call, action, |hub, call| {
                    hub.list_data(call, device.clone(), after);
                });
            }
            DataRequest::Compute {
                device,
                file,
                operation,
            } => self.permit_data(call, Action::ReadData(&device), |hub, call| {
                let compute = FileCommand::Compute(Compute { file, operation });
                hub.issue_for(call, &device, compute, now);
            }),
            DataRequest::Summarise { device, file } => {
                self.permit_data(call, Action::ReadData(&device), |hub, call| {
                    hub.issue_for(call, &device, FileCommand::Summarise(file), now);
                });
            }
            DataRequest::Read { device, file } => {
                self.permit_data(call, Action::ReadData(&device), |hub, call| {
                    hub.issue_for(call, &device, FileCommand::Read(file), now);
                });
            }
            DataRequest::Delete {
                device,
                file,
                version,
                key,
            } => self.permit_data(call, Action::DeleteData(&device), |hub, call| {
                let delete = FileCommand::Delete {
                    file,
                    key,
                    by: match call.device() {
                        Some(_) => Deleter::Device,
                        None => Deleter::Operator,
                    },
                    version,
                };
                hub.issue_for(call, &device, delete, now);
            }),
            DataRequest::Expire {
                device,
                file,
                version,
                key,
            } => self.permit_admin(call, Action::DeleteData(&device), |hub, call| {
                let delete = FileCommand::Delete {
                    file,
                    key,
                    by: Deleter::Retention,
                    version: Some(version),
                };
                hub.issue_for(call, &device, delete, now);
            }),
        }
    }

    /// Leaves a list of data files to the driver.
    fn list_data(
        &mut self,
        call: Call,
        device: Option<DeviceName>,
        after: Option<(DeviceName, DataFile)>,
    ) {
        if let Some(device) = &device
            && !self.accounts.contains(device)
        {
            let error = AdminError::not_found(no_account(device));
            return call.report_error(error, &mut self.out);
        }
        if let Some(admin) = call.hand_over_admin() {
            self.out.push(Effect::ListData {
                admin,
                device,
                after,
            });
        }
    }

    fn order_change(&mut self, call: Call, name: &DeviceName, order: AccountOrder, now: Now) {
        self.administer(call, |hub, call| {
            let command = AccountCommand::new(order, name, now.wall);
            hub.queue_change(call.with(command), name, now);
        });
    }

    /// Goes on with what only an operator or administrator may change.
    fn administer(&mut self, call: Call, then: impl FnOnce(&mut Hub, Call)) {
        self.permit_admin(call, Action::Administer, then);
    }

    fn change_key(&mut self, call: Call<KeyChange>, name: &DeviceName, now: Now) {
        let (change, call) = call.split();
        self.permit_admin(call, Action::ChangeKey(name), |hub, call| {
            if !hub.accounts.contains(name) {
                let error = AdminError::not_found(no_account(name));
                return call.report_error(error, &mut hub.out);
            }
            hub.queue_key_change(call.with(change), name, now);
        });
    }

    fn inspect(&mut self, call: Call, look: impl FnOnce(&Hub) -> AdminReply) {
        self.permit_admin(call, Action::Inspect, |hub, call| {
            let seen = look(hub);
            call.report(Ok(seen), &mut hub.out);
        });
    }

    /// Goes on with a request about data files that the table permits, and refuses another. In a
    /// session a device has its own calls for its data files.
    fn permit_data(&mut self, call: Call, action: Action<'_>, then: impl FnOnce(&mut Hub, Call)) {
        let permits = decide(&call.caller, call.door(), action) == Decision::Permitted;
        let is_in_session = call.door() == Door::Session;
        if permits && !is_in_session {
            return then(self, call);
        }
        self.forbid_admin(call, action);
    }

    /// Goes on with a request that the table permits, and refuses another. Who may not even look makes
    /// no request of this kind: a device has its own for what is its own.
    pub(super) fn permit_admin(
        &mut self,
        call: Call,
        action: Action<'_>,
        then: impl FnOnce(&mut Hub, Call),
    ) {
        let permits = |action| decide(&call.caller, call.door(), action) == Decision::Permitted;
        if permits(Action::Inspect) && permits(action) {
            return then(self, call);
        }
        self.forbid_admin(call, action);
    }

    fn forbid_admin(&mut self, call: Call, action: Action<'_>) {
        self.note_forbidden(&call, &action.to_string());
        let why = AdminError::new(AdminErrorKind::Forbidden, not_for(&call.caller));
        call.report_error(why, &mut self.out);
    }
}
