//! The columns of a stretch, and how a pyramid fills them.

use std::io;
use std::ops::Range;

use fleetlink_core::StoreError;
use fleetlink_proto::samples::Summary;

use crate::store::columns::{Column, Place, Stretch};
use crate::store::leaves::LEAF;

use super::file::{Pyramid, damaged};
use super::format::{FAN_OUT, Layout};
use super::text::add_text;

/// The columns of a stretch while they are filled.
pub(in crate::store) struct Columns {
    stretch: Stretch,
    columns: Vec<Option<Column>>,
}

impl Columns {
    pub(in crate::store) fn of(stretch: Stretch) -> Self {
        let columns = usize::try_from(stretch.columns()).unwrap_or(usize::MAX);
        Columns {
            stretch,
            columns: vec![None; columns],
        }
    }

    /// The columns that have samples.
    pub(in crate::store) fn finish(self) -> Vec<Column> {
        self.columns.into_iter().flatten().collect()
    }

    /// The place of samples with this summary, of which the first has this index in its data file.
    pub(in crate::store) fn place_of(&self, samples: &Summary, index: u64) -> Place {
        let (first, last) = positions(samples, index);
        self.stretch.place_of(first, last)
    }

    /// Adds samples that are all in one column.
    ///
    /// # Errors
    /// `Conflict` where the column's sum leaves its range.
    pub(in crate::store) fn add(
        &mut self,
        column: u32,
        samples: &Summary,
        index: u64,
    ) -> Result<(), StoreError> {
        let (first, _) = positions(samples, index);
        self.merge(column, first, samples)
    }

    /// The column in which a position is, and positions that are in the same column; without one,
    /// positions that are in none either.
    pub(super) fn cell_of(&self, at: i128) -> (Option<u32>, Range<i128>) {
        match self.stretch.cell_of(at) {
            Some((column, cell)) => (Some(column), cell),
            None => (None, at..at + 1),
        }
    }

    /// Adds samples that are all in one column, of which the first has this position.
    pub(super) fn merge(
        &mut self,
        column: u32,
        at: i128,
        samples: &Summary,
    ) -> Result<(), StoreError> {
        let place = usize::try_from(column).ok();
        let Some(filled) = place.and_then(|place| self.columns.get_mut(place)) else {
            return Ok(());
        };
        let filled = filled.get_or_insert(Column {
            column,
            at,
            summary: Summary::default(),
        });
        filled.at = filled.at.min(at);
        let merged = filled.summary.merge(samples);
        merged.map_err(|error| StoreError::Conflict(error.to_string()))
    }
}

/// The first and last position of samples of which the first has this index in its data file.
fn positions(samples: &Summary, index: u64) -> (i128, i128) {
    match (samples.first(), samples.last()) {
        (Some(first), Some(last)) => (first.unix_nanos(), last.unix_nanos()),
        _ => {
            let first = i128::from(index);
            (first, first + i128::from(samples.count()) - 1)
        }
    }
}

/// The reason why a pyramid did not fill the columns, which are then useless.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum QueryError {
    /// The store's data are not what they should be, or cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pyramid is damaged or cannot be read.
    #[error(transparent)]
    Pyramid(#[from] io::Error),
}

/// The text of a segment: reads this range of its bytes.
pub(in crate::store) type ReadText<'a> = dyn FnMut(Range<u64>) -> Result<Vec<u8>, StoreError> + 'a;

/// Adds the samples of a segment, of which the first has this index in its data file.
pub(in crate::store) fn add_pyramid(
    columns: &mut Columns,
    pyramid: &mut Pyramid,
    (bytes, index): (u64, u64),
    text: &mut ReadText<'_>,
) -> Result<(), QueryError> {
    let layout = pyramid.layout();
    let top = layout.top();
    let mut walk = Walk {
        columns,
        pyramid,
        layout,
        bytes,
        index,
        text,
    };
    (0..layout.nodes(top)).try_for_each(|node| walk.visit(top, node))
}

struct Walk<'a, 'text> {
    columns: &'a mut Columns,
    pyramid: &'a mut Pyramid,
    layout: Layout,
    /// The bytes of the segment.
    bytes: u64,
    /// The index of its first sample.
    index: u64,
    text: &'a mut ReadText<'text>,
}

impl Walk<'_, '_> {
    fn visit(&mut self, level: u32, number: u64) -> Result<(), QueryError> {
        let node = self.pyramid.node(level, number)?;
        let index = self.index + number * Layout::span(level);
        match self.columns.place_of(&node.summary, index) {
            Place::Outside => Ok(()),
            Place::Column(column) => Ok(self.columns.add(column, &node.summary, index)?),
            Place::Several if level == 0 => self.parse(number, index),
            Place::Several => {
                let first = number * FAN_OUT;
                let end = (first + FAN_OUT).min(self.layout.nodes(level - 1));
                (first..end).try_for_each(|child| self.visit(level - 1, child))
            }
        }
    }

    /// Adds a leaf sample by sample.
    fn parse(&mut self, leaf: u64, index: u64) -> Result<(), QueryError> {
        let node = self.pyramid.node(0, leaf)?;
        let is_last = (leaf + 1) * LEAF >= self.layout.samples;
        let end = match is_last {
            true => self.bytes,
            false => self.pyramid.node(0, leaf + 1)?.offset,
        };
        if node.offset > end || end > self.bytes {
            return Err(damaged().into());
        }
        let text = (self.text)(node.offset..end)?;
        if add_text(self.columns, &text, index)? != node.summary {
            let why = "samples are not those of their summary";
            return Err(StoreError::Corrupt(why.to_owned()).into());
        }
        Ok(())
    }
}
