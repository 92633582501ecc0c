//! The lines that a hub shows its operator: its output, not its log.

mod lines;
pub(crate) mod people;
pub(crate) mod tickets;

use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::control::{ActiveDevice, Receipt};
use fleetlink_proto::samples::{Decimal, LastSample, Operation};
use fleetlink_proto::{ClientNetwork, DataFile, DeviceName};

pub use crate::console::people::PeopleEvent;
use crate::console::tickets::TicketEvent;
use crate::store::journal::Deleter;

/// One interaction, shown as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsoleEvent {
    /// A device joined.
    Joined {
        device: DeviceName,
        address: IpAddr,
        /// The UDP port on which it accepts peers.
        udp_port: u16,
        /// Beside or in place of which other sessions.
        entrance: Entrance,
    },
    /// A session of a device is over; the device stays active by other ones.
    SessionEnded { device: DeviceName, why: Departure },
    /// A device is no longer active.
    Left { device: DeviceName, why: Departure },
    /// A device logged in.
    LoggedIn { device: DeviceName, address: IpAddr },
    /// A login failed.
    LoginFailed {
        /// The name, as it was sent.
        name: String,
        /// From where; unknown where the session is gone by now.
        address: Option<IpAddr>,
        /// The fault.
        failure: LoginFailure,
    },
    /// Passwords from a network are refused for a while.
    Penalised {
        network: ClientNetwork,
        /// For how long.
        time: Duration,
    },
    /// Passwords of one name from a network are refused for a while.
    NamePenalised {
        network: ClientNetwork,
        /// The name, as it was sent.
        name: String,
        /// For how long.
        time: Duration,
    },
    /// A device asked for something.
    Issued {
        device: DeviceName,
        /// For what.
        command: Command,
    },
    /// A device was refused what it asked for.
    Refused {
        device: DeviceName,
        /// Its command.
        command: Command,
        /// The message of its reply.
        message: String,
    },
    /// An upload is committed.
    Received {
        device: DeviceName,
        /// The receipt that the device has.
        receipt: Receipt,
        /// The last of the samples that came.
        last: Option<LastSample>,
    },
    /// An upload was committed before; its receipt was returned again.
    ReceivedBefore {
        /// Of which file.
        file: DataFile,
    },
    /// A result was returned.
    Computed {
        /// To whom.
        device: DeviceName,
        /// On which file.
        file: DataFile,
        /// Of which operation.
        operation: Operation,
        /// The result.
        result: Decimal,
    },
    /// A file was removed at the wish of its device.
    Deleted { device: DeviceName, file: DataFile },
    /// A file was removed by somebody else than its device.
    Removed {
        device: DeviceName,
        file: DataFile,
        /// By whom.
        by: Deleter,
    },
    /// A device was told that its file was removed.
    ToldDeleted { device: DeviceName, file: DataFile },
    /// The other active devices were returned.
    ListedDevices {
        /// To whom.
        device: DeviceName,
        /// The devices in this page of the list.
        devices: Vec<ActiveDevice>,
    },
    /// A device may send files to another one.
    Granted { device: DeviceName, to: DeviceName },
    /// A device's own files were listed.
    ListedFiles {
        /// To whom.
        device: DeviceName,
        count: usize,
    },
    /// A file's content is returned.
    Sending {
        /// To whom.
        device: DeviceName,
        file: DataFile,
        /// The number of bytes.
        bytes: u64,
    },
    /// An account was changed.
    Account {
        name: DeviceName,
        change: AccountChange,
    },
    /// Something happened with a join ticket.
    Ticket(TicketEvent),
    /// Something happened with a login of a person, a token or a one-time link.
    People(PeopleEvent),
}

/// The commands of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Upload a file.
    Upload,
    /// Add to a file.
    Append,
    /// Compute on a file.
    Compute,
    /// Delete a file.
    Delete,
    /// List the other active devices.
    ListDevices,
    /// List the own files.
    ListFiles,
    /// Download a file.
    Download,
    /// Send files to another device.
    Send,
}

/// The way in which a session joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// The device was not active.
    Alone,
    /// Older sessions of its name were ended by this.
    TookOver,
    /// The device was active by other sessions, which stay.
    Beside { others: usize },
}

/// The reason why a device is no longer active, or why a session of it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It said goodbye.
    Goodbye,
    /// Its connection closed.
    ConnectionClosed,
    /// Nothing was heard from it for this time.
    Silent(Duration),
    /// Its account was removed.
    AccountRemoved,
    /// Its account has no login any more.
    LoginRemoved,
    /// The password that had opened its session was changed.
    PasswordChanged,
    /// The operator ended its session.
    EndedByOperator,
    /// The key that had opened its session was revoked or replaced.
    KeyRevoked,
    /// It did not take what the hub answered.
    Unread,
    /// The hub ends.
    HubClosing,
}

/// The reason why a login failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginFailure {
    /// Unknown name or wrong password.
    WrongPassword,
    /// As above, and the name is locked out from now on.
    NowLockedOut,
    /// The name is locked out.
    LockedOut,
    /// Unknown name, another key or a wrong signature.
    KeyRefused,
    /// The hub is at one of its limits.
    Busy,
    /// The device has as many sessions as it may have.
    TooManySessions,
    /// The store could not be read.
    NotRead,
}

/// The change of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountChange {
    /// It was added.
    Added,
    /// Its password was changed.
    PasswordChanged,
    /// It was removed.
    Removed,
    /// It has no login any more; its data stay.
    LoginRemoved,
    /// Its lock-out and its failures are forgotten.
    Unlocked,
    /// Its device has a key now.
    KeyEnrolled,
    /// Its device has another key now.
    KeyReplaced,
    /// Its device has no key any more.
    KeyRevoked,
}

impl AccountChange {
    /// The word for it in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            AccountChange::Added => "added",
            AccountChange::PasswordChanged => "password_changed",
            AccountChange::Removed => "removed",
            AccountChange::LoginRemoved => "login_removed",
            AccountChange::Unlocked => "unlocked",
            AccountChange::KeyEnrolled => "key_enrolled",
            AccountChange::KeyReplaced => "key_replaced",
            AccountChange::KeyRevoked => "key_revoked",
        }
    }
}
