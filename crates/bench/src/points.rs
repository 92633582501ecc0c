//! Columns of a series of ten million irregular samples, beside DuckDB over Parquet of the same
//! samples: how long each takes, and whether they agree to the last digit.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fleetlink_core::{Account, AccountVersion, Change, Commit, StoreCall, UploadChange};
use fleetlink_hub::store::sqlite::SqliteStore;
use fleetlink_hub::store::{Column, StageReply, Store, Window};
use fleetlink_proto::control::UploadMode;
use fleetlink_proto::samples::{Decimal, SampleParser, Summary};
use fleetlink_proto::{ContentHash, DataFile, DeviceName, IdempotencyKey, WallTime};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::BenchResult;
use crate::report::{median, say};

const SAMPLES: usize = 10_000_000;
const COLUMNS: u32 = 1200;
const ROUNDS: usize = 9;
const AT: WallTime = WallTime::from_unix_millis(0);
/// 2022-09-30T10:31:13Z in nanoseconds.
const START: i128 = 1_664_533_873_000_000_000;
/// About a year of samples.
const STEP: i128 = 6_300_000_000;
/// Names a Python that has DuckDB.
const VARIABLE: &str = "DUCKDB_PYTHON";

/// Makes Parquet of the samples, and answers queries, one a line.
const DUCKDB: &str = r#"
import sys, time, duckdb
folder = sys.argv[1]
db = duckdb.connect()
db.execute("SET threads TO 2")
db.execute("SET enable_progress_bar = false")
db.execute(f"""COPY (SELECT t, v FROM read_csv('{folder}/samples.csv', header=false,
    columns={{'t': 'BIGINT', 'v': 'DECIMAL(18,2)'}}))
    TO '{folder}/samples.parquet' (FORMAT parquet)""")
print("ready", duckdb.__version__, flush=True)
for line in sys.stdin:
    begin, end, columns = map(int, line.split())
    begun = time.perf_counter()
    rows = db.execute(f"""SELECT CAST((CAST(t - {begin} AS HUGEINT) * {columns}) // ({end} - {begin}) AS BIGINT) AS c,
        min(t), count(*), sum(v), min(v), max(v) FROM '{folder}/samples.parquet'
        WHERE t >= {begin} AND t < {end} GROUP BY c ORDER BY c""").fetchall()
    took = time.perf_counter() - begun
    print(took, len(rows))
    for row in rows:
        print(*row)
    sys.stdout.flush()
"#;

pub(crate) fn run() -> BenchResult {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    let folder = tempfile::tempdir()?;
    let device: DeviceName = "bench".parse()?;
    let file = DataFile::numbered(1);
    let store = SqliteStore::open(&folder.path().join("data"))?;
    let last = runtime.block_on(fill(&store, &device, &file, folder.path()))?;
    let mut duckdb = DuckDb::start(folder.path())?;
    let query = |begin: i128, end: i128, columns: u32| {
        let window = Window::new(Some(begin), Some(end), columns)?;
        let begun = Instant::now();
        let columns = runtime.block_on(columns_of(&store, &device, &file, window))?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((columns, begun.elapsed()))
    };
    let (_, first) = query(START, last, COLUMNS)?;
    say(&format!(
        "the first query, which may wait for the pyramid: {:.1} ms",
        milliseconds(first)
    ));
    let span = last + 1 - START;
    let mut random = StdRng::seed_from_u64(1);
    for (what, part, columns) in [
        ("points, whole range", 1, COLUMNS),
        ("points, a hundredth", 100, COLUMNS),
        ("points, a thousandth", 1000, COLUMNS),
        ("summary of a third", 3, 1),
        ("summary of a thousandth", 1000, 1),
    ] {
        let (mut own, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let length = span / part;
            let begin = START + random.random_range(0..=span - length);
            let (found, time) = query(begin, begin + length, columns)?;
            own.push(milliseconds(time));
            if let Some(duckdb) = &mut duckdb {
                let (expected, seconds) = duckdb.query(begin, begin + length, columns)?;
                theirs.push(seconds * 1000.0);
                if rows(&found) != expected {
                    return Err(format!("{what}: DuckDB answers otherwise").into());
                }
            }
        }
        say(&line(what, &own, &theirs));
    }
    Ok(())
}

fn line(what: &str, own: &[f64], theirs: &[f64]) -> String {
    let mut line = format!("{what:<26}{:>8.2} ms", median(own));
    if !theirs.is_empty() {
        let theirs = median(theirs);
        let _ = write!(line, "   DuckDB {theirs:>8.2} ms, the same rows");
    }
    line
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The columns as DuckDB writes them.
fn rows(columns: &[Column]) -> Vec<String> {
    let two = |decimal: Option<Decimal>| {
        let cents = decimal.map_or(0, |decimal| decimal.units() / 10_000_000);
        let sign = if cents < 0 { "-" } else { "" };
        format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
    };
    let row = |column: &Column| {
        let Column {
            column,
            at,
            summary,
        } = column;
        let (sum, min, max) = (
            two(Some(summary.sum())),
            two(summary.min()),
            two(summary.max()),
        );
        format!("{column} {at} {} {sum} {min} {max}", summary.count())
    };
    columns.iter().map(row).collect()
}

/// Uploads the samples and writes them for DuckDB; the last time.
async fn fill(
    store: &SqliteStore,
    device: &DeviceName,
    file: &DataFile,
    folder: &Path,
) -> BenchResult<i128> {
    let account = Account {
        name: device.clone(),
        password_hash: None,
        key: None,
        created: AT,
        version: AccountVersion::default(),
    };
    let add = Change::AddAccount(account);
    store.execute(StoreCall::Change(add)).await?;
    let key = IdempotencyKey::from_bits(1);
    let change = UploadChange {
        device: device.clone(),
        key,
        file: file.clone(),
        mode: UploadMode::Replace,
    };
    let StageReply::Begun(mut staging) = store.stage(change).await? else {
        return Err("the upload is being staged already".into());
    };
    let mut csv = std::io::BufWriter::new(std::fs::File::create(folder.join("samples.csv"))?);
    let mut random = StdRng::seed_from_u64(2);
    let (mut parser, mut hasher) = (SampleParser::new(), blake3::Hasher::new());
    let (mut time, mut value) = (START, 0_i64);
    let (mut text, mut rest) = (String::new(), SAMPLES);
    while rest > 0 {
        text.clear();
        for _ in 0..rest.min(10_000) {
            time += random.random_range(0..STEP / 1_000_000) * 1_000_000;
            value += random.random_range(-100..=100);
            let (seconds, millis) = (time / 1_000_000_000, time / 1_000_000 % 1000);
            let sign = if value < 0 { "-" } else { "" };
            let (whole, part) = (value.abs() / 100, value.abs() % 100);
            writeln!(text, "{seconds}.{millis:03},{sign}{whole}.{part:02}")?;
            writeln!(csv, "{time},{sign}{whole}.{part:02}")?;
        }
        rest -= rest.min(10_000);
        parser.feed(text.as_bytes())?;
        hasher.update(text.as_bytes());
        staging.write(text.as_bytes())?;
    }
    csv.flush()?;
    let summary: Summary = parser.finish()?;
    let staged = staging.finish(summary, ContentHash::from(hasher.finalize()), false)?;
    let commit = Commit {
        device: device.clone(),
        file: file.clone(),
        mode: UploadMode::Replace,
        key,
        staged,
        at: AT,
    };
    let commit = Change::Commit(Box::new(commit));
    store.execute(StoreCall::Change(commit)).await?;
    Ok(time)
}

async fn columns_of(
    store: &SqliteStore,
    device: &DeviceName,
    file: &DataFile,
    window: Window,
) -> BenchResult<Vec<Column>> {
    let columns = store.columns(device.clone(), file.clone(), window);
    Ok(columns.await?)
}

struct DuckDb {
    process: Child,
    queries: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl DuckDb {
    /// Says so where there is none.
    fn start(folder: &Path) -> BenchResult<Option<Self>> {
        let python = std::env::var(VARIABLE).unwrap_or_else(|_| "python3".to_owned());
        let has = Command::new(&python)
            .args(["-c", "import duckdb"])
            .stderr(Stdio::null())
            .status();
        if !has.is_ok_and(|status| status.success()) {
            say(&format!(
                "DuckDB is left out: `pip install duckdb`, or name a Python that has it in {VARIABLE}"
            ));
            return Ok(None);
        }
        let mut process = Command::new(&python)
            .args(["-c", DUCKDB])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let queries = process.stdin.take().ok_or("no standard input")?;
        let replies = process.stdout.take().ok_or("no standard output")?;
        let mut duckdb = DuckDb {
            process,
            queries,
            replies: BufReader::new(replies),
        };
        let version = duckdb.line()?;
        say(&format!("DuckDB is {version}"));
        Ok(Some(duckdb))
    }

    /// The rows, and the seconds that they took.
    fn query(&mut self, begin: i128, end: i128, columns: u32) -> BenchResult<(Vec<String>, f64)> {
        writeln!(self.queries, "{begin} {end} {columns}")?;
        let head = self.line()?;
        let (seconds, rows) = head.split_once(' ').ok_or("DuckDB ended")?;
        let rows: usize = rows.parse()?;
        let rows = (0..rows).map(|_| self.line()).collect::<BenchResult<_>>()?;
        Ok((rows, seconds.parse()?))
    }

    fn line(&mut self) -> BenchResult<String> {
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
