//! The operator's calls. An account changes in memory only after the store has committed it.

use fleetlink_proto::{DeviceName, IdempotencyKey};

use crate::access::authorisation::{Action, Caller, Decision, decide};
use crate::console::{AccountChange, ConsoleEvent};
use crate::effect::Effect;
use crate::hub::Hub;
use crate::hub::endings::Ending;
use crate::hub::jobs::Job;
use crate::ids::AdminId;
use crate::operator::account_change::AccountJob;
use crate::operator::errors::{no_account, sentence};
use crate::operator::removal::Removal;
use crate::operator::requests::{AccountStatus, AdminReply, AdminRequest};
use crate::store::calls::{Account, PasswordHash, StoreError, StoreReply};
use crate::time::Now;

impl Hub {
    pub(crate) fn admin(&mut self, admin: AdminId, request: AdminRequest, now: Now) {
        if self.closing {
            return self.answer_admin(admin, Err("the hub is closing".to_owned()));
        }
        if decide(Caller::Operator, Action::Administer) != Decision::Allowed {
            return self.answer_admin(admin, Err("this is not for the operator".to_owned()));
        }
        match request {
            AdminRequest::AddAccount {
                name,
                password_hash,
            } => {
                let account = Account {
                    name: name.clone(),
                    password_hash: Some(password_hash),
                    created: now.wall,
                    key: None,
                };
                self.queue_change(admin, &name, AccountJob::Add { admin, account }, now);
            }
            AdminRequest::SetPassword {
                name,
                password_hash,
            } => {
                let job = AccountJob::SetPassword {
                    admin,
                    password_hash,
                };
                self.queue_change(admin, &name, job, now);
            }
            AdminRequest::RemoveAccount {
                name,
                with_data,
                key,
            } => self.queue_removal(admin, &name, with_data, key, now),
            AdminRequest::SetKey { name, key } => self.set_key_of(admin, &name, key, now),
            AdminRequest::RevokeKey { name } => self.revoke_key_of(admin, &name, now),
            AdminRequest::Unlock { name } => self.unlock(admin, &name, now),
            AdminRequest::ListAccounts => {
                let accounts = self.account_statuses(now);
                self.answer_admin(admin, Ok(AdminReply::Accounts(accounts)));
            }
            AdminRequest::IssueTicket {
                hash,
                subject,
                uses,
                life,
            } => self.issue_ticket(admin, hash, (subject, uses), life, now),
            AdminRequest::RevokeTicket { ticket } => self.revoke_ticket(admin, ticket, now),
            AdminRequest::ListTickets => {
                let tickets = self.ticket_statuses(now);
                self.answer_admin(admin, Ok(AdminReply::Tickets(tickets)));
            }
            AdminRequest::Data(request) => self.data_request(admin, request, now),
            AdminRequest::ListUploads => self.effects.push_back(Effect::ListUploads { admin }),
            AdminRequest::ImportLogin { name, order } => {
                self.import_login(admin, &name, order, now);
            }
            AdminRequest::RemoveLogin { name, origin } => {
                let job = AccountJob::RemoveLogin { admin, origin };
                self.queue_change(admin, &name, job, now);
            }
            AdminRequest::FinishImport {
                origin,
                name,
                whole,
                forget,
            } => {
                let job = AccountJob::FinishImport {
                    admin,
                    origin,
                    whole,
                    forget,
                };
                self.queue_change(admin, &name, job, now);
            }
            AdminRequest::ListSessions => {
                let sessions = self.session_statuses(now);
                self.answer_admin(admin, Ok(AdminReply::Sessions(sessions)));
            }
            AdminRequest::EndSessions(choice) => {
                let ended = self.end_chosen_sessions(&choice);
                self.answer_admin(admin, ended.map(AdminReply::Ended));
            }
        }
    }

    fn queue_removal(
        &mut self,
        admin: AdminId,
        name: &DeviceName,
        with_data: bool,
        key: IdempotencyKey,
        now: Now,
    ) {
        let removal = Removal::new(admin, with_data, key);
        self.queue_change(admin, name, AccountJob::Remove(removal), now);
    }

    pub(crate) fn queue_change(
        &mut self,
        admin: AdminId,
        name: &DeviceName,
        job: AccountJob,
        now: Now,
    ) {
        if self.enqueue(name, Job::Account(job), now).is_err() {
            let message = format!("too many operations of {name} are waiting; try again later");
            self.answer_admin(admin, Err(message));
        }
    }

    fn unlock(&mut self, admin: AdminId, name: &DeviceName, now: Now) {
        if !self.accounts.contains(name) {
            return self.answer_admin(admin, Err(no_account(name)));
        }
        self.logins.unlock(name.as_str(), now.monotonic);
        self.answer_admin(admin, Ok(AdminReply::Done));
        self.show_account(name.clone(), AccountChange::Unlocked);
        self.check_waiting(name.as_str(), now);
    }

    fn account_statuses(&self, now: Now) -> Vec<AccountStatus> {
        let status = |account: &Account| AccountStatus {
            name: account.name.clone(),
            created: account.created,
            active: self.presence.is_active(&account.name),
            blocked_for: self
                .logins
                .locked_out_for(account.name.as_str(), now.monotonic),
            key: account.key.clone(),
        };
        self.accounts.iter().map(status).collect()
    }

    /// The store answered a step of a change; the change where it needs the store again.
    pub(crate) fn finish_account_step(
        &mut self,
        name: &DeviceName,
        job: AccountJob,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) -> Option<AccountJob> {
        match job {
            AccountJob::Add { admin, account } => {
                let result = self.account_added(account, result);
                self.answer_admin(admin, result);
            }
            AccountJob::SetPassword {
                admin,
                password_hash,
            } => {
                let result = self.password_set(name, password_hash, result, now);
                self.answer_admin(admin, result);
            }
            AccountJob::Import(job) => self.finish_import(name, job, result, now),
            AccountJob::RemoveLogin { admin, .. } => {
                let result = self.login_removed(name, result);
                self.answer_admin(admin, result);
            }
            AccountJob::FinishImport { admin, .. } => {
                let done = result.map(|_| AdminReply::Done);
                self.answer_admin(admin, done.map_err(|error| error.to_string()));
            }
            AccountJob::Remove(removal) => {
                let again = self.removal_step(name, removal, result);
                return again.map(AccountJob::Remove);
            }
        }
        None
    }

    fn account_added(
        &mut self,
        account: Account,
        result: Result<StoreReply, StoreError>,
    ) -> Result<AdminReply, String> {
        let name = account.name.clone();
        match result {
            Ok(_) => {
                // Where the outcome of a removal was unknown there may be sessions of the account
                // before; the new one has neither their password nor their key.
                self.accounts.insert(account);
                self.end_sessions_without_ground(&name);
                self.show_account(name, AccountChange::Added);
                Ok(AdminReply::Done)
            }
            Err(StoreError::Conflict(why)) => Err(self.name_conflict(&name, why)),
            Err(error) => Err(sentence(&name, &error)),
        }
    }

    /// Which account stands in the way of this name, as far as the hub knows.
    pub(crate) fn name_conflict(&self, name: &DeviceName, why: String) -> String {
        match self.accounts.holder(name) {
            Some(holder) if holder == name => format!("there is an account {name} already"),
            Some(holder) => format!("{name} differs only by case from the account {holder}"),
            None => why,
        }
    }

    fn password_set(
        &mut self,
        name: &DeviceName,
        hash: PasswordHash,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) -> Result<AdminReply, String> {
        match result {
            Ok(_) => {
                self.accounts.set_password(name, hash, now.wall);
                self.end_sessions_without_ground(name);
                self.withdraw_orphans(name);
                self.show_account(name.clone(), AccountChange::PasswordChanged);
                Ok(AdminReply::Done)
            }
            Err(error) => Err(sentence(name, &error)),
        }
    }

    /// The store holds the account no longer: neither does the hub, and what its sessions still
    /// wait for is not done.
    pub(crate) fn account_removed(&mut self, name: &DeviceName) {
        self.accounts.remove(name);
        self.presence.forget(name);
        self.end_sessions_of(name, Ending::AccountRemoved, None);
        // Also those of sessions that have gone by themselves.
        self.withdraw_orphans(name);
    }

    pub(crate) fn show_account(&mut self, name: DeviceName, change: AccountChange) {
        self.show(ConsoleEvent::Account { name, change });
    }

    pub(crate) fn answer_admin(&mut self, admin: AdminId, result: Result<AdminReply, String>) {
        self.effects
            .push_back(Effect::AnswerAdmin { admin, result });
    }
}
