//! Being asked to end: Ctrl-C, a terminal that was closed, or the end of a service.

use std::fs;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Hears SIGINT, SIGTERM and SIGHUP; while one exists they do not end the process by themselves.
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where whoever started the process had it ignored, as `nohup` does.
    hang_up: Option<Signal>,
}

/// The event that ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Ctrl-C: what is under way is to end.
    Interrupt,
    /// The process is to end.
    End,
}

impl Interrupts {
    /// Starts to listen.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let hang_up = match hang_up_is_ignored() {
            true => None,
            false => Some(signal(SignalKind::hangup())?),
        };
        Ok(Interrupts {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up,
        })
    }

    /// Does `work` until it is done or the process is asked to end; dropping it cleans up.
    pub(crate) async fn unless<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            result = work => result,
            () = self.next() => Err(Failure::Interrupted),
        }
    }

    /// Waits for the next.
    pub(crate) async fn next(&mut self) {
        self.heard().await;
    }

    /// Waits for the next, and says which it is.
    pub(crate) async fn heard(&mut self) -> Heard {
        let hung_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Heard::Interrupt,
            _ = self.terminate.recv() => Heard::End,
            _ = hung_up => Heard::End,
        }
    }
}

/// Whether the process was started with SIGHUP ignored, where the system says so.
fn hang_up_is_ignored() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, 1))
}

fn ignores(status: &str, signal: u32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// Does `work` until it is done or the process is asked to end; dropping it cleans up.
pub(crate) async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    Interrupts::listen()?.unless(work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_seen() {
        let status = "Name:\tfleetlink\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000001\n";
        assert!(ignores(status, 1));
        assert!(!ignores(status, 2));
        assert!(!ignores("", 1));
    }
}
