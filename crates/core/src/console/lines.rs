//! The events as lines of text. They begin as the course's assignment prints them.

use std::fmt;

use fleetlink_proto::control::{ActiveDevice, UploadMode};
use fleetlink_proto::{DeviceName, Escaped};

use super::{AccountChange, Command, ConsoleEvent, Departure, Entrance, LoginFailure};
use crate::store::journal::Deleter;

/// Devices of one AED that a line names.
const MAX_DEVICES_SHOWN: usize = 20;

impl fmt::Display for ConsoleEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConsoleEvent::Joined {
                device,
                address,
                udp_port,
                entrance,
            } => {
                write!(
                    f,
                    "{device} joined the edge network from {address}, UDP port {udp_port}"
                )?;
                match entrance {
                    Entrance::Alone => Ok(()),
                    Entrance::TookOver => f.write_str(" and took over from its older session"),
                    Entrance::Beside { others } => {
                        write!(f, ", beside other sessions of it: {others}")
                    }
                }
            }
            ConsoleEvent::Left { device, why } => write!(f, "{device} {why}"),
            ConsoleEvent::SessionEnded { device, why } => {
                write!(
                    f,
                    "a session of {device} {why}; {device} stays active by another one"
                )
            }
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
            ConsoleEvent::Penalised { network, time } => write!(
                f,
                "passwords from {network} are refused for {} s: too many wrong ones under different \
                 names",
                time.as_secs_f64()
            ),
            ConsoleEvent::NamePenalised {
                network,
                name,
                time,
            } => write!(
                f,
                "passwords of {} from {network} are refused for {} s: too many wrong ones",
                Escaped(name),
                time.as_secs_f64()
            ),
            ConsoleEvent::Issued { device, command } => {
                write!(f, "Edge device {device} issued {command} command")
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
            ConsoleEvent::Received { receipt, .. } => {
                let file = &receipt.file;
                let what = match receipt.mode {
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
                "Return message to {device}: Computation ({operation}) result on the file \
                 (ID:{file}) is: {result}"
            ),
            ConsoleEvent::Deleted { file, .. } => write!(
                f,
                "The file with ID of {file} has been removed, \
                 deletion-log.txt file has been updated"
            ),
            ConsoleEvent::Removed { device, file, by } => write!(
                f,
                "The file with ID of {file} of {device} has been removed by {}, \
                 deletion-log.txt file has been updated",
                match by {
                    Deleter::Device => "its device",
                    Deleter::Operator => "the operator",
                    Deleter::Retention => "retention",
                }
            ),
            ConsoleEvent::ToldDeleted { device, file } => write!(
                f,
                "Return message to {device}: file with ID of {file} has been successfully removed \
                 from the central server"
            ),
            ConsoleEvent::ListedDevices { device, devices } => list_devices(f, device, devices),
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
            ConsoleEvent::People(event) => event.fmt(f),
        }
    }
}

/// The lines of the list in one line: one event is one line. Of a long list the first devices are
/// shown, and how many follow.
fn list_devices(
    f: &mut fmt::Formatter<'_>,
    device: &DeviceName,
    devices: &[ActiveDevice],
) -> fmt::Result {
    write!(f, "Return message to {device}:")?;
    if devices.is_empty() {
        return f.write_str(" no other active edge devices");
    }
    for listed in devices.iter().take(MAX_DEVICES_SHOWN) {
        write!(f, " {listed}")?;
    }
    match devices.len().saturating_sub(MAX_DEVICES_SHOWN) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
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
            LoginFailure::NowLockedOut => {
                "unknown name or wrong password; the name is blocked from now on"
            }
            LoginFailure::LockedOut => "the name is blocked",
            LoginFailure::KeyRefused => "unknown name or wrong key",
            LoginFailure::Busy => "too many logins are waiting",
            LoginFailure::NotRead => "the hub's store could not be read",
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
            AccountChange::LoginRemoved => "may no longer log in; its data stay",
            AccountChange::Unlocked => "is unlocked",
            AccountChange::KeyEnrolled => "has a key",
            AccountChange::KeyReplaced => "has a new key",
            AccountChange::KeyRevoked => "has lost its key",
        })
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::control::Receipt;
    use fleetlink_proto::{DataFile, Version, WallTime};

    use super::*;

    #[test]
    fn lines_are_those_of_the_specification() {
        let device: DeviceName = "supersmartwatch".parse().unwrap();
        for (event, line) in [
            (
                ConsoleEvent::Issued {
                    device: device.clone(),
                    command: Command::Upload,
                },
                "Edge device supersmartwatch issued UED command",
            ),
            (
                ConsoleEvent::Received {
                    device: device.clone(),
                    receipt: Receipt {
                        file: DataFile::numbered(1),
                        mode: UploadMode::Replace,
                        samples: 2,
                        bytes: 4,
                        version: Version::at_most(1),
                        at: WallTime::from_unix_millis(0),
                    },
                    last: None,
                },
                "The file with ID of 1 has been received, upload-log.txt file has been updated",
            ),
            (
                ConsoleEvent::ListedDevices {
                    device: device.clone(),
                    devices: vec![],
                },
                "Return message to supersmartwatch: no other active edge devices",
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

    #[test]
    fn a_list_is_one_line_and_bounded() {
        let listed = |n| ActiveDevice {
            name: format!("wei-{n}").parse().unwrap(),
            address: [129, 129, 2, 1].into(),
            udp_port: 8001,
            since: WallTime::from_unix_millis(0),
        };
        let line = |count| {
            ConsoleEvent::ListedDevices {
                device: "watch".parse().unwrap(),
                devices: (0..count).map(listed).collect(),
            }
            .to_string()
        };
        let shown = line(2);
        assert!(
            shown.starts_with("Return message to watch: wei-0; 129.129.2.1; 8001; active since "),
            "{shown}"
        );
        assert!(shown.contains(". wei-1; "), "{shown}");
        assert!(line(20).ends_with('.'));
        assert!(line(200).ends_with(" and 180 more"));
        assert!(!line(200).contains('\n'));
    }
}
