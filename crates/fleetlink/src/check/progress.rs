//! What a checker does now, at a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

const TEMPLATE: &str = "{spinner} {pos}/{len} {wide_msg} {elapsed}";
const TICK_EVERY: Duration = Duration::from_millis(200);

/// A line with the check that runs, on standard error; it disappears when dropped.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    begun: u64,
}

impl Progress {
    /// Of so many checks; nothing is shown where no person looks.
    pub(crate) fn new(output: &Output, checks: usize) -> Self {
        let bar = output.draws_progress().then(|| {
            let bar = ProgressBar::new(u64::try_from(checks).unwrap_or(u64::MAX));
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK_EVERY);
            bar
        });
        Progress { bar, begun: 0 }
    }

    /// The next check begins.
    pub(crate) fn show(&mut self, id: &str, shows: &str) {
        self.begun += 1;
        if let Some(bar) = &self.bar {
            bar.set_position(self.begun);
            bar.set_message(format!("{id}: {shows}"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
