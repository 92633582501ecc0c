//! The choice of the segments of a file to merge.
//!
//! Segments belong to classes by their size. A fixed number of one class beside each other make one
//! segment, together with smaller ones between them. So a byte is written again once for each
//! class, a file has at most that number of segments of each class, and large segments are left
//! alone.

use std::ops::Range;

use fleetlink_core::StoreError;
use rusqlite::{Connection, params};

use super::super::data_file::{self, Column};
use super::super::error::of_read;
use super::super::holds::FileKey;
use super::super::limits::{
    CANDIDATES, MERGE_CLASSES, MERGE_FAN_IN, MERGE_SOURCES, MERGE_WINDOW, MERGED_BYTES,
};

/// A segment as far as the choice needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) position: u64,
    pub(super) bytes: u64,
}

/// The positions of segments that become one.
pub(super) struct Planned {
    pub(super) first: u64,
    pub(super) last: u64,
}

/// Whether to look at a file that has so many segments now. Not after each append.
pub(in super::super) fn is_due(segments: u64) -> bool {
    segments >= MERGE_FAN_IN && segments.is_multiple_of(MERGE_FAN_IN / 2)
}

/// Looks at the newest segments of a file.
pub(super) fn plan(connection: &Connection, file: &FileKey) -> Result<Option<Planned>, StoreError> {
    let pieces = newest(connection, file).map_err(|error| of_read(error.into()))?;
    Ok(choose(&pieces).map(|chosen| Planned {
        first: pieces[chosen.start].position,
        last: pieces[chosen.end - 1].position,
    }))
}

fn newest(connection: &Connection, (device, file): &FileKey) -> rusqlite::Result<Vec<Piece>> {
    let mut select = connection.prepare_cached(
        "SELECT position, bytes FROM segments WHERE device = ?1 AND file = ?2 \
         ORDER BY position DESC LIMIT ?3",
    )?;
    let rows = select.query_map(
        params![device.as_str(), Column(file), MERGE_WINDOW],
        |row| {
            Ok(Piece {
                position: row.get(0)?,
                bytes: row.get(1)?,
            })
        },
    )?;
    let mut pieces: Vec<_> = rows.collect::<Result<_, _>>()?;
    pieces.reverse();
    Ok(pieces)
}

/// Files that may have something to merge, at most as many as there is room for.
pub(super) fn candidates(connection: &Connection) -> rusqlite::Result<Vec<FileKey>> {
    let select = "SELECT device, file FROM files WHERE segments >= ?1 \
                  ORDER BY segments DESC LIMIT ?2";
    let mut select = connection.prepare(select)?;
    let mut rows = select.query(params![MERGE_FAN_IN, CANDIDATES as u64])?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        let device: String = row.get(0)?;
        // A name that cannot be is reported where it is used.
        if let (Ok(device), Ok(file)) = (device.parse(), data_file::read(row, 1)) {
            files.push((device, file));
        }
    }
    Ok(files)
}

fn class(bytes: u64) -> usize {
    let class = MERGE_CLASSES.iter().position(|limit| bytes < *limit);
    class.unwrap_or(MERGE_CLASSES.len())
}

/// Segments beside each other that are to become one: of the smallest class first, the oldest first.
pub(super) fn choose(pieces: &[Piece]) -> Option<Range<usize>> {
    (0..MERGE_CLASSES.len()).find_map(|wanted| {
        let mut run = 0..0;
        let mut count = 0;
        for (index, piece) in pieces.iter().enumerate() {
            if class(piece.bytes) <= wanted {
                count += u64::from(class(piece.bytes) == wanted);
                run.end = index + 1;
                continue;
            }
            if count >= MERGE_FAN_IN {
                break;
            }
            (run, count) = (index + 1..index + 1, 0);
        }
        (count >= MERGE_FAN_IN).then(|| bounded(pieces, run))
    })
}

/// The beginning of the run that fits into one segment.
fn bounded(pieces: &[Piece], run: Range<usize>) -> Range<usize> {
    let mut bytes = 0;
    let start = run.start;
    let fit = pieces[run].iter().take(MERGE_SOURCES).take_while(|piece| {
        // A newline may join it to the next.
        bytes += piece.bytes + 1;
        bytes <= MERGED_BYTES
    });
    start..start + fit.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(sizes: &[u64]) -> Vec<Piece> {
        let piece = |(position, bytes): (u64, &u64)| Piece {
            position,
            bytes: *bytes,
        };
        (0..).zip(sizes).map(piece).collect()
    }

    /// Merges as long as there is something to merge; what that wrote.
    fn merge_all(pieces: &mut Vec<Piece>) -> u64 {
        let mut written = 0;
        while let Some(chosen) = choose(pieces) {
            assert!(chosen.len() > 1, "{chosen:?}");
            let bytes = pieces[chosen.clone()].iter().map(|piece| piece.bytes).sum();
            assert!(bytes <= MERGED_BYTES);
            let position = pieces[chosen.start].position;
            pieces.splice(chosen, [Piece { position, bytes }]);
            written += bytes;
        }
        written
    }

    #[test]
    fn few_segments_and_large_ones_are_left_alone() {
        let few = usize::try_from(MERGE_FAN_IN).unwrap() - 1;
        assert_eq!(choose(&[]), None);
        assert_eq!(choose(&pieces(&vec![10; few])), None);
        assert_eq!(choose(&pieces(&vec![MERGED_BYTES; 1000])), None);
        assert!(choose(&pieces(&vec![10; few + 1])).is_some());
    }

    #[test]
    fn a_run_ends_at_a_larger_segment() {
        let fan_in = usize::try_from(MERGE_FAN_IN).unwrap();
        let mut sizes = vec![10; fan_in];
        sizes.push(MERGED_BYTES);
        sizes.extend(vec![10; fan_in + 5]);
        assert_eq!(choose(&pieces(&sizes)), Some(0..fan_in));
        sizes[0] = MERGED_BYTES;
        assert_eq!(choose(&pieces(&sizes)), Some(fan_in + 1..2 * fan_in + 6));
    }

    #[test]
    fn a_million_small_segments_become_few_at_a_bounded_cost() {
        let (mut all, mut written, mut bytes) = (Vec::new(), 0, 0);
        for position in 0..1_000_000 {
            let size = 7 + position % 5;
            bytes += size;
            all.push(Piece {
                position,
                bytes: size,
            });
            if is_due(all.len() as u64) {
                written += merge_all(&mut all);
            }
        }
        let most = (MERGE_CLASSES.len() + 1) * usize::try_from(MERGE_FAN_IN * 2).unwrap();
        assert!(all.len() <= most, "{}", all.len());
        let rewritten = written / bytes;
        assert!(rewritten <= MERGE_CLASSES.len() as u64 + 2, "{rewritten}");
    }

    #[test]
    fn sizes_that_change_by_turns_are_merged_too() {
        let sizes: Vec<u64> = (0..10_000).map(|n| [3, 5_000, 90_000][n % 3]).collect();
        let mut all = pieces(&sizes);
        merge_all(&mut all);
        assert!(all.len() < 500, "{}", all.len());
        let whole: u64 = all.iter().map(|piece| piece.bytes).sum();
        assert_eq!(whole, sizes.iter().sum::<u64>());
        assert!(all.is_sorted_by_key(|piece| piece.position));
    }
}
