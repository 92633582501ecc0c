//! The bound for every transfer with a hash and durability on a machine: a copy without a network.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::{env, thread};

use crate::BenchResult;

/// The arguments with which this program becomes [`copy`].
pub(crate) const COPY: (&str, &str) = ("transfer", "copy");

const BLOCK: usize = 1 << 20;
/// Blocks that wait for the disk: reading and hashing overlap with writing.
const AHEAD: usize = 2;

/// The command that copies a file, or all files of a folder, to a folder.
pub(super) fn copying(from: &Path, to: &Path) -> BenchResult<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args([COPY.0, COPY.1]).args([from, to]);
    Ok(command)
}

/// Copies with BLAKE3 and fsync.
pub(crate) fn copy() -> BenchResult {
    let mut arguments = env::args_os().skip(3).map(PathBuf::from);
    let from = arguments.next().ok_or("from where?")?;
    let to = arguments.next().ok_or("to where?")?;
    if !from.is_dir() {
        return copy_file(&from, &to.join(from.file_name().ok_or("no file")?));
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_small(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(File::open(to)?.sync_all()?)
}

fn copy_file(from: &Path, to: &Path) -> BenchResult {
    let (mut source, mut target) = (File::open(from)?, File::create_new(to)?);
    let (blocks, queue) = mpsc::sync_channel::<Vec<u8>>(AHEAD);
    let (returned, spare) = mpsc::channel::<Vec<u8>>();
    let writing = thread::spawn(move || {
        while let Ok(block) = queue.recv() {
            target.write_all(&block)?;
            // The other end goes first.
            let _ = returned.send(block);
        }
        target.sync_all()
    });
    let mut hasher = blake3::Hasher::new();
    loop {
        let mut block = spare.try_recv().unwrap_or_default();
        block.clear();
        (&mut source).take(BLOCK as u64).read_to_end(&mut block)?;
        if block.is_empty() {
            break;
        }
        hasher.update(&block);
        blocks.send(block)?;
    }
    drop(blocks);
    std::hint::black_box(hasher.finalize());
    writing.join().map_err(|_| "the writer panicked")??;
    Ok(())
}

fn copy_small(from: &Path, to: &Path) -> BenchResult {
    let content = fs::read(from)?;
    std::hint::black_box(blake3::hash(&content));
    let mut target = File::create_new(to)?;
    target.write_all(&content)?;
    Ok(target.sync_all()?)
}
