//! Removing an account, its files first where that is asked for. The whole removal is one job in
//! the name's queue, so nothing of the device comes between its steps.

use fleetlink_proto::DeviceName;

use crate::console::AccountChange;
use crate::effect::Effect;
use crate::hub::Hub;
use crate::operator::errors::{no_account, sentence};
use crate::operator::removal::{NextStep, Removal, Step};
use crate::operator::requests::AdminReply;
use crate::store::calls::{StoreError, StoreReply};

/// Keys that an earlier removal with the same first key may have used; beyond them something is
/// wrong with the store.
const MAX_USED_KEYS: u32 = 100_000;

impl Hub {
    /// The store answered one step.
    pub(super) fn removal_step(
        &mut self,
        name: &DeviceName,
        removal: Removal,
        result: Result<StoreReply, StoreError>,
    ) -> NextStep {
        match (&removal.step, result) {
            (Step::FindFile, Ok(StoreReply::Files(list))) => {
                let step = match list.files.first() {
                    Some(entry) => Step::DeleteFile(entry.file.clone()),
                    None => Step::RemoveAccount,
                };
                NextStep::Next(removal.with(step))
            }
            (Step::DeleteFile(_), Ok(_)) => {
                self.out.push(Effect::JournalGrew);
                NextStep::Next(removal.with_next_key().with(Step::FindFile))
            }
            // The key is used: an earlier try at this removal came as far as here.
            (Step::DeleteFile(_), Err(StoreError::Conflict(_) | StoreError::NotFound))
                if removal.used_keys < MAX_USED_KEYS =>
            {
                let used_keys = removal.used_keys + 1;
                let removal = removal.with_next_key().with(Step::FindFile);
                NextStep::Next(Removal {
                    used_keys,
                    ..removal
                })
            }
            (Step::RemoveAccount, result) => {
                NextStep::Over(self.finish_removal(name, &removal, result))
            }
            (_, result) => {
                let why = match result {
                    Ok(_) => format!("account {name}: the store gave a result of another kind"),
                    Err(error) => sentence(name, &error),
                };
                let message = format!("{why}; the account stays, some of its files may be gone");
                NextStep::Over(Err(message))
            }
        }
    }

    fn finish_removal(
        &mut self,
        name: &DeviceName,
        removal: &Removal,
        result: Result<StoreReply, StoreError>,
    ) -> Result<AdminReply, String> {
        match result {
            Ok(_) => {
                self.account_removed(name);
                self.show_account(name.clone(), AccountChange::Removed);
                Ok(AdminReply::Done)
            }
            Err(StoreError::NotFound) => {
                // Perhaps an earlier removal whose outcome was unknown.
                self.account_removed(name);
                Err(no_account(name))
            }
            Err(StoreError::Conflict(_)) if !removal.with_data => Err(format!(
                "the account {name} has files; it is removed only together with them"
            )),
            Err(error) => {
                self.doubt(name);
                Err(sentence(name, &error))
            }
        }
    }
}
