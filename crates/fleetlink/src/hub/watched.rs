//! Long work on a hub's data: a bar while it is done, and an end that leaves nothing half done.

use std::time::Duration;

use fleetlink_hub::{BackupError, Stopped, Watch};
use tokio::time::interval;

use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::Output;
use crate::progress::ProgressBar;

/// The time between two looks at the progress.
const LOOK: Duration = Duration::from_millis(100);

/// Does blocking work on a thread of its own. A first interruption has it end and tidy up, a second one
/// does not wait for that.
pub(super) async fn watched<T: Send + 'static, E: Send + 'static>(
    output: &Output,
    work: impl FnOnce(&Watch) -> Result<T, E> + Send + 'static,
) -> Result<Result<T, E>, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let watch = Watch::default();
    let watched = watch.clone();
    let mut working = tokio::task::spawn_blocking(move || work(&watched));
    let mut bar = ProgressBar::of_bytes(output, None);
    let mut looks = interval(LOOK);
    let mut is_stopped = false;
    loop {
        tokio::select! {
            done = &mut working => {
                return match done {
                    Ok(done) => Ok(done),
                    Err(failed) => std::panic::resume_unwind(failed.into_panic()),
                };
            }
            () = interrupts.next() => {
                if is_stopped {
                    return Err(Failure::Interrupted);
                }
                is_stopped = true;
                output.asked_to_end();
                watch.stop();
            }
            _ = looks.tick() => {
                let (done, total) = watch.progress();
                if total > 0 {
                    bar.set_of(done.min(total), total);
                }
            }
        }
    }
}

/// The failure of a backup or a restore.
pub(super) fn failure(error: BackupError) -> Failure {
    match error {
        BackupError::Stopped(Stopped) => Failure::Interrupted,
        BackupError::Damaged { .. } | BackupError::DamagedStore { .. } | BackupError::Faults(_) => {
            Failure::Damaged(error.to_string())
        }
        error => Failure::General(error.to_string()),
    }
}
