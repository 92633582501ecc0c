//! The start of a hub that has many accounts, beside one that has few.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::BenchResult;
use crate::hub::{ANY_PORT, command};
use crate::process::Process;
use crate::report::{float, say};

const FEW: u32 = 10;
const MANY: u32 = 200_000;
const ROUNDS: usize = 7;

pub(crate) fn run() -> BenchResult {
    let few = tempfile::tempdir()?;
    let many = tempfile::tempdir()?;
    for (folder, accounts) in [(&few, FEW), (&many, MANY)] {
        start(folder.path())?;
        add_accounts(folder.path(), accounts)?;
    }
    let (mut few_found, mut many_found) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        few_found.push(start(few.path())?);
        many_found.push(start(many.path())?);
    }
    for (accounts, found) in [(FEW, few_found), (MANY, many_found)] {
        let (time, memory) = median(found);
        say(&format!(
            "{accounts} accounts: listening after {:.0} ms, {:.1} MiB resident",
            time.as_secs_f64() * 1000.0,
            float(memory) / 1024.0 / 1024.0,
        ));
    }
    Ok(())
}

/// Starts a hub on this folder and ends it: the time until it listens, and its memory then.
fn start(folder: &Path) -> BenchResult<(Duration, u64)> {
    let began = Instant::now();
    let mut process = Process::start(&mut command(&folder.join("hub"), ANY_PORT)?)?;
    process.expect("listening on ")?;
    let time = began.elapsed();
    let memory = process.resident()?;
    process.terminate()?;
    Ok((time, memory))
}

/// Adds so many accounts to the database of a hub that does not run. Each has a hash as long as a real
/// one.
fn add_accounts(folder: &Path, accounts: u32) -> BenchResult {
    let database = Connection::open(folder.join("hub/hub.db"))?;
    let hash = "$".repeat(97);
    database.execute(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
         INSERT INTO accounts (name, folded, password_hash, created_ms)
         SELECT 'device-' || n, 'device-' || n, ?2, 0 FROM numbers",
        params![accounts, hash],
    )?;
    Ok(())
}

fn median(mut found: Vec<(Duration, u64)>) -> (Duration, u64) {
    found.sort();
    found[found.len() / 2]
}
