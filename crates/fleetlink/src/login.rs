//! The login dialogue.

use fleetlink_device::{AttachError, CallError, Connection, Dialer, Session};
use fleetlink_proto::control::{ErrorCode, RpcError};
use fleetlink_proto::{DeviceName, Escaped, Password};

use crate::dial::Hub;
use crate::failure::Failure;
use crate::output::{Ask, Output};
use crate::stdin::Lines;

/// What need not be asked.
#[derive(Default)]
pub(crate) struct Given {
    /// The device's name.
    pub(crate) name: Option<String>,
    /// Its password.
    pub(crate) password: Option<Password>,
}

/// A login that succeeded.
pub(crate) struct Welcome {
    /// The session, logged in.
    pub(crate) session: Session,
    /// What logs in again.
    pub(crate) dialer: Dialer,
    /// The device's name.
    pub(crate) name: DeviceName,
}

/// Asks for name and password until the hub accepts them or blocks the name. No connection is held
/// while somebody types: the hub has few places for those who have not logged in.
pub(crate) async fn log_in(
    connection: Connection,
    hub: &Hub,
    given: Given,
    lines: &Lines,
    output: &Output,
) -> Result<Welcome, Failure> {
    let Given { name, mut password } = given;
    let asks = name.is_none() || password.is_none();
    let mut at_hand = Some(connection).filter(|_| !asks);
    loop {
        let tried_name = match &name {
            Some(name) => name.clone(),
            None => ask(lines, output, "Username:").await?.trim().to_owned(),
        };
        let was_given = password.is_some();
        let tried_password = match password.take() {
            Some(password) => password,
            None => ask_hidden(lines, output, "Password:").await?,
        };
        let attached = hub.attach(at_hand.take(), &tried_name, &tried_password);
        match attached.await {
            Ok((session, name)) => {
                return Ok(Welcome {
                    session,
                    dialer: hub.dialer(&tried_name, &tried_password),
                    name,
                });
            }
            Err(AttachError::Call(CallError::Refused(error))) => {
                refused(error, was_given, output)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Says what the hub says. Nobody is there to be asked again where the password came from a file.
fn refused(error: RpcError, was_given: bool, output: &Output) -> Result<(), Failure> {
    output.line(&Escaped(&error.message).to_string());
    if error.code == ErrorCode::WrongPassword && !was_given {
        return Ok(());
    }
    Err(Failure::Shown(Box::new(Failure::Hub(error))))
}

async fn ask(lines: &Lines, output: &Output, question: &str) -> Result<String, Failure> {
    output.ask(question, Ask::Stdout, lines.terminal());
    lines.next().await?.ok_or_else(input_ended)
}

async fn ask_hidden(lines: &Lines, output: &Output, question: &str) -> Result<Password, Failure> {
    let ask = || output.ask(question, Ask::Stdout, lines.terminal());
    lines.next_hidden(ask).await?.ok_or_else(input_ended)
}

fn input_ended() -> Failure {
    Failure::General("the input ended before the login".to_owned())
}
