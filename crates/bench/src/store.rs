//! The embedded store: staging a large upload beside `dd conv=fsync`, and commits a second.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetlink_core::{
    Account, AccountVersion, Change, Commit, PasswordHash, StoreCall, StoreError, UploadChange,
};
use fleetlink_hub::store::sqlite::SqliteStore;
use fleetlink_hub::store::{StageReply, Staging, Store};
use fleetlink_proto::control::UploadMode;
use fleetlink_proto::samples::Summary;
use fleetlink_proto::{ContentHash, DataFile, DeviceName, IdempotencyKey, WallTime};

use crate::BenchResult;

/// Ten million samples of EDG, roughly.
const STAGED_BYTES: usize = 69 << 20;
const PIECE: usize = 1 << 20;
const ROUNDS: u32 = 7;
const COMMITS: u32 = 2_000;
const AT: WallTime = WallTime::from_unix_millis(0);

/// Runs everything below the folder of temporary files (`TMPDIR`), which decides the disk.
pub(crate) fn run() -> BenchResult {
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let folder = tempfile::tempdir()?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&folder.path().join("data"))?);
    let out = &mut std::io::stdout();
    runtime.block_on(async {
        let device: DeviceName = "bench".parse()?;
        let account = Account {
            name: device.clone(),
            password_hash: Some(PasswordHash::new("$")),
            key: None,
            created: AT,
            version: AccountVersion::default(),
        };
        store
            .execute(StoreCall::Change(Change::AddAccount(account)))
            .await?;
        stage_beside_dd(&*store, &device, folder.path(), out).await?;
        for together in [1, 16, 256, 1000] {
            let rate = commits(&store, &device, together).await?;
            writeln!(out, "commits, {together} at once: {rate:.0}/s")?;
        }
        Ok(())
    })
}

/// In turns, so that both see the same state of the disk; the median of each.
async fn stage_beside_dd(
    store: &dyn Store,
    device: &DeviceName,
    folder: &Path,
    out: &mut impl Write,
) -> BenchResult {
    let piece: Vec<u8> = b"123456\n".iter().copied().cycle().take(PIECE).collect();
    let (mut staged, mut copied) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        copied.push(dd(&folder.join("dd"))?);
        let begun = Instant::now();
        let key = IdempotencyKey::from_bits(round.into());
        let change = UploadChange {
            device: device.clone(),
            key,
            file: DataFile::numbered(1),
            mode: UploadMode::Replace,
        };
        let mut staging = stage(store, change).await?;
        for _ in 0..STAGED_BYTES / PIECE {
            staging.write(&piece)?;
        }
        let hash = ContentHash::from_bytes([0; 32]);
        let done = staging.finish(Summary::default(), hash, false)?;
        staged.push(begun.elapsed());
        store.discard(done.id).await?;
    }
    for (what, times) in [("staged", &mut staged), ("dd conv=fsync", &mut copied)] {
        times.sort();
        let [best, median] = [times[0], times[times.len() / 2]].map(rate);
        writeln!(out, "{what}: median {median:.0} MB/s, best {best:.0}")?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(time: Duration) -> f64 {
    STAGED_BYTES as f64 / 1e6 / time.as_secs_f64()
}

fn dd(to: &Path) -> BenchResult<Duration> {
    let begun = Instant::now();
    let done = Command::new("dd")
        .args(["if=/dev/zero", "bs=1M", "conv=fsync", "status=none"])
        .arg(format!("count={}", STAGED_BYTES / PIECE))
        .arg(format!("of={}", to.display()))
        .status()?;
    if !done.success() {
        return Err("dd failed".into());
    }
    let time = begun.elapsed();
    std::fs::remove_file(to)?;
    Ok(time)
}

/// Uploads of one line, staged and committed, by so many devices' sessions at once.
async fn commits(store: &Arc<dyn Store>, device: &DeviceName, together: u32) -> BenchResult<f64> {
    let each = (COMMITS.max(together * 20)) / together;
    let begun = Instant::now();
    let tasks: Vec<_> = (0..together)
        .map(|task| {
            let (store, device) = (Arc::clone(store), device.clone());
            tokio::spawn(async move {
                for n in 0..each {
                    let bits = (u128::from(together) << 64) | (u128::from(task) << 32);
                    let key = IdempotencyKey::from_bits(bits + u128::from(n) + (1 << 100));
                    upload(&*store, &device, DataFile::numbered(task), key).await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(f64::from(each * together) / begun.elapsed().as_secs_f64())
}

/// Stages what nobody else stages.
async fn stage(store: &dyn Store, change: UploadChange) -> Result<Box<dyn Staging>, StoreError> {
    match store.stage(change).await? {
        StageReply::Begun(staging) => Ok(staging),
        StageReply::Busy => Err(StoreError::Conflict("it is being staged".to_owned())),
    }
}

async fn upload(
    store: &dyn Store,
    device: &DeviceName,
    file: DataFile,
    key: IdempotencyKey,
) -> Result<(), StoreError> {
    let change = UploadChange {
        device: device.clone(),
        key,
        file: file.clone(),
        mode: UploadMode::Append,
    };
    let mut staging = stage(store, change).await?;
    staging.write(b"1\n")?;
    let staged = staging.finish(Summary::default(), ContentHash::of(b"1\n"), false)?;
    let commit = Commit {
        device: device.clone(),
        file,
        mode: UploadMode::Append,
        key,
        staged,
        at: AT,
    };
    store
        .execute(StoreCall::Change(Change::Commit(Box::new(commit))))
        .await
        .map(|_| ())
}
