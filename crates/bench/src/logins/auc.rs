//! A measure of how well two kinds of times can be told apart.

use crate::report::float;

/// The area under the curve of whoever tells two kinds apart by their times: 0.5 is a thrown coin,
/// 0 and 1 are certainty.
pub(super) struct Separation {
    pub(super) area: f64,
    /// Half of its confidence interval at 95 %.
    pub(super) error: f64,
}

/// The chance that a time of the first kind is longer than one of the second; equal ones count half
/// (Mann and Whitney, 1947). The error is that of Hanley and McNeil (1982).
pub(super) fn separation(first: &[u64], second: &[u64]) -> Separation {
    let mut sorted = second.to_vec();
    sorted.sort_unstable();
    let twice_won = |time: &u64| {
        let shorter = sorted.partition_point(|other| other < time);
        let not_longer = sorted.partition_point(|other| other <= time);
        (shorter + not_longer) as u64
    };
    let won = float(first.iter().map(twice_won).sum()) / 2.0;
    let (n, m) = (float(first.len() as u64), float(second.len() as u64));
    let area = won / (n * m);
    let square = area * area;
    let both_first = area / (2.0 - area) - square;
    let both_second = 2.0 * square / (1.0 + area) - square;
    let variance =
        (area * (1.0 - area) + (n - 1.0) * both_first + (m - 1.0) * both_second) / (n * m);
    Separation {
        area,
        error: 1.96 * variance.max(0.0).sqrt(),
    }
}

/// The time that so many percent are not longer than.
pub(super) fn quantile(times: &[u64], percent: usize) -> u64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let place = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(place).copied().unwrap_or_default()
}

/// The distance of each time from the median of all: it shows two kinds that differ in their spread
/// alone.
pub(super) fn spread(first: &[u64], second: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let middle = quantile(&[first, second].concat(), 50);
    let distances = |times: &[u64]| times.iter().map(|time| time.abs_diff(middle)).collect();
    (distances(first), distances(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainty_a_thrown_coin_and_ties() {
        let area = |first: &[u64], second: &[u64]| separation(first, second).area;
        let is = |area: f64, expected: f64| (area - expected).abs() < 1e-12;
        assert!(is(area(&[5, 6, 7], &[1, 2]), 1.0));
        assert!(is(area(&[1, 2], &[5, 6, 7]), 0.0));
        assert!(is(area(&[3, 3, 3], &[3, 3]), 0.5));
        // Of the six pairs 3 > 1, 3 > 2 and 2 > 1 are won, 2 = 2 is half of one.
        assert!(is(area(&[1, 2, 3], &[1, 2]), 4.0 / 6.0));
    }

    #[test]
    fn the_error_shrinks_with_the_number_and_is_as_tabulated() {
        let alternating: Vec<u64> = (0..2_000).collect();
        let error = separation(&alternating, &alternating).error;
        // 1.96 times the root of (n + m + 1) / 12 n m, where the kinds do not differ.
        assert!((error - 0.0179).abs() < 2e-4, "{error}");
        assert!(separation(&[2, 3], &[0, 1]).error < 1e-6);
    }

    #[test]
    fn a_wider_spread_is_seen_where_the_middle_is_the_same() {
        let narrow: Vec<u64> = (95..=105).collect();
        let wide: Vec<u64> = (0..=20).map(|n| n * 10).collect();
        assert!((separation(&wide, &narrow).area - 0.5).abs() < 0.03);
        let (wide, narrow) = spread(&wide, &narrow);
        assert!(separation(&wide, &narrow).area > 0.9);
    }

    #[test]
    fn quantiles() {
        let times: Vec<u64> = (0..=100).rev().collect();
        assert_eq!([5, 50, 95].map(|p| quantile(&times, p)), [5, 50, 95]);
        assert_eq!(quantile(&[], 50), 0);
    }
}
