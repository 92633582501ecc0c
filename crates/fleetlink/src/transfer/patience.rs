//! Refusals that may pass: what is tried again, and for how long.

use std::time::{Duration, Instant};

use clap::Args;
use fleetlink_client::{Backoff, Control, Peer, Retry, Source};
use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::limits::STALL_DEADLINE;
use fleetlink_proto::transfer::{Ended, Failure, Reason, Receipt, WaitsFor};
use tokio::time::{sleep, sleep_until};

use super::report::{Event, Report, milliseconds};
use super::words;
use crate::duration;

/// How long a device that sends files waits for others.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PatienceArguments {
    /// Try again for so long where a device refuses a file for a reason that may pass: it is busy.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    pub(crate) retry_for: Duration,
    /// End a transfer in which nothing has moved for so long, while its connection lives.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    pub(crate) idle_timeout: Duration,
}

impl Default for PatienceArguments {
    fn default() -> Self {
        PatienceArguments {
            retry_for: STALL_DEADLINE,
            idle_timeout: STALL_DEADLINE,
        }
    }
}

/// How long something is tried again.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    until: Instant,
    backoff: Backoff,
}

impl Patience {
    /// From now on.
    pub(crate) fn lasting(limit: Duration) -> Self {
        Patience {
            limit,
            until: Instant::now() + limit,
            backoff: Backoff::default(),
        }
    }

    /// When no other try is begun any more.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// How long to wait before another try after this failure; none where there is to be none.
    pub(crate) fn after(&mut self, failure: &Failure) -> Option<Duration> {
        if failure.ended().reason.retry() != Retry::Soon {
            return None;
        }
        let left = self.until.checked_duration_since(Instant::now())?;
        Some(self.backoff.next_wait().min(left)).filter(|wait| !wait.is_zero())
    }

    /// Sends the file. While the receiver lets it wait its turn, that is told once by `waits`; it
    /// waits no longer than it would be tried again.
    pub(crate) async fn send(
        &self,
        peer: &Peer,
        source: Source,
        control: &Control,
        waits: impl FnOnce(),
    ) -> Result<Receipt, Failure> {
        let waiting = async {
            let mut changes = control.waits();
            let place = |waits: &Option<WaitsFor>| *waits == Some(WaitsFor::Place);
            let mut waits = Some(waits);
            while changes.wait_for(place).await.is_ok() {
                if let Some(waits) = waits.take() {
                    waits();
                }
                tokio::select! {
                    _ = changes.wait_for(|waits| !place(waits)) => {}
                    () = sleep_until(self.until.into()) => {
                        let limit = self.limit.as_secs_f32();
                        let why = format!("no place became free for {limit} s");
                        control.cancel(Reason::Busy, &why);
                        break;
                    }
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            sent = peer.send(source, control) => sent,
            () = waiting => Err(Failure::Here(Ended::new(Reason::Internal, "waiting ended"))),
        }
    }
}

impl Report {
    /// Says that it is tried again, and waits for that.
    pub(super) async fn try_again(
        &self,
        to: &DeviceName,
        name: Option<&str>,
        failure: &Failure,
        wait: Duration,
    ) {
        self.notice(&words::trying_again(name, failure, wait));
        self.event(&Event::Retrying {
            device: to.as_str(),
            name,
            code: failure.ended().reason.name(),
            message: failure.to_string(),
            milliseconds: milliseconds(wait),
        });
        sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_for_a_while_and_nothing_else_is() {
        let failure = |reason| Failure::Peer(Ended::new(reason, "x"));
        let mut patience = Patience::lasting(Duration::from_secs(600));
        for reason in Reason::ALL {
            let again = patience.after(&failure(*reason)).is_some();
            assert_eq!(again, (reason.retry() == Retry::Soon), "{reason:?}");
        }
        let mut over = Patience::lasting(Duration::ZERO);
        assert_eq!(over.after(&failure(Reason::Busy)), None);
    }
}
