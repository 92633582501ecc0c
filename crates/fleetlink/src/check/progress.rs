//! The progress of a checker, at a terminal.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::interval;

use crate::output::{Output, terminal_size};
use crate::progress::cut;

const TICK_EVERY: Duration = Duration::from_millis(500);

/// Shows the check that runs as a line on standard error, at a terminal only. The line disappears
/// when this is dropped.
pub(crate) struct CheckLine {
    output: Output,
    now: Arc<Mutex<String>>,
    drawing: Option<JoinHandle<()>>,
}

impl CheckLine {
    pub(crate) fn new(output: &Output) -> Self {
        let now: Arc<Mutex<String>> = Arc::default();
        let drawing = output
            .draws_progress()
            .then(|| tokio::spawn(draw(output.clone(), Arc::clone(&now))));
        CheckLine {
            output: output.clone(),
            now,
            drawing,
        }
    }
}

impl fleetlink_check::ProgressListener for CheckLine {
    fn begin(&mut self, number: usize, of: usize, id: &str, shows: &str) {
        let text = format!("{number}/{of} {id}: {shows}");
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// Shows the check and the time that all have taken.
async fn draw(output: Output, now: Arc<Mutex<String>>) {
    let began = Instant::now();
    let mut ticks = interval(TICK_EVERY);
    loop {
        ticks.tick().await;
        let text = now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((columns, _)) = terminal_size().filter(|_| !text.is_empty()) {
            let line = format!("{} s {text}", began.elapsed().as_secs());
            output.show_bars(vec![cut(&line, columns.saturating_sub(1))]);
        }
    }
}

impl Drop for CheckLine {
    fn drop(&mut self) {
        if let Some(drawing) = self.drawing.take() {
            drawing.abort();
            self.output.show_bars(Vec::new());
        }
    }
}
