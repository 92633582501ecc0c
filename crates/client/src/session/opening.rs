//! The first calls of a session. By key they go to the hub in one flight, as no answer says what
//! the next call needs: that saves both ends two rounds and their wake-ups. A password is said to
//! nobody who has not said hello.

use std::time::Duration;

use fleetlink_proto::HubPin;
use fleetlink_proto::control::limits::{MAX_KEEP_ALIVE, MIN_KEEP_ALIVE, PROTOCOL_VERSION};
use fleetlink_proto::control::{Feature, Hello, HelloReply, Join, JoinReply, LoginReply, Request};
use fleetlink_proto::succession::Succession;

use super::shared::Opens;
use super::{Agreed, Session};
use crate::{Connection, Error, KeyPair, Result};

impl Session {
    /// Says hello over a new connection; `client` tells the hub's log what this device runs.
    pub async fn open(connection: Connection, client: &str) -> Result<(Session, HelloReply)> {
        let session = Session::start(connection);
        let reply = session.call(hello(client, None)).await?;
        session.agree(&reply)?;
        Ok((session, reply))
    }

    /// Asks a hub how its key came from the one of this pin. Nothing else is said to it.
    pub(crate) async fn succession(
        connection: Connection,
        client: &str,
        expected: HubPin,
    ) -> Result<Vec<Succession>> {
        let session = Session::start(connection);
        let reply: HelloReply = session.call(hello(client, Some(expected))).await?;
        session.agree(&reply)?;
        Ok(reply.succession)
    }

    /// Says hello and logs in by proving the enrolled key.
    pub(crate) async fn attach_by_key(
        connection: Connection,
        client: &str,
        (name, key): (&str, &KeyPair),
    ) -> Result<(Session, LoginReply)> {
        let session = Session::start(connection);
        let login = session.login_request(name, key)?;
        let calls = [hello(client, None), login].map(opening_nothing);
        let [hello, login] = session.send(calls).await?;
        session.agree(&hello.read().await?)?;
        let reply = login.read().await?;
        Ok((session, reply))
    }

    /// The same, and joins.
    pub(crate) async fn join_by_key(
        connection: Connection,
        client: &str,
        (name, key): (&str, &KeyPair),
        join: Join,
    ) -> Result<(Session, JoinReply)> {
        let session = Session::start(connection);
        let login = session.login_request(name, key)?;
        let calls = [hello(client, None), login, Request::Join(join)].map(opening_nothing);
        let [hello, login, join] = session.send(calls).await?;
        // Where the hub refuses one, it refuses those after it too: the first says why.
        session.agree(&hello.read().await?)?;
        login.read::<LoginReply>().await?;
        let reply = join.read().await?;
        Ok((session, reply))
    }

    /// Takes over what the hub's hello says.
    fn agree(&self, reply: &HelloReply) -> Result<()> {
        if reply.version != PROTOCOL_VERSION {
            let version = reply.version;
            return Err(Error::unexpected(&format!(
                "it wants version {version} of the protocol, which was not offered"
            )));
        }
        let keep_alive = Duration::from_millis(reply.keep_alive_ms);
        self.inner
            .keep_alive
            .send_replace(keep_alive.clamp(MIN_KEEP_ALIVE, MAX_KEEP_ALIVE));
        self.inner.agreed.get_or_init(|| Agreed {
            client_numbers: reply.features.contains(&Feature::ClientNumbers),
            hears_reports: reply.features.contains(&Feature::TransferReports),
            limits: reply.limits,
        });
        Ok(())
    }
}

/// Offers one version: what is sent behind it is of that version.
fn hello(client: &str, pin: Option<HubPin>) -> Request {
    Request::Hello(Hello {
        versions: vec![PROTOCOL_VERSION],
        client: client.to_owned(),
        pin,
        hashes: None,
    })
}

fn opening_nothing(request: Request) -> (Request, Opens) {
    (request, Opens::Nothing)
}
