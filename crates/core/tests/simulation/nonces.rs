//! Logins with a nonce: asked for, used, used again, and used too late; and what must hold of them.

use std::time::Duration;

use fleetlink_core::{Input, SessionId};
use fleetlink_proto::LoginNonce;
use fleetlink_proto::control::limits::{LOGIN_NONCE_LIFE, MAX_LOGIN_NONCES};
use fleetlink_proto::control::{LoginNonceReply, LoginProof};

use crate::client::Wants;
use crate::oracle::Oracle;
use crate::world::World;

impl World {
    /// The nonce with which a client logs in: a new one, or the last one that it was given.
    pub(crate) fn nonce(&mut self, client: usize) -> Option<LoginNonce> {
        if self.rng.percent(60) {
            return None;
        }
        let has_tls = self.rng.percent(95);
        let is_new = self.rng.percent(70);
        let mut bits = [0; 32];
        bits[..8].copy_from_slice(&self.rng.below(u64::MAX).to_be_bytes());
        let drawn = LoginNonce::from_bytes(bits);
        let connection = self.clients[client].connection.as_mut()?;
        if !is_new {
            return connection.nonce;
        }
        connection.nonce = Some(drawn);
        let (session, id) = (connection.session, connection.call(Wants::Other));
        let nonce = has_tls.then_some(drawn);
        self.send(client, Input::NonceAsked { session, id, nonce });
        Some(drawn)
    }
}

impl Oracle {
    pub(crate) fn nonce_issued(
        &mut self,
        session: SessionId,
        reply: LoginNonceReply,
        now: Duration,
    ) {
        let live = self.live.get_mut(&session).expect("is live");
        assert!(
            live.greeted && live.name.is_none(),
            "a nonce to log in with"
        );
        live.nonces.push((reply.nonce, now));
        if live.nonces.len() > MAX_LOGIN_NONCES {
            live.nonces.remove(0);
        }
    }

    /// Whether the nonce that a login names, if it does, is valid: this once.
    pub(crate) fn nonce_holds(
        &mut self,
        session: SessionId,
        proof: &LoginProof,
        now: Duration,
    ) -> bool {
        let LoginProof::Key {
            nonce: Some(nonce), ..
        } = proof
        else {
            return true;
        };
        let Some(live) = self.live.get_mut(&session) else {
            return false;
        };
        let place = live
            .nonces
            .iter()
            .position(|(issued, _)| *issued == **nonce);
        let issued = place.map(|place| live.nonces.remove(place));
        issued.is_some_and(|(_, at)| now - at < LOGIN_NONCE_LIFE)
    }
}
