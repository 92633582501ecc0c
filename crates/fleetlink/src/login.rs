//! The login dialogue.

use fleetlink_client::{Client, ClientBuilder, Error, ErrorKind};
use fleetlink_proto::control::{ErrorCode, RpcError};
use fleetlink_proto::{Escaped, Password};

use crate::failure::Failure;
use crate::output::{Ask, Output};
use crate::stdin::Lines;
use crate::trust;

/// Logs in a device whose name was given: by its key where it has one, else by the password, which
/// is asked for where it was not given.
pub(crate) async fn of_device(
    builder: ClientBuilder,
    password: Option<Password>,
    lines: &Lines,
    output: &Output,
) -> Result<Client, Failure> {
    let first = match &password {
        Some(password) => builder.clone().password(password.clone()),
        None => builder.clone(),
    };
    match trust::connect(&first, lines, output).await? {
        Ok(client) => return Ok(client),
        Err(error) if needs_password(&error) => {}
        Err(error) => match error.refusal() {
            Some(refusal) if password.is_some() => refused(refusal, true, output)?,
            _ => return Err(error.into()),
        },
    }
    by_password(builder.by_key(false), None, lines, output).await
}

/// Asks for the name once, and for the password until the hub accepts it or locks the name out. No
/// connection is held while somebody types: the hub has few places for those who have not logged
/// in.
pub(crate) async fn of_person(
    builder: ClientBuilder,
    password: Option<Password>,
    lines: &Lines,
    output: &Output,
) -> Result<Client, Failure> {
    trust::check(&builder, lines, output).await?;
    let name = lines.ask(output, "Username:", Ask::Stdout).await?;
    let name = name.ok_or_else(input_ended)?;
    let builder = builder.device(name.trim()).by_key(false);
    by_password(builder, password, lines, output).await
}

async fn by_password(
    builder: ClientBuilder,
    mut given: Option<Password>,
    lines: &Lines,
    output: &Output,
) -> Result<Client, Failure> {
    loop {
        let was_given = given.is_some();
        let password = match given.take() {
            Some(password) => password,
            None => {
                let password = lines.ask_hidden(output, "Password:", Ask::Stdout).await?;
                password.ok_or_else(input_ended)?
            }
        };
        let tried = builder.clone().password(password);
        match trust::connect(&tried, lines, output).await? {
            Ok(client) => return Ok(client),
            Err(error) => match error.refusal() {
                Some(refusal) => refused(refusal, was_given, output)?,
                None => return Err(error.into()),
            },
        }
    }
}

/// Tells whether a password may help where the login failed so.
pub(crate) fn needs_password(error: &Error) -> bool {
    let missing = matches!(error.kind(), ErrorKind::PasswordNeeded);
    missing || error.is_refused_with(ErrorCode::KeyRefused)
}

/// Shows the hub's refusal within the dialogue. Where the password came from a file there is no
/// dialogue, and nobody to be asked again: the command fails.
fn refused(error: &RpcError, was_given: bool, output: &Output) -> Result<(), Failure> {
    if was_given {
        return Err(Failure::Hub(error.clone()));
    }
    output.line(&Escaped(&error.message).to_string());
    if error.code == ErrorCode::WrongPassword {
        return Ok(());
    }
    Err(Failure::Shown(Box::new(Failure::Hub(error.clone()))))
}

fn input_ended() -> Failure {
    Failure::General("the input ended before the login".to_owned())
}
