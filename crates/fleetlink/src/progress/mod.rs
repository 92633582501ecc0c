//! Progress bars for long operations: on standard error, at a terminal only.

mod bar;
mod meter;

use std::time::{Duration, Instant};

pub(crate) use bar::{Bar, cut};
pub(crate) use meter::Meter;

use crate::output::{Output, terminal_size};
use crate::size::Bytes;

/// An operation that is done sooner than this shows no bar.
pub(crate) const PATIENCE: Duration = Duration::from_millis(400);
/// The time between two frames of a bar.
pub(crate) const BAR_STEP: Duration = Duration::from_millis(100);
/// The time between two lines at a terminal that draws no bars.
pub(crate) const LINE_STEP: Duration = Duration::from_secs(5);

/// A bar that appears when something takes long, and disappears when dropped.
pub(crate) struct ProgressBar {
    output: Output,
    how: How,
    unit: Unit,
    total: Option<u64>,
    meter: Meter,
    /// The time of the next frame.
    due: Instant,
}

/// The way to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Bar,
    Lines,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Bytes,
    Samples,
}

impl ProgressBar {
    /// Of bytes; of how many, where that is known.
    pub(crate) fn of_bytes(output: &Output, total: Option<u64>) -> Self {
        ProgressBar::new(output, total, Unit::Bytes)
    }

    /// Of samples.
    pub(crate) fn of_samples(output: &Output, total: u64) -> Self {
        ProgressBar::new(output, Some(total), Unit::Samples)
    }

    fn new(output: &Output, total: Option<u64>, unit: Unit) -> Self {
        let (how, first) = match output {
            output if output.draws_progress() => (How::Bar, PATIENCE),
            output if output.tells_progress() => (How::Lines, LINE_STEP),
            _ => (How::Nothing, Duration::ZERO),
        };
        ProgressBar {
            output: output.clone(),
            how,
            unit,
            total,
            meter: Meter::default(),
            due: Instant::now() + first,
        }
    }

    /// Sets the amount done.
    pub(crate) fn set(&mut self, done: u64) {
        let now = Instant::now();
        if self.how == How::Nothing || now < self.due {
            return;
        }
        self.meter.note(done, now);
        let title = match self.unit {
            Unit::Bytes => String::new(),
            Unit::Samples => "samples".to_owned(),
        };
        let bar = Bar {
            title,
            done,
            total: self.total,
            rate: self.meter.rate(),
            ..Bar::default()
        };
        let unit = self.unit;
        let count = move |number| unit.count(number);
        if self.how == How::Lines {
            self.due = now + LINE_STEP;
            self.output.progress_line(&bar.plain(&count));
        } else if let Some((columns, _)) = terminal_size() {
            self.due = now + BAR_STEP;
            self.output.show_bars(vec![bar.line(columns, &count)]);
        }
    }

    /// Sets the amount done and the total.
    pub(crate) fn set_of(&mut self, done: u64, total: u64) {
        self.total = Some(total);
        self.set(done);
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        if self.how == How::Bar {
            self.output.show_bars(Vec::new());
        }
    }
}

impl Unit {
    fn count(self, number: u64) -> String {
        match self {
            Unit::Bytes => Bytes(number).to_string(),
            Unit::Samples => grouped(number),
        }
    }
}

/// `1,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_grouped() {
        for (number, shown) in [
            (7, "7"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), shown);
        }
    }
}
