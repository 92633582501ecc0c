//! Changes of accounts. An account changes in memory only after the store has committed it.

use fleetlink_proto::DeviceName;

use crate::call::Call;
use crate::console::{AccountChange, ConsoleEvent};
use crate::errors;
use crate::hub::Hub;
use crate::hub::endings::Ending;
use crate::hub::queue::Job;
use crate::operator::account_change::AccountCommand;
use crate::operator::errors::{
    AdminError, AdminErrorKind, no_account, sentence, too_many_operations,
};
use crate::operator::removal::NextStep;
use crate::operator::requests::{AccountStatus, AdminReply};
use crate::store::audit::action::AuditAction;
use crate::store::calls::{Account, StoreError, StoreReply};
use crate::time::Now;

impl Hub {
    pub(super) fn queue_change(&mut self, call: Call<AccountCommand>, name: &DeviceName, now: Now) {
        if let Err(call) = self.enqueue(name, Job::Account(call), now) {
            let error = AdminError::busy(too_many_operations(name));
            call.report_error(error, &mut self.out);
        }
    }

    pub(super) fn unlock(&mut self, call: Call, name: &DeviceName, now: Now) {
        if !self.accounts.contains(name) {
            let error = AdminError::not_found(no_account(name));
            return call.report_error(error, &mut self.out);
        }
        self.logins.unlock(name.as_str(), now);
        self.note_done(&call, AuditAction::Unlocked, |e| e.of_device(name.as_str()));
        call.report(Ok(AdminReply::Done), &mut self.out);
        self.show_account(name.clone(), AccountChange::Unlocked);
        self.check_waiting(name.as_str(), now);
    }

    pub(super) fn account_statuses(&self, page: &[Account], now: Now) -> Vec<AccountStatus> {
        let locked_out = self.logins.locked_out(now);
        let status = |account: &Account| AccountStatus {
            name: account.name.clone(),
            created: account.created,
            active: self.presence.is_active(&account.name),
            locked_out_for: locked_out.get(account.name.as_str()).copied(),
            key: account.key.clone(),
        };
        page.iter().map(status).collect()
    }

    /// The store answered a step of a change; the change where it needs the store again.
    pub(super) fn finish_account_step(
        &mut self,
        name: &DeviceName,
        call: Call<AccountCommand>,
        result: Result<StoreReply, StoreError>,
    ) -> Option<Call<AccountCommand>> {
        let (change, call) = call.split();
        let kind = result.as_ref().err().map(AdminErrorKind::from);
        let result = match change {
            AccountCommand::Add(_) => self.account_added(name, result),
            AccountCommand::SetPassword(_) => self.password_set(name, result),
            AccountCommand::Import(line) => self.finish_import(name, &line, result),
            AccountCommand::RemoveLogin { .. } => self.login_removed(name, result),
            AccountCommand::FinishImport { .. } => match result {
                Ok(_) => Ok(AdminReply::Done),
                Err(error) => Err(error.to_string()),
            },
            AccountCommand::Remove(removal) => match self.removal_step(name, removal, result) {
                NextStep::Next(removal) => {
                    return Some(call.with(AccountCommand::Remove(removal)));
                }
                NextStep::Over(result) => result,
            },
        };
        match (result, kind) {
            (Err(message), Some(kind)) => {
                call.report_error(AdminError::new(kind, message), &mut self.out);
            }
            (result, _) => call.report(result, &mut self.out),
        }
        None
    }

    /// Takes the account in as a change has left it in the store.
    pub(super) fn take_stored(
        &mut self,
        name: &DeviceName,
        result: Result<StoreReply, StoreError>,
    ) -> Result<(), StoreError> {
        match result {
            Ok(StoreReply::Account(stored)) => {
                self.put_account(name, stored);
                Ok(())
            }
            Ok(_) => {
                self.doubt(name);
                Err(StoreError::Unknown(errors::internal().message))
            }
            Err(error) => {
                self.doubt(name);
                Err(error)
            }
        }
    }

    /// Takes in how a change has left an account.
    pub(super) fn put_account(&mut self, name: &DeviceName, stored: Option<Account>) {
        let before = self.accounts.last_name(name);
        if stored.is_none() && before.as_ref().is_some_and(|before| before != name) {
            // Of the account whose name differs by case, that says nothing.
            return self.doubt(name);
        }
        self.accounts.put(name, stored);
        self.reads.outdate(name);
        let has_another = |before: &DeviceName| self.accounts.holder(before) != Some(before);
        if let Some(before) = before.filter(|before| before != name && has_another(before)) {
            // One whose removal had an unknown outcome made room for this one.
            self.account_removed(&before);
        }
    }

    /// A change of an account may have been made, or the account was another than the hub knew.
    pub(super) fn doubt(&mut self, name: &DeviceName) {
        self.uses.name_given_back(name);
        self.accounts.doubt(name);
        self.read_if_used(name);
    }

    fn account_added(
        &mut self,
        name: &DeviceName,
        result: Result<StoreReply, StoreError>,
    ) -> Result<AdminReply, String> {
        match self.take_stored(name, result) {
            Ok(()) => {
                // Where the outcome of a removal was unknown there may be sessions of the account
                // before; the new one has neither their password nor their key.
                self.end_sessions_without_ground(name);
                self.show_account(name.clone(), AccountChange::Added);
                Ok(AdminReply::Done)
            }
            Err(StoreError::Conflict(why)) => Err(self.name_conflict(name, why)),
            Err(error) => Err(sentence(name, &error)),
        }
    }

    /// The reason why a name cannot be used: the account that has it, as far as the hub knows, else
    /// `why`.
    pub(super) fn name_conflict(&self, name: &DeviceName, why: String) -> String {
        match self.accounts.holder(name) {
            Some(holder) if holder == name => format!("there is an account {name} already"),
            Some(holder) => format!("{name} differs only by case from the account {holder}"),
            None => why,
        }
    }

    fn password_set(
        &mut self,
        name: &DeviceName,
        result: Result<StoreReply, StoreError>,
    ) -> Result<AdminReply, String> {
        let taken = self.take_stored(name, result);
        taken.map_err(|error| sentence(name, &error))?;
        self.end_sessions_without_ground(name);
        self.withdraw_orphans(name);
        self.show_account(name.clone(), AccountChange::PasswordChanged);
        Ok(AdminReply::Done)
    }

    /// The store holds the account no longer: neither does the hub, and what its sessions still
    /// wait for is not done.
    pub(super) fn account_removed(&mut self, name: &DeviceName) {
        self.accounts.remove(name);
        // Its tokens went with it.
        self.admissions.forget_device(name);
        self.reads.outdate_admissions();
        self.withdraw_revoked();
        self.reads.outdate(name);
        self.uses.name_given_back(name);
        self.presence.forget(name);
        self.end_sessions_of(name, Ending::AccountRemoved, None);
        // Also that these sessions have ended.
        self.sightings.forget(name);
        // Also those of sessions that have gone by themselves.
        self.withdraw_orphans(name);
    }

    pub(super) fn show_account(&mut self, name: DeviceName, change: AccountChange) {
        self.show(ConsoleEvent::Account { name, change });
    }
}
