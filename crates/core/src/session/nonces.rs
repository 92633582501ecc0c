//! The nonces of one session, with which a device logs in whose TLS library has no exporter.

use std::collections::VecDeque;
use std::time::Duration;

use fleetlink_proto::LoginNonce;
use fleetlink_proto::control::limits::{LOGIN_NONCE_LIFE, MAX_LOGIN_NONCES};

/// The nonces that one session was given and has not used, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Nonces(VecDeque<Issued>);

#[derive(Debug)]
struct Issued {
    nonce: LoginNonce,
    at: Duration,
}

impl Nonces {
    /// Issues a nonce; the oldest makes room where there are too many.
    pub(crate) fn issue(&mut self, nonce: LoginNonce, now: Duration) {
        if self.0.len() == MAX_LOGIN_NONCES {
            self.0.pop_front();
        }
        self.0.push_back(Issued { nonce, at: now });
    }

    /// Uses a nonce up; whether it was valid.
    pub(crate) fn use_up(&mut self, nonce: LoginNonce, now: Duration) -> bool {
        let place = self.0.iter().position(|issued| issued.nonce == nonce);
        let issued = place.and_then(|place| self.0.remove(place));
        issued.is_some_and(|issued| now.saturating_sub(issued.at) < LOGIN_NONCE_LIFE)
    }

    /// Forgets all of them: a session logs in once.
    pub(crate) fn clear(&mut self) {
        self.0 = VecDeque::new();
    }
}
