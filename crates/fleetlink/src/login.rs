//! The login dialogue.

use fleetlink_device::{CallError, Connection, Dialer, Session, connect};
use fleetlink_proto::control::{ErrorCode, RpcError};
use fleetlink_proto::{DeviceName, Escaped, Password};

use crate::dial::{CLIENT, Hub};
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

/// Asks for name and password until the hub accepts them or blocks the name.
pub(crate) async fn log_in(
    connection: Connection,
    hub: &Hub,
    given: Given,
    lines: &Lines,
    output: &Output,
) -> Result<Welcome, Failure> {
    let (mut session, _) = Session::open(connection, CLIENT).await?;
    let Given { name, mut password } = given;
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
        // The hub waits only so long for a login; whoever typed for longer has lost nothing.
        if session.is_closed().is_some() {
            let connection = connect(&hub.address, hub.trust).await?;
            session = Session::open(connection, CLIENT).await?.0;
        }
        match session.login(&tried_name, &tried_password).await {
            Ok(reply) => {
                return Ok(Welcome {
                    session,
                    dialer: hub.dialer(&tried_name, &tried_password),
                    name: reply.name,
                });
            }
            Err(CallError::Refused(error)) => refused(error, was_given, output)?,
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
    output.ask(question, Ask::Stdout, lines.terminal());
    lines.next_hidden().await?.ok_or_else(input_ended)
}

fn input_ended() -> Failure {
    Failure::General("the input ended before the login".to_owned())
}
