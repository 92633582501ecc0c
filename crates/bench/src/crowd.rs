//! Many devices, a few at a time.

use fleetlink_client::{Session, internals::Dialer};
use tokio::runtime::{Builder, Runtime};

use crate::BenchResult;
use crate::hub::Hub;

/// The number of sessions made at a time.
const TOGETHER: u32 = 8;

/// Makes so many of something, a few at a time.
pub(crate) async fn many<T, F>(count: u32, make: impl Fn(u32) -> F) -> BenchResult<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = BenchResult<T>> + Send + 'static,
{
    let mut made = Vec::new();
    for first in (0..count).step_by(TOGETHER as usize) {
        let last = count.min(first + TOGETHER);
        let tasks: Vec<_> = (first..last).map(|n| tokio::spawn(make(n))).collect();
        for task in tasks {
            made.push(task.await??);
        }
    }
    Ok(made)
}

/// Joins so many devices of a hub, each by its dialer.
pub(crate) async fn joined(
    hub: &Hub,
    count: u32,
    dialer: fn(&Hub, u32) -> Dialer,
) -> BenchResult<Vec<Session>> {
    let join = |n| {
        let mut dialer = dialer(hub, n);
        async move {
            let session = dialer.attach().await?;
            session.join(0).await?;
            Ok(session)
        }
    };
    many(count, join).await
}

/// The runtime of a measurement.
pub(crate) fn runtime() -> BenchResult<Runtime> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}
