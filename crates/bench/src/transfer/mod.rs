//! Files from one device to another, verified and durable, in turns with `scp` and `rsync` over ssh,
//! with `sendme` and `magic-wormhole`, and with what no transfer can beat: a local copy with BLAKE3
//! and fsync.

mod alone;
mod ceiling;
mod contender;
mod devices;
mod hub;
mod sendme;
mod wormhole;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

pub(crate) use ceiling::{COPY, copy};
use contender::{Contender, Cost, Others};
use devices::Receiver;
pub(crate) use devices::{RECEIVE, SEND, receive, runtime, send};
pub(crate) use hub::Hub;

use crate::BenchResult;
use crate::report::{float, median, megabytes_a_second, ratio, say};

const LARGE_MIB: u64 = 1024;
const SMALL_FILES: u64 = 10_000;
const SMALL_BYTES: usize = 4096;
const ROUNDS: usize = 5;
/// Each file of these is made durable by itself, which takes long on a slow disk.
const SMALL_ROUNDS: usize = 3;

/// Runs everything below the folder of temporary files (`TMPDIR`), which decides the disk. The
/// argument behind its name, if there is one, is the large file's size in MiB.
pub(crate) fn run() -> BenchResult {
    let mib = std::env::args().nth(2);
    let mib = mib.map_or(Ok(LARGE_MIB), |mib| mib.parse())?;
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    Hub::make(folder)?;
    let to = folder.join("copies");
    let receiver = Receiver::start(folder, &to)?;
    let others = Others::start(folder)?;
    let contenders = contender::all(&receiver, &others, &to);
    for contender in &contenders {
        say(&format!("{:<36}{}", contender.name, contender.promise));
    }

    let large = folder.join("large");
    make_large(&large, mib)?;
    say(&format!(
        "a file of {mib} MiB; medians of {ROUNDS} in turns"
    ));
    let costs = measure(&contenders, &large, ROUNDS)?;
    let gib = float(mib) / 1024.0;
    report(&contenders, &costs, |cost| {
        let rate = megabytes_a_second(mib << 20, cost.time);
        format!("{rate:>7.0} MB/s")
    });
    for (contender, costs) in contenders.iter().zip(&costs) {
        let side = |of: fn(&Cost) -> Duration| {
            let each: Vec<f64> = costs.iter().map(|c| of(c).as_secs_f64() / gib).collect();
            median(&each)
        };
        let (sender, receiver) = (side(|c| c.sender), side(|c| c.receiver));
        let what = contender.name;
        say(&format!(
            "{what:<36}processor time: {sender:.2} s a GiB to send, {receiver:.2} s to receive"
        ));
    }
    fs::remove_file(large)?;

    let small = folder.join("small");
    make_small(&small)?;
    say(&format!(
        "{SMALL_FILES} files of {SMALL_BYTES} bytes; medians of {SMALL_ROUNDS} in turns"
    ));
    let costs = measure(&contenders, &small, SMALL_ROUNDS)?;
    report(&contenders, &costs, |cost| {
        let rate = float(SMALL_FILES) / cost.time.as_secs_f64();
        format!("{rate:>6.0} files/s")
    });
    Ok(())
}

fn measure(
    contenders: &[Contender<'_>],
    path: &Path,
    rounds: usize,
) -> BenchResult<Vec<Vec<Cost>>> {
    let mut costs = vec![Vec::new(); contenders.len()];
    for _ in 0..rounds {
        for (contender, costs) in contenders.iter().zip(&mut costs) {
            costs.push(contender.run(path)?);
        }
    }
    Ok(costs)
}

/// Rates, beside the ceiling and `scp`: the quotients of the same rounds.
fn report(contenders: &[Contender<'_>], costs: &[Vec<Cost>], rate: impl Fn(&Cost) -> String) {
    let seconds: Vec<Vec<f64>> = costs
        .iter()
        .map(|costs| costs.iter().map(|c| c.time.as_secs_f64()).collect())
        .collect();
    let times_of = |name: &str| {
        let place = contenders.iter().position(|c| c.name == name)?;
        Some(&seconds[place])
    };
    for (place, contender) in contenders.iter().enumerate() {
        let mut sorted = costs[place].clone();
        sorted.sort_by_key(|cost| cost.time);
        let mut line = format!("{:<36}", contender.name);
        line += &sorted.get(sorted.len() / 2).map(&rate).unwrap_or_default();
        for (what, name) in [("the ceiling", contender::CEILING), ("scp", contender::SCP)] {
            if let Some(reference) = times_of(name) {
                let quotient = ratio(reference, &seconds[place]);
                line += &format!("{quotient:>7.2} of {what}");
            }
        }
        say(&line);
    }
}

fn make_large(path: &Path, mib: u64) -> BenchResult {
    let mut file = File::create_new(path)?;
    let mut content = blake3::Hasher::new().finalize_xof();
    let mut block = vec![0; 1 << 20];
    for _ in 0..mib {
        content.fill(&mut block);
        file.write_all(&block)?;
    }
    // What is still to be written would be in the way of the first.
    Ok(file.sync_all()?)
}

fn make_small(folder: &Path) -> BenchResult {
    fs::create_dir(folder)?;
    let mut content = blake3::Hasher::new().finalize_xof();
    let mut block = [0; SMALL_BYTES];
    for n in 0..SMALL_FILES {
        content.fill(&mut block);
        fs::write(folder.join(format!("file{n}")), block)?;
    }
    rustix::fs::sync();
    Ok(())
}
