//! Logins that a credentials file gives and takes away. The file's line is one word about an account
//! among others: where the operator has spoken since the file was read, that word stands.

use fleetlink_proto::DeviceName;

use crate::console::AccountChange;
use crate::hub::Hub;
use crate::hub::endings::Ending;
use crate::operator::errors::sentence;
use crate::operator::import::ImportLine;
use crate::operator::requests::{AdminReply, ImportEffect};
use crate::store::calls::{StoreError, StoreReply};

impl Hub {
    /// Decides whether the account follows the line: not where it says what is so already, and not
    /// where the account is another one than when the file was read.
    pub(super) fn decide_import(&self, name: &DeviceName, line: &mut ImportLine) {
        let account = self.accounts.get(name);
        let present = account.and_then(|account| account.password_hash.as_ref());
        let order = &line.order;
        let is_so = present == Some(&order.password_hash);
        line.applies = !is_so && present == order.before.as_ref();
        // A line that says what is so already gives the login too.
        line.gives = is_so || line.applies;
    }

    pub(super) fn finish_import(
        &mut self,
        name: &DeviceName,
        line: &ImportLine,
        result: Result<StoreReply, StoreError>,
    ) -> Result<AdminReply, String> {
        let was_there = self.accounts.contains(name);
        let outcome = match self.take_stored(name, result) {
            Ok(()) if !line.applies => {
                self.end_sessions_without_ground(name);
                ImportEffect::Remembered
            }
            Ok(()) => self.login_given(name, was_there),
            Err(StoreError::Conflict(why)) => return Err(self.name_conflict(name, why)),
            Err(error) => return Err(sentence(name, &error)),
        };
        Ok(AdminReply::Imported(outcome))
    }

    fn login_given(&mut self, name: &DeviceName, was_there: bool) -> ImportEffect {
        let (outcome, change) = match was_there {
            true => (ImportEffect::Changed, AccountChange::PasswordChanged),
            false => (ImportEffect::Added, AccountChange::Added),
        };
        self.end_sessions_without_ground(name);
        self.withdraw_orphans(name);
        self.show_account(name.clone(), change);
        outcome
    }

    /// Ends the sessions of a removed login. If nobody knows whether the store has removed it, the
    /// hub treats it as removed: the file no longer lists the device.
    pub(super) fn login_removed(
        &mut self,
        name: &DeviceName,
        result: Result<StoreReply, StoreError>,
    ) -> Result<AdminReply, String> {
        let was_there = self.accounts.contains(name);
        let taken = self.take_stored(name, result);
        if let Err(StoreError::Unknown(_)) = &taken {
            self.accounts.take_login_as_gone(name);
        }
        if taken.is_ok() && was_there && !self.accounts.contains(name) {
            // Another hub has removed the whole account meanwhile.
            self.account_removed(name);
        }
        if matches!(taken, Ok(()) | Err(StoreError::Unknown(_))) && was_there {
            self.end_sessions_of(name, Ending::LoginRemoved, None);
            self.withdraw_orphans(name);
            self.show_account(name.clone(), AccountChange::LoginRemoved);
        }
        match taken {
            Ok(()) => Ok(AdminReply::Done),
            Err(error) => Err(sentence(name, &error)),
        }
    }
}
