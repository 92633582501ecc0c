//! The fields of the events in JSON.

use fleetlink_hub::{
    Command, ConsoleEvent, Deleter, Departure, Entrance, LoginFailure, PageSessions, PeopleEvent,
    TicketEvent,
};
use fleetlink_proto::DeviceName;
use serde_json::{Value, json};

/// The event's name and fields; a field that is null is left out.
pub(super) fn of(event: &ConsoleEvent) -> (&'static str, Value) {
    match event {
        ConsoleEvent::Joined {
            device,
            address,
            udp_port,
            entrance,
        } => (
            "joined",
            json!({
                "device": device, "address": address, "udp_port": udp_port,
                "took_over": *entrance == Entrance::TookOver,
                "beside": match entrance {
                    Entrance::Beside { others } => Some(others),
                    Entrance::Alone | Entrance::TookOver => None,
                },
            }),
        ),
        ConsoleEvent::SessionEnded { device, why } => (
            "session_ended",
            json!({"device": device, "reason": departure(*why)}),
        ),
        ConsoleEvent::Left { device, why } => {
            ("left", json!({"device": device, "reason": departure(*why)}))
        }
        ConsoleEvent::LoggedIn { device, address } => {
            ("logged_in", json!({"device": device, "address": address}))
        }
        ConsoleEvent::LoginFailed {
            name,
            address,
            failure,
        } => (
            "login_failed",
            json!({"name": name, "address": address, "reason": login_failure(*failure)}),
        ),
        ConsoleEvent::Penalised { network, time } => (
            "penalised",
            json!({"source": network.to_string(), "seconds": time.as_secs_f64()}),
        ),
        ConsoleEvent::NamePenalised {
            network,
            name,
            time,
        } => (
            "name_penalised",
            json!({
                "source": network.to_string(), "name": name, "seconds": time.as_secs_f64(),
            }),
        ),
        ConsoleEvent::Ticket(event) => ticket(event),
        ConsoleEvent::People(event) => people(event),
        ConsoleEvent::Account { name, change } => {
            ("account", json!({"name": name, "change": change.as_str()}))
        }
        _ => of_command(event),
    }
}

/// Of what devices ask for, and of what they are told.
fn of_command(event: &ConsoleEvent) -> (&'static str, Value) {
    let returned = |device: &DeviceName, command: Command, more: (&str, Value)| {
        let command = command.to_string();
        let mut fields = json!({"device": device, "command": command});
        fields[more.0] = more.1;
        ("returned", fields)
    };
    match event {
        ConsoleEvent::Issued { device, command } => (
            "issued",
            json!({"device": device, "command": command.to_string()}),
        ),
        ConsoleEvent::Refused {
            device,
            command,
            message,
        } => (
            "refused",
            json!({"device": device, "command": command.to_string(), "reason": message}),
        ),
        ConsoleEvent::Received {
            device, receipt, ..
        } => (
            "received",
            json!({
                "device": device, "file": receipt.file, "mode": receipt.mode,
                "samples": receipt.samples, "bytes": receipt.bytes,
            }),
        ),
        ConsoleEvent::ReceivedBefore { file } => ("received_before", json!({"file": file})),
        ConsoleEvent::Computed {
            device,
            file,
            operation,
            result,
        } => {
            let computed = json!({"file": file, "operation": operation, "result": result});
            returned(device, Command::Compute, ("result", computed))
        }
        ConsoleEvent::Deleted { device, file } => {
            ("deleted", json!({"device": device, "file": file}))
        }
        ConsoleEvent::Removed { device, file, by } => (
            "deleted",
            json!({"device": device, "file": file, "by": deleter(*by)}),
        ),
        ConsoleEvent::ToldDeleted { device, file } => {
            returned(device, Command::Delete, ("file", json!(file)))
        }
        ConsoleEvent::ListedDevices { device, devices } => {
            returned(device, Command::ListDevices, ("devices", json!(devices)))
        }
        ConsoleEvent::ListedFiles { device, count } => {
            returned(device, Command::ListFiles, ("count", json!(count)))
        }
        ConsoleEvent::Granted { device, to } => returned(device, Command::Send, ("to", json!(to))),
        ConsoleEvent::Sending {
            device,
            file,
            bytes,
        } => {
            let sent = json!({"file": file, "bytes": bytes});
            returned(device, Command::Download, ("content", sent))
        }
        _ => ("other", json!({})),
    }
}

fn ticket(event: &TicketEvent) -> (&'static str, Value) {
    match event {
        TicketEvent::Issued { ticket, subject } => (
            "ticket_issued",
            json!({"ticket": ticket.to_string(), "subject": subject.to_string()}),
        ),
        TicketEvent::Used { ticket, device } => (
            "ticket_used",
            json!({"ticket": ticket.to_string(), "device": device}),
        ),
        TicketEvent::Revoked { ticket } => {
            ("ticket_revoked", json!({"ticket": ticket.to_string()}))
        }
        TicketEvent::Refused {
            ticket,
            address,
            refusal,
        } => (
            "ticket_refused",
            json!({
                "ticket": ticket.as_ref().map(ToString::to_string), "address": address,
                "reason": refusal.to_string(),
            }),
        ),
    }
}

fn people(event: &PeopleEvent) -> (&'static str, Value) {
    match event {
        PeopleEvent::LoginAdded { login, role } => {
            ("login_added", json!({"login": login, "role": role}))
        }
        PeopleEvent::PasswordChanged { login } => {
            ("login_password_changed", json!({"login": login}))
        }
        PeopleEvent::LoginRemoved { login } => ("login_removed", json!({"login": login})),
        PeopleEvent::Unlocked { name } => ("login_unlocked", json!({"name": name})),
        PeopleEvent::LoggedIn { name, address } => {
            ("page_login", json!({"login": name, "address": address}))
        }
        PeopleEvent::TokenAdded { token, name, role } => (
            "token_added",
            json!({"token": token.0, "name": name, "role": role}),
        ),
        PeopleEvent::TokenRevoked { token } => ("token_revoked", json!({"token": token.0})),
        PeopleEvent::LinkMade => ("link_made", json!({})),
        PeopleEvent::LoggedOut { sessions } => {
            let (of, login) = match sessions {
                PageSessions::OfLogin(login) => ("login", Some(login)),
                PageSessions::OfLinks => ("links", None),
                PageSessions::All => ("all", None),
            };
            ("page_logout", json!({"of": of, "login": login}))
        }
    }
}

fn deleter(by: Deleter) -> &'static str {
    match by {
        Deleter::Device => "device",
        Deleter::Operator => "operator",
        Deleter::Retention => "retention",
    }
}

fn departure(why: Departure) -> &'static str {
    match why {
        Departure::Goodbye => "goodbye",
        Departure::ConnectionClosed => "connection_closed",
        Departure::Silent(_) => "silent",
        Departure::AccountRemoved => "account_removed",
        Departure::LoginRemoved => "login_removed",
        Departure::PasswordChanged => "password_changed",
        Departure::EndedByOperator => "ended_by_operator",
        Departure::KeyRevoked => "key_revoked",
        Departure::Unread => "unread",
        Departure::HubClosing => "hub_closing",
    }
}

fn login_failure(failure: LoginFailure) -> &'static str {
    match failure {
        LoginFailure::WrongPassword => "wrong_password",
        LoginFailure::NowLockedOut => "now_blocked",
        LoginFailure::LockedOut => "blocked",
        LoginFailure::KeyRefused => "key_refused",
        LoginFailure::Busy => "busy",
        LoginFailure::TooManySessions => "too_many_sessions",
        LoginFailure::NotRead => "store_unavailable",
    }
}
