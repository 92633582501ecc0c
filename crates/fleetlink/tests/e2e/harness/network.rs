//! Two hosts and a cable between them, as network namespaces of this test alone.

use std::process::Command;

use fleetlink_testkit::Namespace;

/// The hosts' ends of the cable.
const CABLE: &str = "cable";

/// A hub's host and a device's host.
pub(crate) struct Network {
    hub: Namespace,
    device: Namespace,
    family: Family,
}

/// The IP version between the two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
    Both,
}

impl Network {
    /// Two namespaces with a pair of interfaces and IPv4; nothing, with the reason, where this user
    /// may not make them.
    pub(crate) fn make() -> Option<Self> {
        Self::make_of(Family::V4)
    }

    /// The same with these addresses.
    pub(crate) fn make_of(family: Family) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            fleetlink_testkit::skip("only root can make network namespaces");
            return None;
        }
        let make = |role| Namespace::make(role).expect("root makes network namespaces");
        let (hub, device) = (make("hub"), make("device"));
        connect((&hub, &device), CABLE);
        for (host, number) in [(&hub, 1), (&device, 2)] {
            if family != Family::V6 {
                let address = format!("10.77.0.{number}/24");
                ip(host, &["address", "add", &address, "dev", CABLE]);
            }
            if family != Family::V4 {
                let address = format!("fd77::{number}/64");
                ip(host, &["address", "add", &address, "dev", CABLE, "nodad"]);
            }
            ip(host, &["link", "set", CABLE, "up"]);
        }
        let network = Network {
            hub,
            device,
            family,
        };
        Some(network)
    }

    /// The hub's address in it.
    pub(crate) fn hub_address(&self) -> &'static str {
        match self.family {
            Family::V4 | Family::Both => "10.77.0.1:0",
            Family::V6 => "[fd77::1]:0",
        }
    }

    /// Lets no UDP packet pass any more between the device's host and these addresses.
    pub(crate) fn cut_udp(&self, addresses: &str) {
        let rules = format!(
            "add table ip cut; \
             add chain ip cut in {{ type filter hook input priority 0; }}; \
             add chain ip cut out {{ type filter hook output priority 0; }}; \
             add rule ip cut in meta l4proto udp ip saddr {addresses} drop; \
             add rule ip cut out meta l4proto udp ip daddr {addresses} drop;"
        );
        nft(&self.device, &rules);
    }

    /// A second cable between the two hosts, and the hub's address on it.
    pub(crate) fn add_cable(&self) -> &'static str {
        let (hub, device) = (&self.hub, &self.device);
        connect((hub, device), "second");
        for (host, address) in [(hub, "10.78.0.1/24"), (device, "10.78.0.2/24")] {
            ip(host, &["address", "add", address, "dev", "second"]);
            ip(host, &["link", "set", "second", "up"]);
        }
        "10.78.0.1"
    }

    /// Runs a command on the hub's host.
    pub(crate) fn on_hub(&self, command: &Command) -> Command {
        self.hub.within(command)
    }

    /// Runs a command on the device's host.
    pub(crate) fn on_device(&self, command: &Command) -> Command {
        self.device.within(command)
    }

    /// Counts packets to anybody but these two hosts, on both; there is a way to them.
    pub(crate) fn count_strangers(&self) {
        let rules = "add table inet strangers; \
                     add chain inet strangers out { type filter hook output priority 0; }; \
                     add rule inet strangers out ip daddr != { 10.77.0.0/24, 127.0.0.0/8 } \
                     meta l4proto { tcp, udp } counter; \
                     add rule inet strangers out ip6 daddr != ::1 \
                     meta l4proto { tcp, udp } counter;";
        for (host, gateway) in [(&self.hub, "10.77.0.2"), (&self.device, "10.77.0.1")] {
            nft(host, rules);
            ip(host, &["route", "add", "default", "via", gateway]);
            ip(host, &["-6", "route", "add", "default", "dev", CABLE]);
        }
    }

    /// The counters, as nft lists them.
    pub(crate) fn strangers(&self) -> String {
        let list = ["list", "table", "inet", "strangers"];
        let hosts = [&self.hub, &self.device];
        let listed = hosts.map(|host| host.run("nft", &list).expect("the table is there"));
        listed.concat()
    }

    /// Loses so many of a hundred UDP packets, in either direction.
    pub(crate) fn lose(&self, percent: u32) {
        let lost = format!("meta l4proto udp numgen random mod 100 < {percent} drop");
        let rules = format!(
            "add table inet loss; delete table inet loss; add table inet loss; \
             add chain inet loss in {{ type filter hook input priority 0; }}; \
             add chain inet loss out {{ type filter hook output priority 0; }}; \
             add rule inet loss in {lost}; add rule inet loss out {lost};"
        );
        nft(&self.device, &rules);
    }

    /// Lets so many kilobytes of UDP through in a second, in either direction.
    pub(crate) fn slow_down(&self, kilobytes: u32) {
        let much = format!(
            "meta l4proto udp limit rate over {kilobytes} kbytes/second burst 8 kbytes drop"
        );
        let rules = format!(
            "add table inet slow; \
             add chain inet slow in {{ type filter hook input priority 0; }}; \
             add chain inet slow out {{ type filter hook output priority 0; }}; \
             add rule inet slow in {much}; add rule inet slow out {much};"
        );
        nft(&self.device, &rules);
    }

    /// Cuts the cable: nothing closes, nothing arrives.
    pub(crate) fn drop_packets(&self) {
        let rules = "add table inet cut; \
                     add chain inet cut in { type filter hook input priority 0; policy drop; }; \
                     add chain inet cut out { type filter hook output priority 0; policy drop; };";
        nft(&self.device, rules);
    }

    /// Mends the cable.
    pub(crate) fn pass_packets(&self) {
        nft(&self.device, "delete table inet cut");
    }
}

#[track_caller]
fn connect((hub, device): (&Namespace, &Namespace), end: &str) {
    hub.connect(end, (device, end)).unwrap();
}

#[track_caller]
fn ip(host: &Namespace, arguments: &[&str]) {
    host.ip(arguments).unwrap();
}

#[track_caller]
fn nft(host: &Namespace, rules: &str) {
    host.run("nft", &[rules]).unwrap();
}
