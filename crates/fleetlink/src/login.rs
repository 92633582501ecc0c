//! The login dialogue.

use std::sync::Arc;

use fleetlink_client::{Connection, Credential, Dialer, KeyPair, Session};
use fleetlink_proto::control::{ErrorCode, LoginReply, RpcError};
use fleetlink_proto::{DeviceKey, DeviceName, Escaped, Password};

use crate::dial::Hub;
use crate::failure::Failure;
use crate::identity;
use crate::output::{Ask, Output};
use crate::stdin::Lines;

/// What need not be asked.
#[derive(Default)]
pub(crate) struct Given {
    /// The device's name.
    pub(crate) name: Option<String>,
    /// Its key, which is tried first.
    pub(crate) key: Option<KeyPair>,
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
    /// The key that the hub knows of it.
    pub(crate) enrolled: Option<DeviceKey>,
}

/// Asks for the name once, and for the password until the hub accepts it or blocks the name. No
/// connection is held while somebody types: the hub has few places for those who have not logged in.
pub(crate) async fn log_in(
    connection: Connection,
    hub: &mut Hub,
    given: Given,
    lines: &Lines,
    output: &Output,
) -> Result<Welcome, Failure> {
    let Given {
        name,
        key,
        mut password,
    } = given;
    let asks = name.is_none() || password.is_none();
    let mut at_hand = Some(connection);
    if let (Some(name), Some(key)) = (&name, key)
        && let Some(welcome) = by_key(at_hand.take(), hub, name, key, output).await?
    {
        return Ok(welcome);
    }
    at_hand = at_hand.filter(|_| !asks);
    let name = match name {
        Some(name) => name,
        None => {
            let name = lines.ask(output, "Username:", Ask::Stdout).await?;
            name.ok_or_else(input_ended)?.trim().to_owned()
        }
    };
    loop {
        let was_given = password.is_some();
        let tried_password = match password.take() {
            Some(password) => password,
            None => {
                let password = lines.ask_hidden(output, "Password:", Ask::Stdout).await?;
                password.ok_or_else(input_ended)?
            }
        };
        let credential = Credential::Password(tried_password);
        let attached = hub.attach(at_hand.take(), &name, &credential);
        match attached.await {
            Ok(attached) => return Ok(welcome(attached, hub, &name, credential)),
            Err(error) => match error.refusal() {
                Some(error) => refused(error.clone(), was_given, output)?,
                None => return Err(error.into()),
            },
        }
    }
}

/// Logs in without a question. `None` where the hub does not know the key any more: the password is
/// asked for then.
async fn by_key(
    connection: Option<Connection>,
    hub: &mut Hub,
    name: &str,
    key: KeyPair,
    output: &Output,
) -> Result<Option<Welcome>, Failure> {
    let credential = Credential::Key(Arc::new(key));
    let attached = hub.attach(connection, name, &credential).await;
    match identity::unless_refused(attached)? {
        Ok(attached) => Ok(Some(welcome(attached, hub, name, credential))),
        Err(_) => {
            output.notice("The hub does not know this device by its key any more.");
            Ok(None)
        }
    }
}

/// A login that succeeded, with what logs in again.
pub(crate) fn welcome(
    (session, reply): (Session, LoginReply),
    hub: &Hub,
    given_name: &str,
    credential: Credential,
) -> Welcome {
    Welcome {
        session,
        dialer: hub.dialer(given_name, credential),
        name: reply.name,
        enrolled: reply.key,
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

fn input_ended() -> Failure {
    Failure::General("the input ended before the login".to_owned())
}
