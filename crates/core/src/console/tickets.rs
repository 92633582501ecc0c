//! The hub's lines about tickets. A secret is never part of them.

use std::fmt;
use std::net::IpAddr;

use fleetlink_proto::DeviceName;
use fleetlink_proto::ticket::{TicketNumber, TicketSubject};

/// An event of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketEvent {
    /// It was issued.
    Issued {
        ticket: TicketNumber,
        subject: TicketSubject,
    },
    /// It was used.
    Used {
        ticket: TicketNumber,
        /// By the device that has this name from now on.
        device: DeviceName,
    },
    /// The operator took it back.
    Revoked { ticket: TicketNumber },
    /// It was not used, though somebody asked.
    Refused {
        /// The ticket, if there is such a one.
        ticket: Option<TicketNumber>,
        /// From where; unknown where the session is gone by now.
        address: Option<IpAddr>,
        refusal: Refusal,
    },
}

/// The reason why a ticket is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is none with this secret.
    Unknown,
    /// It was used as often as it may be.
    Used,
    /// The operator took it back.
    Revoked,
    /// Its time is over.
    Expired,
    /// It is for another name, or for names that begin otherwise.
    OtherName(TicketSubject),
    /// There is a device of this name, or of one that differs only by case.
    NameTaken(DeviceName),
}

impl fmt::Display for TicketEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TicketEvent::Issued { ticket, subject } => {
                write!(f, "ticket {ticket} was issued for {subject}")
            }
            TicketEvent::Used { ticket, device } => {
                write!(f, "ticket {ticket} was used by {device}")
            }
            TicketEvent::Revoked { ticket } => write!(f, "ticket {ticket} was revoked"),
            TicketEvent::Refused {
                ticket,
                address,
                refusal,
            } => {
                match ticket {
                    Some(ticket) => write!(f, "ticket {ticket}")?,
                    None => f.write_str("a ticket")?,
                }
                if let Some(address) = address {
                    write!(f, " from {address}")?;
                }
                write!(f, " was refused: {refusal}")
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Unknown => f.write_str("there is no such ticket"),
            Refusal::Used => f.write_str("it has been used already"),
            Refusal::Revoked => f.write_str("it was revoked"),
            Refusal::Expired => f.write_str("it has expired"),
            Refusal::OtherName(subject) => write!(f, "it is for {subject} only"),
            Refusal::NameTaken(name) => write!(f, "there is a device {name} already"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_ticket_is_one_line_that_says_why() {
        let line = |ticket, refusal| {
            let address = Some([192, 0, 2, 1].into());
            TicketEvent::Refused {
                ticket,
                address,
                refusal,
            }
            .to_string()
        };
        assert_eq!(
            line(None, Refusal::Unknown),
            "a ticket from 192.0.2.1 was refused: there is no such ticket"
        );
        let subject = TicketSubject::Prefix("camera-".parse().unwrap());
        assert_eq!(
            line(Some(TicketNumber(3)), Refusal::OtherName(subject)),
            "ticket 3 from 192.0.2.1 was refused: it is for camera-* only"
        );
    }
}
