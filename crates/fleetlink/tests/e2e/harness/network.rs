//! Two hosts and a cable between them, as network namespaces of this test alone.

use std::process::Command;

/// A hub's host and a device's host; removed when dropped.
pub(crate) struct Network {
    hub: String,
    device: String,
}

impl Network {
    /// Two namespaces with a pair of interfaces; nothing, with the reason, where this user may not
    /// make them.
    #[expect(
        clippy::print_stderr,
        reason = "whoever reads the test's output shall know"
    )]
    pub(crate) fn make() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root can make network namespaces");
            return None;
        }
        let id = std::process::id();
        let network = Network {
            hub: format!("fl-hub-{id}"),
            device: format!("fl-dev-{id}"),
        };
        let (hub, device) = (&network.hub, &network.device);
        ip(&["netns", "add", hub]);
        ip(&["netns", "add", device]);
        ip(&[
            "link", "add", "cable", "netns", hub, "type", "veth", "peer", "cable", "netns", device,
        ]);
        for (host, address) in [(hub, "10.77.0.1/24"), (device, "10.77.0.2/24")] {
            ip(&["-n", host, "address", "add", address, "dev", "cable"]);
            ip(&["-n", host, "link", "set", "cable", "up"]);
            ip(&["-n", host, "link", "set", "lo", "up"]);
        }
        Some(network)
    }

    /// The hub's address in it.
    pub(crate) fn hub_address(&self) -> &'static str {
        "10.77.0.1:0"
    }

    /// Runs a command on the hub's host.
    pub(crate) fn on_hub(&self, command: &Command) -> Command {
        within(&self.hub, command)
    }

    /// Runs a command on the device's host.
    pub(crate) fn on_device(&self, command: &Command) -> Command {
        within(&self.device, command)
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
            ip(&["netns", "exec", host, "nft", rules]);
            ip(&["-n", host, "route", "add", "default", "via", gateway]);
            ip(&["-n", host, "-6", "route", "add", "default", "dev", "cable"]);
        }
    }

    /// The counters, as nft lists them.
    pub(crate) fn strangers(&self) -> String {
        let list = ["nft", "list", "table", "inet", "strangers"];
        let listed = [&self.hub, &self.device].map(|host| {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", host]).args(list);
            let output = command.output().expect("nft is installed");
            String::from_utf8_lossy(&output.stdout).into_owned()
        });
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
        ip(&["netns", "exec", &self.device, "nft", &rules]);
    }

    /// Cuts the cable: nothing closes, nothing arrives.
    pub(crate) fn drop_packets(&self) {
        let rules = "add table inet cut; \
                     add chain inet cut in { type filter hook input priority 0; policy drop; }; \
                     add chain inet cut out { type filter hook output priority 0; policy drop; };";
        ip(&["netns", "exec", &self.device, "nft", rules]);
    }

    /// Mends the cable.
    pub(crate) fn pass_packets(&self) {
        ip(&[
            "netns",
            "exec",
            &self.device,
            "nft",
            "delete table inet cut",
        ]);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in [&self.hub, &self.device] {
            // What was not made cannot be removed.
            let _ = Command::new("ip").args(["netns", "delete", host]).status();
        }
    }
}

fn within(host: &str, command: &Command) -> Command {
    let mut wrapped = Command::new("ip");
    wrapped
        .args(["netns", "exec", host])
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped
}

#[track_caller]
fn ip(arguments: &[&str]) {
    let status = Command::new("ip")
        .args(arguments)
        .status()
        .expect("iproute2 is installed");
    assert!(status.success(), "ip {arguments:?}: {status}");
}
