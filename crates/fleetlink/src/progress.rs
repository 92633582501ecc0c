//! Progress of what takes long, on standard error, at a terminal only.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

/// What is done sooner than this shows no bar.
const PATIENCE: Duration = Duration::from_millis(400);

/// A bar that appears when something takes long, and disappears when dropped.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    drawn: bool,
    total: Option<u64>,
    template: &'static str,
    started: Instant,
}

const BYTES: &str = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
const BYTES_WITHOUT_END: &str = "{spinner} {bytes} {bytes_per_sec}";
const SAMPLES: &str = "{bar:30} {human_pos}/{human_len} samples {eta}";

impl Progress {
    /// Of bytes; of how many, where that is known.
    pub(crate) fn of_bytes(output: &Output, total: Option<u64>) -> Self {
        let template = if total.is_some() {
            BYTES
        } else {
            BYTES_WITHOUT_END
        };
        Progress::new(output, total, template)
    }

    /// Of samples.
    pub(crate) fn of_samples(output: &Output, total: u64) -> Self {
        Progress::new(output, Some(total), SAMPLES)
    }

    fn new(output: &Output, total: Option<u64>, template: &'static str) -> Self {
        Progress {
            bar: output.draws_progress().then(ProgressBar::no_length),
            drawn: false,
            total,
            template,
            started: Instant::now(),
        }
    }

    /// So much is done.
    pub(crate) fn set(&mut self, done: u64) {
        let Some(bar) = &self.bar else { return };
        if self.started.elapsed() < PATIENCE {
            return;
        }
        if !self.drawn {
            self.drawn = true;
            if let Ok(style) = ProgressStyle::with_template(self.template) {
                bar.set_style(style);
            }
        }
        if let Some(total) = self.total {
            bar.set_length(total);
        }
        bar.set_position(done);
    }

    /// So much of so much is done.
    pub(crate) fn set_of(&mut self, done: u64, total: u64) {
        self.total = Some(total);
        self.set(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
