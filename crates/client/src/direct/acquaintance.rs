//! Whether a peer has the key that it had before. The hub says which key a device has; a device that
//! was met once is known by that one, whatever the hub says later.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use fleetlink_proto::transfer::{Ended, GrantedParty, Reason};
use fleetlink_proto::{DeviceKey, DeviceName, HubPin, WallTime};

use crate::shortage;
use crate::{Error, ErrorKind, KnownDevice, KnownDevices};

/// The devices that this one has met.
#[derive(Clone)]
pub(super) struct Acquaintances {
    devices: KnownDevices,
    tell: Arc<dyn Fn(&NotRemembered) + Send + Sync>,
}

/// A peer whose key is not kept: the next time it is met as if it were new.
#[derive(Debug, thiserror::Error)]
#[error("the key of {name} could not be remembered, so that a change of it goes unnoticed: {why}")]
pub struct NotRemembered {
    /// The peer.
    pub name: DeviceName,
    /// Why.
    #[source]
    pub why: Error,
}

/// The reason for which a peer is not trusted, whatever it has proven.
#[derive(Debug, Clone)]
pub(super) struct Doubt {
    /// For this device.
    pub(super) here: Ended,
    /// For the peer.
    pub(super) told: Ended,
}

impl Acquaintances {
    /// Those kept here; `tell` hears of each one that cannot be.
    pub(super) fn new(
        devices: KnownDevices,
        tell: impl Fn(&NotRemembered) + Send + Sync + 'static,
    ) -> Self {
        let tell = Arc::new(tell);
        Acquaintances { devices, tell }
    }

    /// Whether the hub names the key of the peer that is remembered, if one is: that is the answer.
    /// `own` is the name of this device, `hub` how its session knows the hub.
    pub(super) async fn check(
        &self,
        own: &DeviceName,
        hub: HubPin,
        peer: &GrantedParty,
    ) -> Result<bool, Doubt> {
        let name = peer.party.name.clone();
        let found = self.blocking(move |devices| devices.find(hub, &name)).await;
        match found.map_err(|why| unreadable(peer, &why))? {
            Some(known) => same(own, peer, known).map(|()| true),
            None => Ok(false),
        }
    }

    /// The same of a peer that has proven the key, which is remembered from here on where the device
    /// has enrolled it.
    pub(super) async fn meet(
        &self,
        own: &DeviceName,
        hub: HubPin,
        peer: &GrantedParty,
    ) -> Result<(), Doubt> {
        if self.check(own, hub, peer).await? || !peer.enrolled {
            return Ok(());
        }
        let met = KnownDevice {
            hub,
            name: peer.party.name.clone(),
            key: peer.party.key,
            since: now(),
        };
        match self.blocking(move |devices| devices.keep(met)).await {
            // Another process may have met it meanwhile.
            Ok(known) => same(own, peer, known),
            Err(why) if matches!(why.kind(), ErrorKind::StateDamaged) => {
                Err(unreadable(peer, &why))
            }
            // It passes, so nobody has to be met without being remembered.
            Err(why) if shortage(&why).is_some() => Err(unreadable(peer, &why)),
            Err(why) => {
                let name = peer.party.name.clone();
                (self.tell)(&NotRemembered { name, why });
                Ok(())
            }
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&KnownDevices) -> crate::Result<T> + Send + 'static,
    ) -> crate::Result<T> {
        let devices = self.devices.clone();
        let done = tokio::task::spawn_blocking(move || work(&devices)).await;
        done.unwrap_or_else(|e| Err(Error::died(e)))
    }
}

impl fmt::Debug for Acquaintances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquaintances").finish_non_exhaustive()
    }
}

/// This device's civil time, which is kept for people to read.
fn now() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    WallTime::from_unix_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

fn same(own: &DeviceName, peer: &GrantedParty, known: DeviceKey) -> Result<(), Doubt> {
    let (name, named) = (&peer.party.name, peer.party.key);
    if known == named {
        return Ok(());
    }
    // Both read it: neither is 'this device'.
    let ended = Ended::new(
        Reason::KeyChanged,
        format!("{own} knows {name} by the key {known}, and the hub names {named}"),
    );
    Err(Doubt {
        here: ended.clone(),
        told: ended,
    })
}

fn shortage(why: &Error) -> Option<Ended> {
    why.io().and_then(shortage::refusal)
}

/// The peer is not told of files here.
fn unreadable(peer: &GrantedParty, why: &Error) -> Doubt {
    let text = format!(
        "whether {} has its known key cannot be said",
        peer.party.name
    );
    if let Some(told) = shortage(why) {
        let here = Ended::new(told.reason, format!("{text}: {why}"));
        return Doubt { here, told };
    }
    Doubt {
        here: Ended::new(Reason::Internal, format!("{text}: {why}")),
        told: Ended::new(Reason::Internal, text),
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::transfer::{EndpointId, Party};

    use super::*;

    #[test]
    fn the_longest_names_leave_room_for_both_keys() {
        let name: DeviceName = "n".repeat(64).parse().unwrap();
        let party = Party {
            name: name.clone(),
            key: DeviceKey::from_bytes([1; 32]),
            endpoint: EndpointId::from_bytes([2; 32]),
        };
        let peer = GrantedParty {
            party,
            enrolled: true,
        };
        let doubt = same(&name, &peer, DeviceKey::from_bytes([3; 32])).unwrap_err();
        let end = peer.party.key.to_string();
        assert!(doubt.told.to_string().ends_with(&end), "{}", doubt.told);
        // The peer may be another program than ours.
        assert!(!doubt.told.to_string().contains("fleetlink"));
    }
}
