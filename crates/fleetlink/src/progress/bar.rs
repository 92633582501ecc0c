//! One line that shows how far something is, as wide as the terminal allows.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The widest and the narrowest bar, in columns.
const BAR: (usize, usize) = (30, 8);
/// Columns that a title may not be cut below.
const TITLE: usize = 12;

/// The content of a line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bar {
    /// Of what.
    pub(crate) title: String,
    /// The amount done, and the total if it is known.
    pub(crate) done: u64,
    pub(crate) total: Option<u64>,
    /// Units a second, where they are known.
    pub(crate) rate: Option<u64>,
    /// The note at the end, if there is room.
    pub(crate) note: String,
}

impl Bar {
    /// The line for a terminal of so many columns. The last column stays free: some terminals break
    /// the line there. `count` shows a number of units.
    pub(crate) fn line(&self, columns: usize, count: &dyn Fn(u64) -> String) -> String {
        let room = columns.saturating_sub(1);
        let tails = self.tails(count);
        let title = self.title.width();
        let gap = |width: usize| usize::from(width > 0);
        let least = |tail: &&String| {
            let (least, bar) = (title.min(TITLE), self.total.map_or(0, |_| BAR.1));
            least + gap(least) + bar + gap(bar) + tail.width() <= room
        };
        let Some(tail) = tails.iter().find(least) else {
            // Too narrow for a bar.
            let tail = tails.last().map_or("", String::as_str);
            return cut(&format!("{tail} {}", self.title), room);
        };
        let room = room - tail.width();
        let smallest = self.total.map_or(0, |_| BAR.1 + 1);
        let title = cut(&self.title, room.saturating_sub(smallest + 1));
        let room = room - title.width() - gap(title.width());
        let bar = match self.total {
            Some(total) => self.bar(total, room.saturating_sub(1).min(BAR.0)),
            None => String::new(),
        };
        let parts = [title, bar, tail.clone()];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    }

    /// The texts behind the bar, each with fewer words than the one before.
    fn tails(&self, count: &dyn Fn(u64) -> String) -> Vec<String> {
        let done = count(self.done);
        let of = self
            .total
            .map(|total| format!("{done} of {}", count(total)));
        let of = of.unwrap_or_else(|| done.clone());
        let rate = self.rate.map(|rate| format!(", {}/s", count(rate)));
        let rate = rate.unwrap_or_default();
        let left = self.left().map(|left| format!(", {} left", clock(left)));
        let left = left.unwrap_or_default();
        let note = match self.note.is_empty() {
            true => String::new(),
            false => format!(", {}", self.note),
        };
        let percent = self
            .percent()
            .map_or(done, |percent| format!("{percent} %"));
        vec![
            format!("{of}{rate}{left}{note}"),
            format!("{of}{rate}{left}"),
            format!("{of}{rate}"),
            format!("{percent}{rate}"),
            percent,
        ]
    }

    /// The same without a bar, for a terminal that can do no more.
    pub(crate) fn plain(&self, count: &dyn Fn(u64) -> String) -> String {
        let tails = self.tails(count);
        match self.title.is_empty() {
            true => tails[1].clone(),
            false => format!("{}: {}", cut(&self.title, 40), tails[1]),
        }
    }

    fn percent(&self) -> Option<u64> {
        let total = self.total.filter(|total| *total > 0)?;
        let percent = u128::from(self.done) * 100 / u128::from(total);
        u64::try_from(percent).ok().map(|percent| percent.min(100))
    }

    fn left(&self) -> Option<Duration> {
        let (total, rate) = (self.total?, self.rate.filter(|rate| *rate > 0)?);
        let rest = total.saturating_sub(self.done);
        Some(Duration::from_secs(rest.div_ceil(rate)))
    }

    fn bar(&self, total: u64, columns: usize) -> String {
        let share = u128::from(self.done.min(total)) * columns as u128 / u128::from(total.max(1));
        let full = usize::try_from(share).unwrap_or(columns);
        "█".repeat(full) + &"░".repeat(columns - full)
    }
}

/// `40 s`, `2 min 5 s`, `1 h 3 min`.
fn clock(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The beginning of a text that fits.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let fits = |c: &char| {
        let width = c.width().unwrap_or(0);
        let fits = width <= room;
        room -= width.min(room);
        fits
    };
    let mut short: String = text.chars().take_while(fits).collect();
    if columns > 0 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::Bytes;

    fn bytes(count: u64) -> String {
        Bytes(count).to_string()
    }

    fn film(title: &str) -> Bar {
        Bar {
            title: title.to_owned(),
            done: 12_300_000,
            total: Some(64_000_000),
            rate: Some(20_100_000),
            note: "192.0.2.7:5000".to_owned(),
        }
    }

    #[test]
    fn a_line_fits_every_terminal() {
        let titles = [
            "",
            "a",
            "lecture1.mp4 to wei-smartphone",
            "講義の録画ファイル.mp4",
        ];
        let long = "x".repeat(300);
        for title in titles.into_iter().chain([long.as_str()]) {
            for columns in 0..200 {
                for total in [None, Some(0), Some(64_000_000), Some(u64::MAX)] {
                    let bar = Bar {
                        total,
                        ..film(title)
                    };
                    let line = bar.line(columns, &bytes);
                    assert!(line.width() < columns.max(1), "{columns}: {line:?}");
                }
            }
        }
    }

    #[test]
    fn a_wide_terminal_shows_all_and_a_narrow_one_what_matters() {
        let bar = film("lecture1.mp4 to wei-smartphone");
        let wide = bar.line(140, &bytes);
        let said = "12.3 MB of 64.0 MB, 20.1 MB/s, 3 s left, 192.0.2.7:5000";
        assert!(
            wide.starts_with("lecture1.mp4 to wei-smartphone █████░"),
            "{wide}"
        );
        assert!(wide.ends_with(said), "{wide}");
        assert_eq!(
            bar.line(40, &bytes),
            "lecture1.mp4 … █░░░░░░░ 19 %, 20.1 MB/s"
        );
        assert_eq!(bar.line(20, &bytes), "19 % lecture1.mp4 …");
        assert_eq!(
            bar.plain(&bytes),
            "lecture1.mp4 to wei-smartphone: 12.3 MB of 64.0 MB, 20.1 MB/s, 3 s left"
        );
    }

    #[test]
    fn times_are_read_at_a_glance() {
        for (seconds, shown) in [(0, "0 s"), (125, "2 min 5 s"), (3800, "1 h 3 min")] {
            assert_eq!(clock(Duration::from_secs(seconds)), shown);
        }
    }
}
