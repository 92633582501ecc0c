//! The rate at which a data file is parsed, in memory and on one core, beside the plainest ways to
//! read it.

use std::hint::black_box;
use std::time::Instant;

use fleetlink_proto::samples::{Decimal, SampleParser, Timestamp};

use crate::BenchResult;

const SAMPLES: u32 = 10_000_000;
/// As an upload arrives: PROTOCOL's largest chunk.
const PIECE_BYTES: usize = 1 << 20;
const ROUNDS: usize = 5;
/// 2022-09-30T10:31:13Z in nanoseconds.
const START: i128 = 1_664_533_873_000_000_000;

/// Prints megabytes (10^6 bytes) a second, the median of five rounds, for each kind of file.
pub(crate) fn run() -> BenchResult {
    let integers = document(|random| format!("{}\n", random % 1_000_000));
    report(
        "integers, newlines counted (ceiling)",
        &integers,
        count_newlines,
    );
    report(
        "integers, split and str::parse (reference)",
        &integers,
        split_and_parse,
    );
    report("integers", &integers, parse);
    drop(integers);
    report(
        "integers, CRLF",
        &document(|random| format!("{}\r\n", random % 1_000_000)),
        parse,
    );
    report("integers, signed, below 10^12", &document(signed), parse);
    report("decimals, two places", &document(decimal), parse);
    report("times in RFC 3339, integers", &document(timed), parse);
    report("times in Unix seconds, integers", &document(unix), parse);
    Ok(())
}

fn signed(random: u64) -> String {
    let value = (random % 1_000_000_000_000).cast_signed();
    format!(
        "{}\n",
        if random & (1 << 60) == 0 {
            value
        } else {
            -value
        }
    )
}

fn decimal(random: u64) -> String {
    format!(
        "{}\n",
        Decimal::from_units(i128::from(random % 10_000_000) * 10_000_000)
    )
}

fn timed(random: u64) -> String {
    let nanos = START + i128::from(random % 1_000_000_000) * 1_000_000_000;
    let time = Timestamp::from_unix_nanos(nanos)
        .map(|time| time.to_string())
        .unwrap_or_default();
    format!("{time},{}\n", random % 1_000_000)
}

fn unix(random: u64) -> String {
    format!(
        "{},{}\n",
        1_664_533_873 + random % 1_000_000_000,
        random % 1_000_000
    )
}

/// A file of [`SAMPLES`] lines, the same in every run.
fn document(line: impl Fn(u64) -> String) -> Vec<u8> {
    let mut state = 1_u64;
    let mut text = Vec::new();
    for _ in 0..SAMPLES {
        // xorshift64: the numbers have to be unpredictable to the processor only.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.extend_from_slice(line(state).as_bytes());
    }
    text
}

fn parse(text: &[u8]) -> u64 {
    let mut parser = SampleParser::new();
    let fed = text
        .chunks(PIECE_BYTES)
        .try_for_each(|piece| parser.feed(piece));
    let summary = fed.and_then(|()| parser.finish());
    summary.expect("the document has good lines").count()
}

fn split_and_parse(text: &[u8]) -> u64 {
    let (mut count, mut sum, mut min, mut max) = (0, 0_i128, i64::MAX, i64::MIN);
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let text = std::str::from_utf8(line).expect("the document is ASCII");
        let value: i64 = text.parse().expect("the document has integers");
        sum += i128::from(value);
        min = min.min(value);
        max = max.max(value);
        count += 1;
    }
    black_box((sum, min, max));
    count
}

fn count_newlines(text: &[u8]) -> u64 {
    text.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[expect(clippy::print_stdout, reason = "the result of a measurement")]
fn report(name: &str, text: &[u8], read: fn(&[u8]) -> u64) {
    let mut seconds = [0.0; ROUNDS];
    for second in &mut seconds {
        let start = Instant::now();
        let count = black_box(read(black_box(text)));
        *second = start.elapsed().as_secs_f64();
        assert_eq!(count, u64::from(SAMPLES), "{name}");
    }
    seconds.sort_by(f64::total_cmp);
    let bytes = u32::try_from(text.len()).expect("a document below 4 GB");
    let rate = f64::from(bytes) / 1e6 / seconds[ROUNDS / 2];
    println!("{name:<44}{rate:>7.0} MB/s");
}
