//! The attacker, who tries names and looks at the clock. It tries one name at a time, so that it
//! does not disturb itself, and times only the reply to the login.

use std::time::Instant;

use fleetlink_client::{Session, internals::connect};
use fleetlink_proto::Password;
use fleetlink_proto::control::ErrorCode;

use super::hub::Hub;
use crate::BenchResult;

/// A password that no account has.
const WRONG: &str = "comp9332";
/// Logins before the first that counts.
const WARM_UP: usize = 16;

/// A name, and whether it has an account.
pub(super) struct Try {
    pub(super) name: String,
    pub(super) is_known: bool,
}

/// The times of the replies, in nanoseconds.
#[derive(Default)]
pub(super) struct Times {
    pub(super) known: Vec<u64>,
    pub(super) unknown: Vec<u64>,
}

impl Times {
    fn add(&mut self, tried: &Try, nanoseconds: u64) {
        match tried.is_known {
            true => self.known.push(nanoseconds),
            false => self.unknown.push(nanoseconds),
        }
    }
}

/// Tries each name as often as there are expected answers; a new connection after so many names. The
/// times of each of the answers.
pub(super) async fn attack<const N: usize>(
    hub: &Hub,
    tries: &[Try],
    names_a_session: usize,
    expected: [ErrorCode; N],
) -> BenchResult<[Times; N]> {
    let session = open(hub).await?;
    for n in 0..WARM_UP {
        timed_login(&session, &format!("warm-up-{n}"), expected[0]).await?;
    }
    let mut times = [(); N].map(|()| Times::default());
    for tries in tries.chunks(names_a_session) {
        let session = open(hub).await?;
        for tried in tries {
            for (expected, times) in expected.into_iter().zip(&mut times) {
                times.add(tried, timed_login(&session, &tried.name, expected).await?);
            }
        }
    }
    Ok(times)
}

async fn open(hub: &Hub) -> BenchResult<Session> {
    let connection = connect(&hub.address, hub.trust).await?;
    let (session, _) = Session::open(connection, "fleetlink-bench").await?;
    Ok(session)
}

async fn timed_login(session: &Session, name: &str, expected: ErrorCode) -> BenchResult<u64> {
    let password = Password::from(WRONG);
    let begun = Instant::now();
    let answer = session.login(name, &password).await;
    let time = begun.elapsed();
    match answer {
        Err(error) if error.is_refused_with(expected) => Ok(u64::try_from(time.as_nanos())?),
        Err(error) => Err(format!("{name}: {error}, where {expected:?} was expected").into()),
        Ok(_) => Err(format!("{name} was let in").into()),
    }
}
