//! A stretch of a data file in columns: what a plot shows and what a range amounts to.

use std::num::NonZeroU32;
use std::ops::Range;

use fleetlink_proto::samples::Summary;

/// The most columns that one query has.
pub const MAX_COLUMNS: u32 = 65_536;

/// The largest position, in either direction. It lies beyond every time and every index.
const FARTHEST: i128 = 1_000_000_000_000_000_000_000;

/// A stretch of a data file, cut into columns of equal width.
///
/// Positions are nanoseconds since the Unix epoch where the samples have times, and indices from 0
/// where they have none. The stretch begins with `from` and ends before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    from: Option<i128>,
    to: Option<i128>,
    columns: NonZeroU32,
}

/// The reason for which there is no such window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// There are no columns, or too many.
    #[error("a query has 1 to {MAX_COLUMNS} columns, not {0}")]
    Columns(u32),
    /// An end is beyond every time and index.
    #[error("{0} is beyond every time and every index")]
    TooFar(i128),
    /// The stretch is empty.
    #[error("the stretch must begin before its end: {from} is not before {to}")]
    Empty {
        /// Its beginning.
        from: i128,
        /// Its end.
        to: i128,
    },
}

impl Window {
    /// The stretch from `from` until before `to` in so many columns; an end that is `None` is that of
    /// the data file.
    ///
    /// # Errors
    /// The number of columns is 0 or too large, an end is too far away, or the stretch is empty.
    pub fn new(from: Option<i128>, to: Option<i128>, columns: u32) -> Result<Self, WindowError> {
        let too_many = WindowError::Columns(columns);
        let columns = NonZeroU32::new(columns).filter(|columns| columns.get() <= MAX_COLUMNS);
        let columns = columns.ok_or(too_many)?;
        for end in [from, to].into_iter().flatten() {
            if !(-FARTHEST..=FARTHEST).contains(&end) {
                return Err(WindowError::TooFar(end));
            }
        }
        match (from, to) {
            (Some(from), Some(to)) if from >= to => Err(WindowError::Empty { from, to }),
            _ => Ok(Window { from, to, columns }),
        }
    }

    /// The stretch of a data file that has these totals; `None` where it holds none of its samples for
    /// certain.
    pub(super) fn within(&self, totals: &Summary) -> Option<Stretch> {
        let (first, end) = match (totals.first(), totals.last()) {
            (Some(first), Some(last)) => (first.unix_nanos(), last.unix_nanos() + 1),
            _ => (0, i128::from(totals.count())),
        };
        let (from, to) = (self.from.unwrap_or(first), self.to.unwrap_or(end));
        (from < to && from < end && first < to).then_some(Stretch {
            from,
            to,
            columns: self.columns,
        })
    }
}

/// A window whose ends are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    from: i128,
    to: i128,
    columns: NonZeroU32,
}

/// The place of a run of samples within a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// None of them is within the stretch.
    Outside,
    /// All of them are in this column.
    Column(u32),
    /// They may be in several columns, or some of them outside.
    Several,
}

impl Stretch {
    /// The number of columns.
    pub(super) fn columns(&self) -> u32 {
        self.columns.get()
    }

    /// The column in which a position is.
    pub(super) fn column_of(&self, position: i128) -> Option<u32> {
        if !(self.from..self.to).contains(&position) {
            return None;
        }
        // Below 2^111: a stretch has at most 2 * 10^21 positions.
        let column =
            (position - self.from) * i128::from(self.columns.get()) / (self.to - self.from);
        u32::try_from(column).ok()
    }

    /// The column in which a position is, and all the positions of that column.
    pub(super) fn cell_of(&self, position: i128) -> Option<(u32, Range<i128>)> {
        let column = self.column_of(position)?;
        let begin = |column: u32| {
            let columns = i128::from(self.columns.get());
            let begin = i128::from(column) * (self.to - self.from);
            // Rounded up: the first position that is in the column.
            self.from + (begin + columns - 1) / columns
        };
        Some((column, begin(column)..begin(column + 1)))
    }

    /// The place of samples whose first and last positions are these.
    pub(super) fn place_of(&self, first: i128, last: i128) -> Place {
        if last < self.from || first >= self.to {
            return Place::Outside;
        }
        match (self.column_of(first), self.column_of(last)) {
            (Some(column), Some(other)) if column == other => Place::Column(column),
            _ => Place::Several,
        }
    }
}

/// The samples of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its number, from 0.
    pub column: u32,
    /// The position of its first sample.
    pub at: i128,
    /// The exact summary of its samples.
    pub summary: Summary,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch_of(from: i128, to: i128, columns: u32) -> Stretch {
        let window = Window::new(Some(from), Some(to), columns).unwrap();
        let totals: Summary = {
            let mut parser = fleetlink_proto::samples::SampleParser::new();
            parser.feed("1\n".repeat(100).as_bytes()).unwrap();
            parser.finish().unwrap()
        };
        window.within(&totals).unwrap()
    }

    #[test]
    fn columns_share_the_stretch_and_nothing_beyond_it() {
        let stretch = stretch_of(-5, 7, 4);
        let columns: Vec<_> = (-6..8).map(|at| stretch.column_of(at)).collect();
        let expected = [
            &[None][..],
            &[Some(0); 3],
            &[Some(1); 3],
            &[Some(2); 3],
            &[Some(3); 3],
            &[None],
        ];
        assert_eq!(columns, expected.concat());
    }

    #[test]
    fn the_cell_of_a_position_is_its_column() {
        for (from, to, columns) in [(-5, 7, 4), (0, 10, 3), (3, 8, 20), (-7, 1, 2)] {
            let stretch = stretch_of(from, to, columns);
            for at in from - 2..to + 2 {
                let cell = stretch.cell_of(at);
                assert_eq!(
                    cell.as_ref().map(|(column, _)| *column),
                    stretch.column_of(at)
                );
                let Some((column, range)) = cell else {
                    continue;
                };
                let within = (from..to).filter(|at| stretch.column_of(*at) == Some(column));
                assert!(within.eq(range), "{from}..{to}: column {column}");
            }
        }
    }

    #[test]
    fn a_run_is_outside_in_one_column_or_in_several() {
        let stretch = stretch_of(10, 20, 2);
        assert_eq!(stretch.place_of(0, 9), Place::Outside);
        assert_eq!(stretch.place_of(20, 25), Place::Outside);
        assert_eq!(stretch.place_of(10, 14), Place::Column(0));
        assert_eq!(stretch.place_of(14, 15), Place::Several);
        assert_eq!(stretch.place_of(9, 10), Place::Several);
        assert_eq!(stretch.place_of(0, 99), Place::Several);
    }

    #[test]
    fn the_widest_stretch_has_the_most_columns() {
        let stretch = stretch_of(-FARTHEST, FARTHEST, MAX_COLUMNS);
        assert_eq!(stretch.column_of(-FARTHEST), Some(0));
        assert_eq!(stretch.column_of(FARTHEST - 1), Some(MAX_COLUMNS - 1));
        assert_eq!(stretch.column_of(FARTHEST), None);
    }

    #[test]
    fn what_is_no_window_is_refused() {
        assert_eq!(Window::new(None, None, 0), Err(WindowError::Columns(0)));
        let many = MAX_COLUMNS + 1;
        assert_eq!(
            Window::new(None, None, many),
            Err(WindowError::Columns(many))
        );
        let far = FARTHEST + 1;
        assert_eq!(
            Window::new(Some(far), None, 1),
            Err(WindowError::TooFar(far))
        );
        let empty = WindowError::Empty { from: 3, to: 3 };
        assert_eq!(Window::new(Some(3), Some(3), 1), Err(empty));
    }

    #[test]
    fn a_window_without_ends_is_the_whole_data_file() {
        let window = Window::new(None, None, 1).unwrap();
        assert_eq!(window.within(&Summary::default()), None);
        let beyond = Window::new(Some(5), None, 1).unwrap();
        let mut parser = fleetlink_proto::samples::SampleParser::new();
        parser.feed(b"1\n2\n3\n").unwrap();
        let totals = parser.finish().unwrap();
        assert_eq!(window.within(&totals).unwrap().column_of(2), Some(0));
        assert_eq!(beyond.within(&totals), None);
    }
}
