//! A bar for each transfer that takes longer, on standard error, at a terminal only.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::running::{Transfer, canonical};
use crate::output::Output;

/// What is over sooner than this shows no bar.
const PATIENCE: Duration = Duration::from_millis(400);
/// Letters of a title that are shown.
const TITLE: usize = 40;
const TEMPLATE: &str = "{prefix} {bar:20} {decimal_bytes}/{decimal_total_bytes} \
                        {decimal_bytes_per_sec} {eta} {msg}";

/// The bars of this process.
pub(super) struct Bars {
    multi: MultiProgress,
    style: ProgressStyle,
    bars: BTreeMap<u32, ProgressBar>,
}

impl Bars {
    /// Bars that make room for the lines of this output.
    pub(super) fn beside(output: &Output) -> Self {
        let multi = MultiProgress::new();
        output.print_beside(multi.clone());
        let style = ProgressStyle::with_template(TEMPLATE);
        Bars {
            multi,
            style: style.unwrap_or_else(|_| ProgressStyle::default_bar()),
            bars: BTreeMap::new(),
        }
    }

    /// Draws those that run by now.
    pub(super) fn draw(&mut self, running: &BTreeMap<u32, Transfer>) {
        self.bars.retain(|number, bar| {
            let runs = running.contains_key(number);
            if !runs {
                bar.finish_and_clear();
            }
            runs
        });
        for (number, transfer) in running {
            if transfer.began.elapsed() < PATIENCE {
                continue;
            }
            let bar = self.bars.entry(*number).or_insert_with(|| {
                let bar = self.multi.add(ProgressBar::new(transfer.size));
                bar.set_style(self.style.clone());
                bar.set_prefix(transfer.title().chars().take(TITLE).collect::<String>());
                bar
            });
            if let Some(address) = transfer.address {
                bar.set_message(canonical(address).to_string());
            }
            bar.set_position(transfer.progress().bytes);
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.draw(&BTreeMap::new());
    }
}
