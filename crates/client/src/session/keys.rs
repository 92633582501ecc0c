//! Proving a key to the hub, and changing which one it knows.

use fleetlink_proto::control::{
    Done, EnrolKey, EnrolledKey, KeyList, Login, LoginReply, ReplaceKey, Request,
};
use fleetlink_proto::signed::Channel;
use fleetlink_proto::{DeviceName, HubPin};

use super::Session;
use crate::{Error, KeyPair, Result};

impl Session {
    /// Logs in by proving the enrolled key on this connection.
    pub async fn login_by_key(&self, name: &str, key: &KeyPair) -> Result<LoginReply> {
        self.call(self.login_request(name, key)?).await
    }

    /// The call that logs in by proving the enrolled key on this connection.
    pub(super) fn login_request(&self, name: &str, key: &KeyPair) -> Result<Request> {
        let signature = key.sign(&self.channel()?.login(name));
        Ok(Request::Login(Login::by_key(name, key.public(), signature)))
    }

    /// Makes a key the device's own, where it has none. The session must have logged in under this
    /// name with the password; so must it for the following ones.
    pub async fn enrol_key(&self, name: &DeviceName, key: &KeyPair) -> Result<()> {
        let signature = key.sign(&self.channel()?.enrolment(name.as_str()));
        let enrol = EnrolKey {
            name: name.clone(),
            key: key.public(),
            signature,
        };
        self.call::<Done>(Request::EnrolKey(enrol))
            .await
            .map(|_| ())
    }

    /// Makes a key the device's own, instead of the one that it has.
    pub async fn replace_key(&self, name: &DeviceName, key: &KeyPair) -> Result<()> {
        let signature = key.sign(&self.channel()?.enrolment(name.as_str()));
        let replace = ReplaceKey {
            name: name.clone(),
            key: key.public(),
            signature,
        };
        self.call::<Done>(Request::ReplaceKey(replace))
            .await
            .map(|_| ())
    }

    /// The key that the hub knows of the device, if any.
    pub async fn keys(&self) -> Result<Vec<EnrolledKey>> {
        let list: KeyList = self.call(Request::ListKeys).await?;
        Ok(list.keys)
    }

    /// Takes the device's key away, and ends its other sessions.
    pub async fn revoke_key(&self) -> Result<()> {
        self.call::<Done>(Request::RevokeKey).await.map(|_| ())
    }

    /// The pin of the key that the hub has shown on this connection; none without TLS.
    pub fn pin(&self) -> Option<HubPin> {
        self.inner.channel.map(|channel| channel.hub)
    }

    pub(super) fn channel(&self) -> Result<&Channel> {
        self.inner
            .channel
            .as_ref()
            .ok_or_else(|| Error::usage("a key is proved over TLS alone"))
    }
}
