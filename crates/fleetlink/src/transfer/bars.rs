//! A bar for each transfer that takes longer, on standard error, at a terminal only.

use std::collections::BTreeMap;
use std::time::Instant;

use super::running::{Transfer, canonical};
use crate::output::{Output, terminal_size};
use crate::progress::{Bar, Meter, PATIENCE, cut};
use crate::size::Bytes;

/// Rows of the terminal that stay free for lines.
const FREE_ROWS: usize = 2;

/// The bars of this process.
pub(super) struct Bars {
    output: Output,
    meters: BTreeMap<u32, Meter>,
    shown: bool,
}

impl Bars {
    /// Bars below the lines of this output.
    pub(super) fn below(output: &Output) -> Self {
        Bars {
            output: output.clone(),
            meters: BTreeMap::new(),
            shown: false,
        }
    }

    /// Draws those that run by now.
    pub(super) fn draw(&mut self, running: &BTreeMap<u32, Transfer>) {
        let Some((columns, rows)) = terminal_size() else {
            return;
        };
        let bars = self.bars(running);
        let most = rows.saturating_sub(FREE_ROWS).max(1);
        let shown = match bars.len() > most {
            true => most - 1,
            false => bars.len(),
        };
        let mut lines: Vec<String> = bars[..shown]
            .iter()
            .map(|bar| bar.line(columns, &count))
            .collect();
        if shown < bars.len() {
            let more = format!("… and {} more", bars.len() - shown);
            lines.push(cut(&more, columns.saturating_sub(1)));
        }
        if self.shown || !lines.is_empty() {
            self.shown = !lines.is_empty();
            self.output.show_bars(lines);
        }
    }

    /// Says how far those are that take long, a line for each.
    pub(super) fn tell(&mut self, running: &BTreeMap<u32, Transfer>) {
        for bar in self.bars(running) {
            self.output.progress_line(&bar.plain(&count));
        }
    }

    fn bars(&mut self, running: &BTreeMap<u32, Transfer>) -> Vec<Bar> {
        self.meters.retain(|number, _| running.contains_key(number));
        let long = |(_, transfer): &(&u32, &Transfer)| transfer.began.elapsed() >= PATIENCE;
        let now = Instant::now();
        let bar = |(number, transfer): (&u32, &Transfer)| {
            let done = transfer.progress().bytes;
            let meter = self.meters.entry(*number).or_default();
            meter.note(done, now);
            Bar {
                title: transfer.title(),
                done,
                total: Some(transfer.size),
                rate: meter.rate(),
                note: transfer
                    .address
                    .map_or_else(String::new, |address| canonical(address).to_string()),
            }
        };
        running.iter().filter(long).map(bar).collect()
    }
}

fn count(bytes: u64) -> String {
    Bytes(bytes).to_string()
}

impl Drop for Bars {
    fn drop(&mut self) {
        if self.shown {
            self.output.show_bars(Vec::new());
        }
    }
}
