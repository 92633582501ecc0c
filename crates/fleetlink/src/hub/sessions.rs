//! `fleetlink session`: who is connected to a hub, and ending what should not be.

use fleetlink_hub::{LoginMeans, Operator, OperatorCall, OperatorReply, SessionInfo, SessionState};
use fleetlink_proto::{DeviceName, Escaped};
use serde_json::json;

use super::data_folder::OperatorArguments;
use crate::failure::Failure;
use crate::output::Output;

/// List or end the sessions of a running hub.
#[derive(Debug, clap::Args)]
pub(crate) struct SessionArguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    operator: OperatorArguments,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the open sessions: number, device, address and state.
    List,
    /// End the sessions of a device, or one session by its number. The device does not come back by
    /// itself; take its login away with `account passwd` or `account remove`.
    End {
        /// A device's name, or a session's number as the list shows it.
        #[arg(value_name = "NAME|NUMBER")]
        which: String,
    },
}

impl SessionArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }
}

/// Does what the command asks at the running hub.
pub(crate) async fn run(arguments: SessionArguments, output: &Output) -> Result<(), Failure> {
    let folder = arguments.operator.folder()?;
    let mut operator = Operator::connect(&folder).await?;
    let result = if operator.hub_is_running() {
        perform(&mut operator, arguments.action, output).await
    } else {
        let message = format!(
            "no hub runs on the data in {}, so there are no sessions",
            folder.display()
        );
        Err(Failure::General(message))
    };
    operator.finish().await;
    result
}

async fn perform(operator: &mut Operator, action: Action, output: &Output) -> Result<(), Failure> {
    let sessions = match operator.call(OperatorCall::ListSessions).await? {
        OperatorReply::Sessions(sessions) => sessions,
        _ => Vec::new(),
    };
    match action {
        Action::List => show(&sessions, output),
        Action::End { which } => {
            let call = chosen(&which, &sessions)?;
            let ended = match operator.call(call).await? {
                OperatorReply::Ended { sessions } => sessions,
                _ => 0,
            };
            let text = match ended {
                1 => "1 session ended".to_owned(),
                _ => format!("{ended} sessions ended"),
            };
            output.result(&text, &json!({ "ended": ended }));
        }
    }
    Ok(())
}

/// The sessions that a name or a number means. A device may have a name made of digits.
fn chosen(which: &str, sessions: &[SessionInfo]) -> Result<OperatorCall, Failure> {
    let digits = which.strip_prefix('#').unwrap_or(which);
    let number = digits.parse::<u64>().ok();
    let name = which.parse::<DeviceName>().ok();
    let is_number = number.is_some_and(|n| sessions.iter().any(|s| s.session == n));
    let is_name = name.is_some() && sessions.iter().any(|s| s.device == name);
    match (name, number) {
        (Some(name), Some(number)) if is_name && is_number => Err(Failure::Usage(format!(
            "{which} is a device's name and a session's number: #{number} means the session, and \
             `fleetlink session list` shows those of {name}"
        ))),
        (Some(name), _) if is_name => Ok(OperatorCall::EndSessionsOf { name }),
        (_, Some(session)) => Ok(OperatorCall::EndSession { session }),
        (Some(name), None) => Ok(OperatorCall::EndSessionsOf { name }),
        (None, None) => Err(Failure::Usage(format!(
            "\"{}\" is neither a device's name nor a session's number, as 7 or #7",
            Escaped(which)
        ))),
    }
}

fn show(sessions: &[SessionInfo], output: &Output) {
    let lines: Vec<String> = sessions.iter().map(line).collect();
    output.list(&lines, "no sessions", &json!({ "sessions": sessions }));
}

fn line(info: &SessionInfo) -> String {
    let SessionInfo {
        session,
        device,
        address,
        since,
        state,
        by,
        idle_ms,
        uploads,
        downloads,
    } = info;
    let device = device.as_ref().map_or("not logged in", DeviceName::as_str);
    let mut line = format!("{session}; {device}; {address}; since {}", since.local());
    line.push_str(match state {
        SessionState::Connected => "",
        SessionState::Attached => "; attached",
        SessionState::Joined => "; joined",
    });
    line.push_str(match by {
        None => "",
        Some(LoginMeans::Password) => "; by password",
        Some(LoginMeans::Key) => "; by key",
    });
    line.push_str(&format!("; idle for {} s", idle_ms / 1000));
    for (count, what) in [(uploads, "uploads"), (downloads, "downloads")] {
        if *count > 0 {
            line.push_str(&format!("; {what}: {count}"));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: u64, device: &str) -> SessionInfo {
        SessionInfo {
            session: number,
            device: device.parse().ok(),
            address: [192, 0, 2, 1].into(),
            since: fleetlink_proto::WallTime::from_unix_millis(0),
            state: SessionState::Joined,
            by: Some(LoginMeans::Key),
            idle_ms: 1500,
            uploads: 2,
            downloads: 0,
        }
    }

    #[test]
    fn a_name_of_digits_is_told_from_a_number() {
        let sessions = [session(7, "cam"), session(8, "7"), session(9, "12")];
        let of = |name: &str| OperatorCall::EndSessionsOf {
            name: name.parse().unwrap(),
        };
        let number = |session| OperatorCall::EndSession { session };
        for (which, expected) in [
            ("cam", of("cam")),
            ("uav", of("uav")),
            ("12", of("12")),
            ("8", number(8)),
            ("#7", number(7)),
            ("99", number(99)),
        ] {
            let call = chosen(which, &sessions).unwrap();
            assert_eq!(format!("{call:?}"), format!("{expected:?}"), "{which}");
        }
        for which in ["7", "a b", ""] {
            assert!(chosen(which, &sessions).is_err(), "{which}");
        }
    }

    #[test]
    fn a_line_tells_what_a_session_does() {
        let text = line(&session(7, "cam"));
        assert!(text.starts_with("7; cam; 192.0.2.1; since "), "{text}");
        let end = "; joined; by key; idle for 1 s; uploads: 2";
        assert!(text.ends_with(end), "{text}");
    }
}
