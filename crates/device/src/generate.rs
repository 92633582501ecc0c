//! Random samples for a data file.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::limits::MAX_GENERATED;
use crate::temporary::{Existing, Temporary};

/// Samples between two reports of progress.
const BATCH: u64 = 128 * 1024;
/// The longest line: six digits and a newline.
const LINE: usize = 7;

/// Why no samples were generated; an earlier file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// More or fewer samples than [`MAX_GENERATED`] allows.
    #[error("the number of samples must be from 1 to {MAX_GENERATED}, not {0}")]
    Amount(u64),
    /// The file could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The progress callback ended it.
    #[error("interrupted")]
    Interrupted,
}

/// Writes `amount` random integers from 0 to 999999 to `path`, one a line, replacing an earlier
/// file only when all are written. Blocks; `progress` hears how many are done and may end it.
pub fn generate(
    path: &Path,
    amount: u64,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<(), GenerateError> {
    if !(1..=MAX_GENERATED).contains(&amount) {
        return Err(GenerateError::Amount(amount));
    }
    let temporary = Temporary::beside(path, 0o666)?;
    let mut random = SmallRng::seed_from_u64(rand::random());
    let table = Digits::table();
    let mut block = Vec::new();
    let mut done = 0;
    while done < amount {
        let batch = BATCH.min(amount - done);
        fill(&mut block, batch, &mut random, &table);
        temporary.file().write_all(&block)?;
        done += batch;
        if progress(done).is_break() {
            return Err(GenerateError::Interrupted);
        }
    }
    Ok(temporary.place(Existing::Replace)?)
}

fn fill(block: &mut Vec<u8>, samples: u64, random: &mut SmallRng, table: &[Digits]) {
    block.resize(usize::try_from(samples).map_or(0, |n| n * LINE), 0);
    let mut end = 0;
    for _ in 0..samples {
        let sample: u32 = random.random_range(0..1_000_000);
        let (high, low) = (
            &table[(sample / 1000) as usize],
            &table[(sample % 1000) as usize],
        );
        if sample >= 1000 {
            end += high.put(high.shortest(), &mut block[end..]);
            end += low.put(&low.padded, &mut block[end..]);
        } else {
            end += low.put(low.shortest(), &mut block[end..]);
        }
        block[end] = b'\n';
        end += 1;
    }
    block.truncate(end);
}

/// A number below 1000, written once and copied a billion times.
struct Digits {
    padded: [u8; 3],
    zeros: usize,
}

impl Digits {
    fn table() -> Vec<Digits> {
        (b'0'..=b'9')
            .flat_map(|a| (b'0'..=b'9').flat_map(move |b| (b'0'..=b'9').map(move |c| [a, b, c])))
            .map(|padded| Digits {
                padded,
                zeros: padded[..2].iter().take_while(|&&d| d == b'0').count(),
            })
            .collect()
    }

    fn shortest(&self) -> &[u8] {
        &self.padded[self.zeros..]
    }

    fn put(&self, digits: &[u8], to: &mut [u8]) -> usize {
        to[..digits.len()].copy_from_slice(digits);
        digits.len()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn writes_that_many_integers_in_their_shortest_form() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d-1.txt");
        let amount = BATCH + 17;
        generate(&path, amount, |_| ControlFlow::Continue(())).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len() as u64, amount);
        let mut largest = 0;
        for line in lines {
            let sample: u32 = line.parse().unwrap();
            assert_eq!(sample.to_string(), line);
            largest = largest.max(sample);
        }
        assert!((900_000..1_000_000).contains(&largest), "{largest}");
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn the_table_writes_every_number_of_three_digits() {
        for (number, digits) in Digits::table().iter().enumerate() {
            assert_eq!(digits.padded, format!("{number:03}").as_bytes());
            assert_eq!(digits.shortest(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn an_interrupted_generation_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d-1.txt");
        fs::write(&path, "7\n").unwrap();
        let ended = generate(&path, BATCH * 2, |_| ControlFlow::Break(()));
        assert!(matches!(ended, Err(GenerateError::Interrupted)));
        assert!(matches!(
            generate(&path, 0, |_| ControlFlow::Continue(())),
            Err(GenerateError::Amount(0))
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), "7\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
