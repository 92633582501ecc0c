//! The lines that a hub shows its operator: its output, not its log.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::control::UploadMode;
use fleetlink_proto::samples::{Decimal, Operation};
use fleetlink_proto::{DeviceName, Escaped, FileId, Source};

use crate::ticket_events::TicketEvent;

/// One interaction, shown as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsoleEvent {
    /// A device joined.
    Joined {
        /// Which.
        device: DeviceName,
        /// From where.
        address: IpAddr,
        /// Where it accepts peers.
        udp_port: u16,
        /// Whether an older session of its name was ended by this.
        took_over: bool,
    },
    /// A device is no longer active.
    Left {
        /// Which.
        device: DeviceName,
        /// Why.
        why: Departure,
    },
    /// A device logged in.
    LoggedIn {
        /// Which.
        device: DeviceName,
        /// From where.
        address: IpAddr,
    },
    /// A login failed.
    LoginFailed {
        /// The name, as it was sent.
        name: String,
        /// From where; unknown where the session is gone by now.
        address: Option<IpAddr>,
        /// What was wrong.
        failure: LoginFailure,
    },
    /// Passwords from a source are refused for a while.
    Penalised {
        /// Which.
        source: Source,
        /// For how long.
        time: Duration,
    },
    /// Passwords of one name from a source are refused for a while.
    NamePenalised {
        /// Which source.
        source: Source,
        /// The name, as it was sent.
        name: String,
        /// For how long.
        time: Duration,
    },
    /// A device asked for something.
    Issued {
        /// Which.
        device: DeviceName,
        /// For what.
        command: Command,
    },
    /// A device was refused what it asked for.
    Refused {
        /// Which.
        device: DeviceName,
        /// What it asked for.
        command: Command,
        /// What it was told.
        message: String,
    },
    /// An upload is committed.
    Received {
        /// Of which file.
        file: FileId,
        /// What it did.
        mode: UploadMode,
    },
    /// An upload was committed before; its receipt was returned again.
    ReceivedBefore {
        /// Of which file.
        file: FileId,
    },
    /// A result was returned.
    Computed {
        /// To whom.
        device: DeviceName,
        /// On which file.
        file: FileId,
        /// Of which operation.
        operation: Operation,
        /// The result.
        result: Decimal,
    },
    /// A file was removed at the wish of its device.
    Deleted {
        /// Which file.
        file: FileId,
    },
    /// The other active devices were returned.
    ListedDevices {
        /// To whom.
        device: DeviceName,
        /// How many.
        count: usize,
    },
    /// A device may send files to another one.
    Granted {
        /// The sender.
        device: DeviceName,
        /// The receiver.
        to: DeviceName,
    },
    /// A device's own files were listed.
    ListedFiles {
        /// To whom.
        device: DeviceName,
        /// How many.
        count: usize,
    },
    /// A file's content is returned.
    Sending {
        /// To whom.
        device: DeviceName,
        /// Which file.
        file: FileId,
        /// How many bytes.
        bytes: u64,
    },
    /// An account was changed.
    Account {
        /// Whose.
        name: DeviceName,
        /// How.
        change: AccountChange,
    },
    /// Something happened with a join ticket.
    Ticket(TicketEvent),
}

/// What a device can ask for.
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

/// Why a device is no longer active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It said goodbye.
    Goodbye,
    /// Its connection closed.
    ConnectionClosed,
    /// Nothing was heard from it for this time.
    Silent(Duration),
    /// It did not take what the hub answered.
    Unread,
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
    /// The hub ends.
    HubClosing,
}

/// Why a login failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginFailure {
    /// Unknown name or wrong password.
    WrongPassword,
    /// As above, and the name is blocked from now on.
    NowBlocked,
    /// The name is blocked.
    Blocked,
    /// Unknown name, another key or a wrong signature.
    KeyRefused,
    /// The hub is at one of its limits.
    Busy,
    /// The device has as many sessions as it may have.
    TooManySessions,
}

/// How an account was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountChange {
    /// It was added.
    Added,
    /// Its password was changed.
    PasswordChanged,
    /// It was removed.
    Removed,
    /// Its block and its failures are forgotten.
    Unlocked,
    /// Its device has a key now.
    KeyEnrolled,
    /// Its device has another key now.
    KeyReplaced,
    /// Its device has no key any more.
    KeyRevoked,
}

impl fmt::Display for ConsoleEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConsoleEvent::Joined {
                device,
                address,
                udp_port,
                took_over,
            } => {
                let from = if *took_over {
                    " and took over from its older session"
                } else {
                    ""
                };
                write!(
                    f,
                    "{device} joined the edge network from {address}, UDP port {udp_port}{from}"
                )
            }
            ConsoleEvent::Left { device, why } => write!(f, "{device} {why}"),
            ConsoleEvent::LoggedIn { device, address } => {
                write!(f, "{device} logged in from {address}")
            }
            ConsoleEvent::LoginFailed {
                name,
                address,
                failure,
            } => {
                write!(f, "login of {}", Escaped(name))?;
                if let Some(address) = address {
                    write!(f, " from {address}")?;
                }
                write!(f, " failed: {failure}")
            }
            ConsoleEvent::Penalised { source, time } => write!(
                f,
                "passwords from {source} are refused for {} s: too many wrong ones under different \
                 names",
                time.as_secs_f64()
            ),
            ConsoleEvent::NamePenalised { source, name, time } => write!(
                f,
                "passwords of {} from {source} are refused for {} s: too many wrong ones",
                Escaped(name),
                time.as_secs_f64()
            ),
            ConsoleEvent::Issued { device, command } => {
                write!(f, "{device} issued {command} command")
            }
            ConsoleEvent::Refused {
                device,
                command,
                message,
            } => write!(
                f,
                "{command} command of {device} was refused: {}",
                Escaped(message)
            ),
            ConsoleEvent::Received { file, mode } => {
                let what = match mode {
                    UploadMode::Replace => "The file",
                    UploadMode::Append => "An addition to the file",
                };
                write!(
                    f,
                    "{what} with ID of {file} has been received, \
                     upload-log.txt file has been updated"
                )
            }
            ConsoleEvent::ReceivedBefore { file } => {
                write!(f, "The file with ID of {file} had been received before")
            }
            ConsoleEvent::Computed {
                device,
                file,
                operation,
                result,
            } => write!(
                f,
                "{operation} on the file with ID of {file} returned to {device}: {result}"
            ),
            ConsoleEvent::Deleted { file } => write!(
                f,
                "The file with ID of {file} has been removed, \
                 deletion-log.txt file has been updated"
            ),
            ConsoleEvent::ListedDevices { device, count } => {
                write!(f, "other active edge devices returned to {device}: {count}")
            }
            ConsoleEvent::Granted { device, to } => {
                write!(f, "{device} was told where {to} takes files")
            }
            ConsoleEvent::ListedFiles { device, count } => {
                write!(f, "files listed to {device}: {count}")
            }
            ConsoleEvent::Sending {
                device,
                file,
                bytes,
            } => write!(
                f,
                "The file with ID of {file} is sent to {device}, {bytes} bytes"
            ),
            ConsoleEvent::Account { name, change } => write!(f, "account {name} {change}"),
            ConsoleEvent::Ticket(event) => event.fmt(f),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Command::Upload => "UED",
            Command::Append => "append",
            Command::Compute => "SCS",
            Command::Delete => "DTE",
            Command::ListDevices => "AED",
            Command::ListFiles => "list",
            Command::Download => "get",
            Command::Send => "UVF",
        })
    }
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The words of the specification; the others tell that nobody said goodbye.
            Departure::Goodbye => f.write_str("exited the edge network"),
            Departure::ConnectionClosed => {
                f.write_str("left the edge network: its connection closed")
            }
            Departure::Silent(time) => write!(
                f,
                "left the edge network: nothing was heard from it for {} s",
                time.as_secs_f64()
            ),
            Departure::Unread => {
                f.write_str("left the edge network: it did not read the hub's answers")
            }
            Departure::AccountRemoved => {
                f.write_str("left the edge network: its account was removed")
            }
            Departure::LoginRemoved => {
                f.write_str("left the edge network: its login was taken away")
            }
            Departure::PasswordChanged => {
                f.write_str("left the edge network: its password was changed")
            }
            Departure::EndedByOperator => {
                f.write_str("left the edge network: the operator ended its session")
            }
            Departure::KeyRevoked => {
                f.write_str("left the edge network: its key is no longer the device's")
            }
            Departure::HubClosing => f.write_str("left the edge network: the hub is closing"),
        }
    }
}

impl fmt::Display for LoginFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LoginFailure::WrongPassword => "unknown name or wrong password",
            LoginFailure::NowBlocked => {
                "unknown name or wrong password; the name is blocked from now on"
            }
            LoginFailure::Blocked => "the name is blocked",
            LoginFailure::KeyRefused => "unknown name or wrong key",
            LoginFailure::Busy => "too many logins are waiting",
            LoginFailure::TooManySessions => "it has as many sessions open as a device may have",
        })
    }
}

impl fmt::Display for AccountChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AccountChange::Added => "was added",
            AccountChange::PasswordChanged => "has a new password",
            AccountChange::Removed => "was removed",
            AccountChange::Unlocked => "is unlocked",
            AccountChange::KeyEnrolled => "has a key",
            AccountChange::KeyReplaced => "has a new key",
            AccountChange::KeyRevoked => "has lost its key",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_specification() {
        let device: DeviceName = "supersmartwatch".parse().unwrap();
        let file = FileId::new(1);
        for (event, line) in [
            (
                ConsoleEvent::Issued {
                    device: device.clone(),
                    command: Command::Upload,
                },
                "supersmartwatch issued UED command",
            ),
            (
                ConsoleEvent::Received {
                    file,
                    mode: UploadMode::Replace,
                },
                "The file with ID of 1 has been received, upload-log.txt file has been updated",
            ),
            (
                ConsoleEvent::Left {
                    device,
                    why: Departure::Goodbye,
                },
                "supersmartwatch exited the edge network",
            ),
        ] {
            assert_eq!(event.to_string(), line);
        }
    }

    #[test]
    fn a_name_from_outside_forges_no_line() {
        let event = ConsoleEvent::LoginFailed {
            name: "x\nroot logged in\u{1b}[2J".to_owned(),
            address: None,
            failure: LoginFailure::WrongPassword,
        };
        assert_eq!(
            event.to_string(),
            "login of x\\nroot logged in\\u{1b}[2J failed: unknown name or wrong password"
        );
    }
}
