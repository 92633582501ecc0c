//! Logins by key. They neither count for the lock-out nor reset it, and a block does not concern
//! them: a name under attack by password is still its owner's.

use fleetlink_proto::DeviceKey;

use crate::access::possession::Possession;
use crate::call::Call;
use crate::caller::Proof;
use crate::console::LoginFailure;
use crate::errors;
use crate::hub::Hub;

use crate::time::Now;

impl Hub {
    /// Decides about a session that says it is the device of this name and key. An unknown name,
    /// another key and a wrong signature are told in the same words.
    pub(super) fn login_by_key(
        &mut self,
        call: Call,
        name: &str,
        key: DeviceKey,
        possession: Possession,
        now: Now,
    ) {
        let account = self.accounts.find(name).filter(|account| {
            possession == Possession::Proven
                && account.key.as_ref().is_some_and(|own| own.key == key)
        });
        if let Some(account) = account {
            let device = account.name.clone();
            return self.accept(call, device, Proof::Key(key), now);
        }
        let error = match possession {
            Possession::NoChannel => errors::no_channel(),
            Possession::Proven | Possession::Unproven => errors::key_refused(),
        };
        self.fail_login(call, name, (error, LoginFailure::KeyRefused), now);
    }
}
