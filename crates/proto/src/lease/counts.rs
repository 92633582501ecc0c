//! The counters of a server.

use std::fmt;

/// The transport of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// As a datagram.
    Udp,
    /// Over a connection of its own.
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        })
    }
}

/// A server's counters, by transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Over UDP.
    pub udp: TransportCounts,
    /// Over TCP.
    pub tcp: TransportCounts,
}

impl Counts {
    pub(super) fn of(&mut self, transport: Transport) -> &mut TransportCounts {
        match transport {
            Transport::Udp => &mut self.udp,
            Transport::Tcp => &mut self.tcp,
        }
    }
}

/// A server's counters for one transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransportCounts {
    /// Answered OK.
    pub granted: u64,
    /// Answered RESET, because the id was in use.
    pub in_use: u64,
    /// Answered RESET, because the client network holds as many ids as it may.
    pub over_share: u64,
    /// Not answered, because the client network asks too often.
    pub over_rate: u64,
    /// Not requests.
    pub malformed: u64,
    /// Connections that asked nothing, or not in time.
    pub silent: u64,
}

impl fmt::Display for TransportCounts {
    /// The refusals of limits that are off, and silence over UDP, are not worth a word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} granted, {} in use", self.granted, self.in_use)?;
        for (count, what) in [
            (self.over_share, "over their share"),
            (self.over_rate, "too fast"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        write!(f, ", {} malformed", self.malformed)?;
        if self.silent > 0 {
            write!(f, ", {} silent", self.silent)?;
        }
        Ok(())
    }
}
