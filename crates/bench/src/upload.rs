//! A durable upload of ten million integers by the real binary over TLS, in turns with `dd` and
//! `scp` of the same file to the same file system.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fleetlink_client::{
    data::{GeneratedFiles, Overwrite, UploadTask, generate},
    internals::upload_file,
};
use fleetlink_proto::DataFile;
use fleetlink_proto::control::UploadMode;

use crate::BenchResult;
use crate::crowd::runtime;
use crate::hub::{Hub, PASSWORD, device_name};
use crate::process::fleetlink;
use crate::report::{float, median, megabytes_a_second, ratio, say};
use crate::sshd::Sshd;

const SAMPLES: u64 = 10_000_000;
const ROUNDS: usize = 9;
const TASK: UploadTask = UploadTask {
    file: DataFile::numbered(1),
    mode: UploadMode::Replace,
    allow_empty: false,
};

/// Runs everything below the folder of temporary files (`TMPDIR`), which decides the disk.
pub(crate) fn run() -> BenchResult {
    runtime()?.block_on(measure())
}

#[derive(Default)]
struct Times {
    dd: Vec<Duration>,
    scp: Vec<Duration>,
    scp_aes: Vec<Duration>,
    binary: Vec<Duration>,
    login: Vec<Duration>,
    library: Vec<Duration>,
}

async fn measure() -> BenchResult {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let source = folder.join("samples.txt");
    let overwrite = Overwrite::Generated(GeneratedFiles::in_folder(folder.to_owned()));
    generate(&source, SAMPLES, &overwrite, |_| ControlFlow::Continue(()))?;
    // What is still to be written would be in the way of the first.
    File::open(&source)?.sync_all()?;
    let bytes = fs::metadata(&source)?.len();

    let hub = Hub::start(folder, 1).await?;
    let sshd = Sshd::start(folder)?;
    if sshd.is_none() {
        say("scp is left out: there is no sshd on this machine");
    }
    let mut times = Times::default();
    let (mut hub_time, mut uploads) = (Duration::ZERO, 0);
    for _ in 0..ROUNDS {
        times.dd.push(timed_copy(&mut dd(&source, folder), folder)?);
        if let Some(sshd) = &sshd {
            let to = copy_in(folder);
            let mut command = sshd.scp(&source, &to, None);
            times.scp.push(timed_copy(&mut command, folder)?);
            let mut command = sshd.scp(&source, &to, Some("aes128-gcm@openssh.com"));
            times.scp_aes.push(timed_copy(&mut command, folder)?);
        }
        let before = hub.processor_time()?;
        times
            .binary
            .push(timed(&mut binary(&hub, &source, folder)?)?);
        let begun = Instant::now();
        let session = hub.dialer(0).attach().await?;
        times.login.push(begun.elapsed());
        let begun = Instant::now();
        upload_file(&session, TASK, &source, |_| {}).await?;
        times.library.push(begun.elapsed());
        session.leave().await;
        hub_time += hub.processor_time()? - before;
        uploads += 2;
    }
    report(bytes, &times);
    let seconds = hub_time.as_secs_f64() / f64::from(uploads);
    say(&format!(
        "the hub's processor time: {seconds:.2} s an upload, {:.2} s a GB",
        seconds / (float(bytes) / 1e9)
    ));
    Ok(())
}

fn report(bytes: u64, times: &Times) {
    say(&format!(
        "{SAMPLES} integers, {:.1} MB; medians of {ROUNDS} in turns, and of the ratios to dd",
        float(bytes) / 1e6
    ));
    let rates = |times: &[Duration]| -> Vec<f64> {
        let rate = |&time| megabytes_a_second(bytes, time);
        times.iter().map(rate).collect()
    };
    let dd = rates(&times.dd);
    for (what, times) in [
        ("dd conv=fsync bs=1M", &times.dd),
        ("scp, not durable", &times.scp),
        ("scp -c aes128-gcm, not durable", &times.scp_aes),
        ("fleetlink data upload, durable", &times.binary),
        ("the same without start and login", &times.library),
    ] {
        if !times.is_empty() {
            let rates = rates(times);
            let (rate, of_dd) = (median(&rates), ratio(&rates, &dd));
            say(&format!("{what:<36}{rate:>6.0} MB/s{of_dd:>7.2} of dd"));
        }
    }
    let ms = |times: &[Duration]| {
        let ms: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        median(&ms)
    };
    let (whole, login, transfer) = (ms(&times.binary), ms(&times.login), ms(&times.library));
    let rest = whole - login - transfer;
    say(&format!(
        "an upload takes {whole:.0} ms: connect and login {login:.0}, transfer and commit \
         {transfer:.0}, start and end of the process {rest:.0}"
    ));
}

fn copy_in(folder: &Path) -> PathBuf {
    folder.join("copy")
}

fn dd(source: &Path, folder: &Path) -> Command {
    let mut command = Command::new("dd");
    command
        .args(["bs=1M", "conv=fsync", "status=none"])
        .arg(format!("if={}", source.display()))
        .arg(format!("of={}", copy_in(folder).display()));
    command
}

fn binary(hub: &Hub, source: &Path, folder: &Path) -> BenchResult<Command> {
    let mut command = Command::new(fleetlink()?);
    command
        .args(["data", "upload", "1"])
        .arg(source)
        .args(["--json", "--device", &device_name(0)])
        .args(["--hub", &hub.address().to_string()])
        .env("FLEETLINK_PASSWORD", PASSWORD)
        .env("FLEETLINK_STATE_DIR", folder.join("state"))
        .stdout(std::process::Stdio::null());
    Ok(command)
}

fn timed(command: &mut Command) -> BenchResult<Duration> {
    let begun = Instant::now();
    let status = command.status()?;
    let time = begun.elapsed();
    match status.success() {
        true => Ok(time),
        false => Err(format!("{}: {status}", command.get_program().display()).into()),
    }
}

/// Each copies to a new file; what it leaves for the kernel to write is no burden on the next.
fn timed_copy(command: &mut Command, folder: &Path) -> BenchResult<Duration> {
    let time = timed(command)?;
    let copy = copy_in(folder);
    File::open(&copy)?.sync_all()?;
    fs::remove_file(copy)?;
    Ok(time)
}
