//! Logins by key. They neither count for the lock-out nor reset it, and a lock-out does not concern
//! them: a name under attack by password is still its owner's.

use fleetlink_proto::control::limits::LOGIN_NONCE_LIFE;
use fleetlink_proto::control::{LoginNonceReply, LoginProof, Reply};
use fleetlink_proto::{DeviceKey, LoginNonce};

use crate::access::possession::Possession;
use crate::call::Call;
use crate::caller::Proof;
use crate::console::LoginFailure;
use crate::errors;
use crate::hub::Hub;
use crate::hub::routing::Context;
use crate::session::state::Stage;
use crate::store::calls::Account;
use crate::time::Now;

impl Hub {
    /// Issues a nonce to a session that has not logged in; there is none without TLS.
    pub(super) fn issue_nonce(
        &mut self,
        call: Call<Option<LoginNonce>>,
        Context { now, .. }: Context,
    ) {
        let (nonce, call) = call.split();
        let session = call.session().and_then(|id| self.out.sessions.get_mut(id));
        let open = session.filter(|session| matches!(session.stage, Stage::Greeted { .. }));
        let Some(session) = open else {
            let error = errors::out_of_order("this session is logged in already");
            return call.refuse(error, &mut self.out);
        };
        let Some(nonce) = nonce else {
            return call.refuse(errors::no_channel(), &mut self.out);
        };
        session.nonces.issue(nonce, now.monotonic);
        let expires_ms = u64::try_from(LOGIN_NONCE_LIFE.as_millis()).unwrap_or(u64::MAX);
        let reply = LoginNonceReply { nonce, expires_ms };
        call.ok(Reply::LoginNonce(reply), &mut self.out);
    }

    /// Uses up the nonce that a login names; `false` where it was not valid.
    pub(super) fn use_nonce_up(&mut self, call: &Call, proof: &LoginProof, now: Now) -> bool {
        let LoginProof::Key {
            nonce: Some(nonce), ..
        } = proof
        else {
            return true;
        };
        let session = call.session().and_then(|id| self.out.sessions.get_mut(id));
        session.is_some_and(|session| session.nonces.use_up(**nonce, now.monotonic))
    }

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
        let account = match possession {
            Possession::Proven => self.accounts.find(name),
            Possession::NoChannel | Possession::Unproven => None,
        };
        let has_key = |account: &&Account| account.key.as_ref().is_some_and(|own| own.key == key);
        let account = account.filter(has_key);
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
