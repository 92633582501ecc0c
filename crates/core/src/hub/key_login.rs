//! Logins by key. They neither count for the lock-out nor reset it, and a block does not concern
//! them: a name under attack by password is still its owner's.

use fleetlink_proto::DeviceKey;
use fleetlink_proto::control::RequestId;

use crate::access::possession::Possession;
use crate::console::LoginFailure;
use crate::errors;
use crate::hub::Hub;
use crate::ids::SessionId;
use crate::session::state::Proof;
use crate::time::Now;

impl Hub {
    /// Decides about a session that says it is the device of this name and key. An unknown name,
    /// another key and a wrong signature are told in the same words.
    pub(crate) fn login_by_key(
        &mut self,
        session: SessionId,
        id: RequestId,
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
            return self.accept(session, id, device, Proof::Key(key), now);
        }
        let error = match possession {
            Possession::NoChannel => errors::no_channel(),
            Possession::Proven | Possession::Unproven => errors::key_refused(),
        };
        let why = (error, LoginFailure::KeyRefused);
        self.fail_login(session, id, name, why, now);
    }
}
