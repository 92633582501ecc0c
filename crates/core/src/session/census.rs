//! The numbers of open sessions: for the hub's own limit, and for the shares of a device and of a
//! client network.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fleetlink_proto::{ClientNetwork, DeviceName};

/// The number of entries of each owner.
#[derive(Debug)]
struct Counts<K> {
    of: BTreeMap<K, usize>,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Counts {
            of: BTreeMap::new(),
        }
    }
}

impl<K: Ord> Counts<K> {
    fn add(&mut self, owner: K) {
        *self.of.entry(owner).or_default() += 1;
    }

    fn remove(&mut self, owner: &K) {
        if let Some(count) = self.of.get_mut(owner) {
            *count -= 1;
            if *count == 0 {
                self.of.remove(owner);
            }
        }
    }

    fn count(&self, owner: &K) -> usize {
        self.of.get(owner).copied().unwrap_or(0)
    }
}

/// The open sessions by client network, and those that are logged in by device.
///
/// Loopback counts here as any client network does: where a proxy ends there, all devices come from it, and
/// a part of the hub is left for others.
#[derive(Debug, Default)]
pub(crate) struct Census {
    networks: Counts<ClientNetwork>,
    devices: Counts<DeviceName>,
}

impl Census {
    pub(crate) fn connected(&mut self, address: IpAddr) {
        self.networks.add(ClientNetwork::of(address));
    }

    pub(crate) fn logged_in(&mut self, device: DeviceName) {
        self.devices.add(device);
    }

    /// A session of this address is over; its device where it was logged in.
    pub(crate) fn ended(&mut self, address: IpAddr, device: Option<&DeviceName>) {
        self.networks.remove(&ClientNetwork::of(address));
        if let Some(device) = device {
            self.devices.remove(device);
        }
    }

    pub(crate) fn of_source(&self, address: IpAddr) -> usize {
        self.networks.count(&ClientNetwork::of(address))
    }

    pub(crate) fn of_device(&self, device: &DeviceName) -> usize {
        self.devices.count(device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_a_customers_addresses_together_and_forgets_who_has_none() {
        let mut census = Census::default();
        let [one, other]: [IpAddr; 2] =
            ["2001:db8::1", "2001:db8:0:1::2"].map(|a| a.parse().unwrap());
        let device: DeviceName = "cam".parse().unwrap();
        census.connected(one);
        census.connected(other);
        census.logged_in(device.clone());
        assert_eq!((census.of_source(one), census.of_device(&device)), (2, 1));
        census.ended(one, Some(&device));
        census.ended(other, None);
        assert_eq!((census.of_source(one), census.of_device(&device)), (0, 0));
        assert!(census.networks.of.is_empty() && census.devices.of.is_empty());
    }
}
