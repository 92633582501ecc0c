//! Text of whole lines, sample by sample.

use std::ops::Range;

use fleetlink_core::StoreError;
use fleetlink_proto::samples::{Decimal, Summary, Tally, Timestamp, first_sample};

use super::query::Columns;

/// Adds the samples of a text, of which the first has this index in its data file; the summary of all
/// of them.
///
/// # Errors
/// `Corrupt` where a line is no sample: the store takes none such.
pub(in crate::store) fn add_text(
    columns: &mut Columns,
    text: &[u8],
    index: u64,
) -> Result<Summary, StoreError> {
    let mut runs = Runs {
        columns,
        total: Summary::default(),
        run: None,
    };
    let mut rest = text;
    for index in index.. {
        if rest.is_empty() {
            break;
        }
        let (time, sample, after) = first_sample(rest).ok_or_else(no_sample)?;
        let at = time.map_or(i128::from(index), Timestamp::unix_nanos);
        runs.add(at, time, sample)?;
        rest = after;
    }
    runs.end_run()?;
    Ok(runs.total)
}

/// Samples are added up for as long as they are in one column.
struct Runs<'a> {
    columns: &'a mut Columns,
    total: Summary,
    run: Option<Run>,
}

struct Run {
    /// `None` outside the stretch.
    column: Option<u32>,
    /// The positions that belong to the run.
    cell: Range<i128>,
    first: i128,
    tally: Tally,
}

impl Runs<'_> {
    fn add(
        &mut self,
        at: i128,
        time: Option<Timestamp>,
        sample: Decimal,
    ) -> Result<(), StoreError> {
        if !self.run.as_ref().is_some_and(|run| run.cell.contains(&at)) {
            self.end_run()?;
        }
        let run = self.run.get_or_insert_with(|| {
            let (column, cell) = self.columns.cell_of(at);
            Run {
                column,
                cell,
                first: at,
                tally: Tally::new(),
            }
        });
        run.first = run.first.min(at);
        run.tally.add(time, sample);
        Ok(())
    }

    fn end_run(&mut self) -> Result<(), StoreError> {
        let Some(run) = self.run.take() else {
            return Ok(());
        };
        let samples = run.tally.summary().ok_or_else(no_sample)?;
        self.total.merge(&samples).map_err(|_| no_sample())?;
        match run.column {
            None => Ok(()),
            Some(column) => self.columns.merge(column, run.first, &samples),
        }
    }
}

fn no_sample() -> StoreError {
    StoreError::Corrupt("a stored line is no sample".to_owned())
}
