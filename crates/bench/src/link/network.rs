//! Three network namespaces of this run alone: a sender's host, a receiver's, and the link between
//! them, with a cable to each.

use std::ffi::OsStr;
use std::fs::File;
use std::net::Ipv4Addr;
use std::process::Command;

use fleetlink_testkit::Namespace;

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

/// The three of them.
pub(crate) struct Network {
    sender: Namespace,
    receiver: Namespace,
    link: Namespace,
}

impl Network {
    /// Nothing passes yet: that takes a [`super::Link`].
    ///
    /// # Errors
    /// Where this user may not make network namespaces, or `ip` (iproute2) is missing.
    pub(crate) fn make() -> BenchResult<Self> {
        let network = Network {
            sender: Namespace::make("sender")?,
            receiver: Namespace::make("receiver")?,
            link: Namespace::make("link")?,
        };
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
        self.host(host).command(program)
    }

    pub(super) fn link(&self) -> BenchResult<File> {
        Ok(File::open(self.link.file())?)
    }

    fn host(&self, host: Host) -> &Namespace {
        match host {
            Host::Sender => &self.sender,
            Host::Receiver => &self.receiver,
        }
    }

    fn connect(&self, host: Host, end: &str) -> BenchResult {
        let (name_space, link) = (self.host(host), &self.link);
        name_space.connect(CABLE, (link, end))?;
        // The kernel cuts what it sends into packets, as a network card would.
        name_space.ip(&["link", "set", CABLE, "gso_max_segs", "1"])?;
        let set = |host: &Namespace, setting: &str| host.run("sysctl", &["-q", "-w", setting]);
        let quiet = "net.ipv6.conf.all.disable_ipv6=1";
        for setting in [
            quiet.to_owned(),
            // Each flow finds out for itself what the link carries.
            "net.ipv4.tcp_no_metrics_save=1".to_owned(),
            format!("net.ipv4.tcp_rmem={TCP_BUFFERS}"),
            format!("net.ipv4.tcp_wmem={TCP_BUFFERS}"),
        ] {
            set(name_space, &setting)?;
        }
        let address = format!("{}/24", host.address());
        name_space.ip(&["address", "add", &address, "dev", CABLE])?;
        name_space.ip(&["link", "set", CABLE, "up"])?;
        set(link, quiet)?;
        Ok(link.ip(&["link", "set", end, "up"])?)
    }

    /// Tells a host the other's hardware address: the link carries no question for it.
    fn introduce(&self, host: Host, other: Host) -> BenchResult {
        let place = "/sys/class/net/cable/address";
        let hardware = self.host(other).run("cat", &[place])?;
        let address = other.address().to_string();
        let neighbour = ["neigh", "add", &address, "lladdr", hardware.trim()];
        let of_cable = ["dev", CABLE, "nud", "permanent"];
        Ok(self.host(host).ip(&[&neighbour[..], &of_cable].concat())?)
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
