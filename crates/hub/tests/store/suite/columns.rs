//! Columns of a stretch: always what adding up the samples one by one gives.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fleetlink_hub::store::{Column, Window};
use fleetlink_proto::samples::{Tally, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

/// 2022-09-30T10:31:13Z in seconds.
const START: i64 = 1_664_533_873;
const SECOND: i128 = 1_000_000_000;

/// A sample as a test knows it: its time, if it has one, and its text.
type Sample = (Option<i128>, String);

pub(crate) async fn columns_of(
    store: &dyn Store,
    id: u32,
    window: Window,
) -> Result<Vec<Column>, StoreError> {
    store.columns(name("cam"), file(id), window).await
}

/// The columns by adding up every sample.
fn expected(samples: &[Sample], from: i128, to: i128, columns: u32) -> Vec<Column> {
    let mut expected: BTreeMap<u32, Column> = BTreeMap::new();
    for ((time, text), index) in samples.iter().zip(0..) {
        let at = time.unwrap_or(index);
        if at < from || at >= to {
            continue;
        }
        let column = u32::try_from((at - from) * i128::from(columns) / (to - from)).unwrap();
        let time = time.map(|nanos| Timestamp::from_unix_nanos(nanos).unwrap());
        let mut sample = Tally::new();
        sample.add(time, text.parse().unwrap());
        let sample = sample.summary().unwrap();
        match expected.get_mut(&column) {
            None => {
                let summary = sample;
                expected.insert(
                    column,
                    Column {
                        column,
                        at,
                        summary,
                    },
                );
            }
            Some(column) => {
                column.at = column.at.min(at);
                column.summary.merge(&sample).unwrap();
            }
        }
    }
    expected.into_values().collect()
}

/// So many samples. Times go on by up to 3 s, and back by up to this many.
fn samples(random: &mut StdRng, count: usize, timed: bool, back: i128) -> Vec<Sample> {
    let mut time = i128::from(START) * SECOND;
    let mut next = || {
        time += random.random_range(0..3 * SECOND);
        let at = time - random.random_range(0..=back * SECOND);
        let (whole, part) = (random.random_range(-999..1000), random.random_range(0..100));
        (timed.then_some(at), format!("{whole}.{part:02}"))
    };
    (0..count).map(|_| next()).collect()
}

fn text(samples: &[Sample]) -> String {
    let mut text = String::new();
    for (time, sample) in samples {
        if let Some(nanos) = time {
            write!(text, "{}.{:09},", nanos / SECOND, nanos % SECOND).unwrap();
        }
        writeln!(text, "{sample}").unwrap();
    }
    text
}

/// Uploads the samples in pieces of these lengths.
async fn fill(store: &dyn Store, id: u32, samples: &[Sample], lengths: &[usize]) {
    let mut rest = samples;
    let mut bits = u128::from(id) * 1000;
    for length in lengths {
        let (piece, after) = rest.split_at(*length);
        let mut text = text(piece);
        if bits % 3 == 1 {
            text.pop();
        }
        upload(store, To("cam", id, bits), Append, text.as_bytes())
            .await
            .unwrap();
        (rest, bits) = (after, bits + 1);
    }
    assert!(rest.is_empty());
}

/// Compares random stretches of a data file with all samples added up.
async fn check(store: &dyn Store, id: u32, samples: &[Sample], random: &mut StdRng) {
    let positions = samples.iter().zip(0..);
    let positions = positions.map(|((time, _), index)| time.unwrap_or(index));
    let (first, last) = (positions.clone().min().unwrap(), positions.max().unwrap());
    let span = last - first + 1;
    for _ in 0..20 {
        let from = first + random.random_range(-span / 8..span);
        let to = from + 1 + random.random_range(0..span);
        let columns = [1, 7, 100, 1200][random.random_range(0..4)];
        let window = Window::new(Some(from), Some(to), columns).unwrap();
        let found = columns_of(store, id, window).await.unwrap();
        let expected = expected(samples, from, to, columns);
        assert!(found == expected, "{from}..{to} in {columns} columns");
    }
}

pub(crate) async fn are_exact_whatever_the_segments(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let mut random = StdRng::seed_from_u64(1);
    let lengths = [40_000, 1, 300, 0, 25_000, 255, 256, 257, 3_000, 70_000];
    for (id, timed) in [(1, false), (2, true)] {
        let samples = samples(&mut random, lengths.iter().sum(), timed, 0);
        fill(&*store, id, &samples, &lengths).await;
        check(&*store, id, &samples, &mut random).await;
    }
    drop(store);
    let store = subject.open();
    let mut random = StdRng::seed_from_u64(1);
    let samples = samples(&mut random, lengths.iter().sum(), false, 0);
    check(&*store, 1, &samples, &mut random).await;
}

pub(crate) async fn are_exact_whatever_the_order_of_times(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let mut random = StdRng::seed_from_u64(2);
    let lengths = [30_000, 500, 20_000];
    for (id, back) in [(1, 60), (2, 100_000)] {
        let samples = samples(&mut random, lengths.iter().sum(), true, back);
        fill(&*store, id, &samples, &lengths).await;
        check(&*store, id, &samples, &mut random).await;
    }
}

pub(crate) async fn are_the_whole_file_without_ends(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let lines = large(50_000);
    upload(&*store, To("cam", 1, 1), Replace, &lines)
        .await
        .unwrap();
    let one = Window::new(None, None, 1).unwrap();
    let whole = columns_of(&*store, 1, one).await.unwrap();
    let [column] = whole.as_slice() else {
        panic!("{} columns", whole.len());
    };
    assert_eq!((column.column, column.at), (0, 0));
    assert_eq!(column.summary, summary(&lines));
    // An open end is that of the data file, so that columns are its stretch alone.
    let tail = Window::new(Some(49_990), None, 5).unwrap();
    let tail = columns_of(&*store, 1, tail).await.unwrap();
    let counts = tail.iter().map(|column| column.summary.count());
    assert_eq!(counts.collect::<Vec<_>>(), [2; 5]);
}

pub(crate) async fn are_none_beyond_the_file(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let whole = Window::new(None, None, 10).unwrap();
    assert_eq!(
        columns_of(&*store, 1, whole).await,
        Err(StoreError::NotFound)
    );
    upload(&*store, To("cam", 1, 1), Replace, b"")
        .await
        .unwrap();
    assert_eq!(columns_of(&*store, 1, whole).await, Ok(Vec::new()));
    upload(&*store, To("cam", 1, 2), Replace, b"1\n2\n")
        .await
        .unwrap();
    for (from, to) in [(Some(2), None), (None, Some(0)), (Some(-9), Some(-1))] {
        let beyond = Window::new(from, to, 10).unwrap();
        assert_eq!(columns_of(&*store, 1, beyond).await, Ok(Vec::new()));
    }
}

pub(crate) async fn follow_every_change(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let one = Window::new(None, None, 1).unwrap();
    for bits in 0..20 {
        let lines = large(20_000 + u32::try_from(bits).unwrap());
        upload(&*store, To("cam", 1, bits), Replace, &lines)
            .await
            .unwrap();
        let half = Window::new(Some(0), Some(15_001), 3).unwrap();
        let columns = columns_of(&*store, 1, half).await.unwrap();
        let counts = columns.iter().map(|column| column.summary.count());
        assert_eq!(counts.collect::<Vec<_>>(), [5001, 5000, 5000]);
        let whole = columns_of(&*store, 1, one).await.unwrap();
        assert_eq!(whole[0].summary, summary(&lines));
    }
    delete(&*store, To("cam", 1, 100)).await.unwrap();
    assert_eq!(columns_of(&*store, 1, one).await, Err(StoreError::NotFound));
}
