//! Three network namespaces of this run alone: a sender's host, a receiver's, and the link between
//! them, with a cable to each.

use std::ffi::OsStr;
use std::fs::File;
use std::net::Ipv4Addr;
use std::process::Command;

use crate::BenchResult;

/// The link's ends of the cables.
pub(super) const SENDERS: &str = "senders";
pub(super) const RECEIVERS: &str = "receivers";

/// The hosts' ends: their names and addresses for each other.
const CABLE: &str = "cable";
/// Room for what is under way on paths of 100 ms; the defaults differ by machine.
const TCP_BUFFERS: &str = "4096 131072 33554432";

/// One of the two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    Sender,
    Receiver,
}

/// Removed when dropped.
pub(crate) struct Network {
    sender: String,
    receiver: String,
    link: String,
}

impl Network {
    /// Nothing passes yet: that takes a [`super::Link`].
    ///
    /// # Errors
    /// Where this user may not make network namespaces, or `ip` (iproute2) is missing.
    pub(crate) fn make() -> BenchResult<Self> {
        let id = std::process::id();
        let name = |host: &str| format!("fleetlink-{host}-{id}");
        let network = Network {
            sender: name("sender"),
            receiver: name("receiver"),
            link: name("link"),
        };
        for host in [&network.sender, &network.receiver, &network.link] {
            ip(&["netns", "add", host])?;
        }
        for (host, end) in [(Host::Sender, SENDERS), (Host::Receiver, RECEIVERS)] {
            network.connect(host, end)?;
        }
        let (sender, receiver) = (Host::Sender, Host::Receiver);
        network.introduce(sender, receiver)?;
        network.introduce(receiver, sender)?;
        Ok(network)
    }

    /// A command to be run on a host.
    pub(crate) fn on(&self, host: Host, program: &OsStr) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", self.name(host)])
            .arg(program);
        command
    }

    pub(super) fn link(&self) -> BenchResult<File> {
        Ok(File::open(format!("/run/netns/{}", self.link))?)
    }

    fn name(&self, host: Host) -> &str {
        match host {
            Host::Sender => &self.sender,
            Host::Receiver => &self.receiver,
        }
    }

    fn connect(&self, host: Host, end: &str) -> BenchResult {
        let (name, link) = (self.name(host), &self.link);
        let cable = ["link", "add", CABLE, "netns", name, "type", "veth"];
        ip(&[&cable[..], &["peer", end, "netns", link]].concat())?;
        // The kernel cuts what it sends into packets, as a network card would.
        let cut = ["gso_max_segs", "1"];
        ip(&[&["-n", name, "link", "set", CABLE][..], &cut].concat())?;
        for setting in [
            "net.ipv6.conf.all.disable_ipv6=1".to_owned(),
            // Each flow finds out for itself what the link carries.
            "net.ipv4.tcp_no_metrics_save=1".to_owned(),
            format!("net.ipv4.tcp_rmem={TCP_BUFFERS}"),
            format!("net.ipv4.tcp_wmem={TCP_BUFFERS}"),
        ] {
            ip(&["netns", "exec", name, "sysctl", "-q", "-w", &setting])?;
        }
        let address = format!("{}/24", host.address());
        ip(&["-n", name, "address", "add", &address, "dev", CABLE])?;
        ip(&["-n", name, "link", "set", CABLE, "up"])?;
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        let quiet = "net.ipv6.conf.all.disable_ipv6=1";
        ip(&["netns", "exec", link, "sysctl", "-q", "-w", quiet])?;
        ip(&["-n", link, "link", "set", end, "up"])
    }

    /// Tells a host the other's hardware address: the link carries no question for it.
    fn introduce(&self, host: Host, other: Host) -> BenchResult {
        let place = "/sys/class/net/cable/address";
        let output = self.on(other, OsStr::new("cat")).arg(place).output()?;
        let hardware = String::from_utf8(output.stdout)?;
        let (name, address) = (self.name(host), other.address().to_string());
        let neighbour = ["neigh", "add", &address, "lladdr", hardware.trim()];
        ip(&[
            &["-n", name][..],
            &neighbour,
            &["dev", CABLE, "nud", "permanent"],
        ]
        .concat())
    }
}

impl Host {
    pub(crate) fn address(self) -> Ipv4Addr {
        match self {
            Host::Sender => Ipv4Addr::new(10, 77, 0, 1),
            Host::Receiver => Ipv4Addr::new(10, 77, 0, 2),
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in [&self.sender, &self.receiver, &self.link] {
            // What was not made cannot be removed.
            let _ = ip(&["netns", "delete", host]);
        }
    }
}

fn ip(arguments: &[&str]) -> BenchResult {
    let output = Command::new("ip").args(arguments).output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("ip {}: {}", arguments.join(" "), said.trim()).into())
        }
    }
}
