//! Random samples for a data file.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use fleetlink_proto::Escaped;

use crate::generated_files::{FileMark, GeneratedFiles};
use crate::limits::MAX_GENERATED;
use crate::temporary::{Existing, Temporary};

/// Samples between two reports of progress.
const BATCH: u64 = 128 * 1024;
/// The longest line: six digits and a newline.
const LINE: usize = 7;

/// The reason for which no samples were generated; an earlier file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// There is a file that was not generated, or was changed since.
    #[error(
        "{} exists and is not overwritten: it was not generated here, or was changed since; \
         --force overwrites it",
        Escaped(&.0.display().to_string())
    )]
    Exists(PathBuf),
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

/// The rule for a file that is already where the samples shall be.
#[derive(Debug, Clone)]
pub enum Overwrite {
    /// It is replaced where it is one of these, else it stays and nothing is generated.
    Generated(GeneratedFiles),
    /// It is replaced, whatever it is, and the new one becomes one of these.
    Anything(GeneratedFiles),
}

/// Generated samples.
#[derive(Debug)]
pub struct Generated {
    /// The error for which the file is not remembered as a generated one.
    pub not_remembered: Option<io::Error>,
}

/// Writes `amount` random integers from 0 to 999999 to `path`, one a line, replacing an earlier
/// file only when all are written, and only one that `overwrite` names. Blocks; `progress` hears how
/// many are done and may end it.
pub fn generate(
    path: &Path,
    amount: u64,
    overwrite: &Overwrite,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Generated, GenerateError> {
    if !(1..=MAX_GENERATED).contains(&amount) {
        return Err(GenerateError::Amount(amount));
    }
    // Before the work, and again behind it.
    if overwrite.check(path)?.is_some() {
        Existing::Replace.check(path)?;
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
    overwrite.place(path, temporary)
}

impl Overwrite {
    /// The file that would be replaced, if there is one.
    fn check(&self, path: &Path) -> Result<Option<FileMark>, GenerateError> {
        let old = match path.symlink_metadata() {
            Ok(metadata) => FileMark::of(&metadata),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        match self {
            // Where it cannot be read which were generated, none was.
            Overwrite::Generated(files) if !files.contains(&old).unwrap_or(false) => {
                Err(GenerateError::Exists(path.to_owned()))
            }
            _ => Ok(Some(old)),
        }
    }

    fn place(&self, path: &Path, new: Temporary) -> Result<Generated, GenerateError> {
        let old = self.check(path)?;
        let existing = match (self, &old) {
            // Nothing that appears at this moment is lost.
            (Overwrite::Generated(_), None) => Existing::Keep,
            _ => Existing::Replace,
        };
        // Before the file has its name: a crash between the two leaves nothing wrong behind.
        let mark = FileMark::of(&new.file().metadata()?);
        let (Overwrite::Generated(files) | Overwrite::Anything(files)) = self;
        let remembered = files.remember(&mark, old.as_ref());
        match new.place(existing) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                Err(GenerateError::Exists(path.to_owned()))
            }
            placed => {
                placed?;
                let not_remembered = remembered.err();
                Ok(Generated { not_remembered })
            }
        }
    }
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

    fn within(folder: &Path) -> Overwrite {
        Overwrite::Generated(GeneratedFiles::in_folder(folder.join("state")))
    }

    fn generated(path: &Path, amount: u64, overwrite: &Overwrite) -> Result<(), GenerateError> {
        let done = generate(path, amount, overwrite, |_| ControlFlow::Continue(()))?;
        assert!(done.not_remembered.is_none(), "{done:?}");
        Ok(())
    }

    #[test]
    fn a_file_is_replaced_only_where_it_was_generated_and_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d-1.txt");
        let overwrite = within(folder.path());
        generated(&path, 5, &overwrite).unwrap();
        generated(&path, 6, &overwrite).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 6);

        let kept = |text: &str| {
            let refused = generated(&path, 7, &overwrite);
            assert!(
                matches!(refused, Err(GenerateError::Exists(_))),
                "{refused:?}"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        };
        // As long as what was generated, and with the same name.
        let edited = fs::read_to_string(&path).unwrap().replace('\n', " ");
        fs::write(&path, &edited).unwrap();
        // The clock of the file system may be coarser than this test is fast.
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(later).unwrap();
        kept(&edited);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "21.5\n").unwrap();
        kept("21.5\n");
        let elsewhere = folder.path().join("readings");
        fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        kept("21.5\n");

        let Overwrite::Generated(files) = overwrite.clone() else {
            unreachable!("made above")
        };
        generated(&path, 8, &Overwrite::Anything(files)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 8);
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "21.5\n");
        generated(&path, 9, &overwrite).unwrap();
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d-1.txt");
        let ended = generate(&path, 5, &within(folder.path()), |_| {
            fs::write(&path, "7\n").unwrap();
            ControlFlow::Continue(())
        });
        assert!(matches!(ended, Err(GenerateError::Exists(_))), "{ended:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "7\n");
    }

    #[test]
    fn samples_are_generated_where_nothing_can_be_remembered() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("state"), "no folder").unwrap();
        let path = folder.path().join("d-1.txt");
        let done = generate(&path, 5, &within(folder.path()), |_| {
            ControlFlow::Continue(())
        });
        assert!(done.unwrap().not_remembered.is_some());
        assert!(path.exists());
    }

    #[test]
    fn writes_that_many_integers_in_their_shortest_form() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d-1.txt");
        let amount = BATCH + 17;
        generated(&path, amount, &within(folder.path())).unwrap();
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
        let anything = GeneratedFiles::in_folder(folder.path().join("state"));
        let anything = Overwrite::Anything(anything);
        let ended = generate(&path, BATCH * 2, &anything, |_| ControlFlow::Break(()));
        assert!(matches!(ended, Err(GenerateError::Interrupted)));
        assert!(matches!(
            generated(&path, 0, &anything),
            Err(GenerateError::Amount(0))
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), "7\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
