//! The proleptic Gregorian calendar of the years 0000 to 9999, as days from 1970-01-01.
//!
//! Days become dates by jiff. Dates become days by a formula of our own: each line of a file with
//! times needs it, and by jiff such a file was parsed at 0.96 of the speed. The formula lets the year
//! begin in March, so that the leap day ends it and the lengths of the months follow one rule; an era
//! is the 400 years after which the calendar repeats.

use jiff::SignedDuration;
use jiff::civil::{Date, date};

const UNIX_EPOCH: Date = date(1970, 1, 1);
/// Days in 400 years.
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// The days from 1970-01-01 to a date, or `None` where there is no such date.
pub(super) fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=month_length(year, month)).contains(&day) {
        return None;
    }
    let from_march = (month + 9) % 12;
    let year = i64::from(year) - i64::from(month < 3);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = i64::from((153 * from_march + 2) / 5 + day - 1);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * DAYS_PER_ERA + day_of_era - EPOCH)
}

fn month_length(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The date that is `days` from 1970-01-01, if it is within those years.
pub(super) fn date_of(days: i64) -> Option<Date> {
    let since = SignedDuration::try_from_hours(days.checked_mul(24)?)?;
    UNIX_EPOCH.checked_add(since).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_follows_the_one_before() {
        let first = days(0, 1, 1).expect("a date");
        let mut date = date_of(first).expect("a date");
        for expected in first.. {
            let [year, month, day] = [
                i32::from(date.year()),
                date.month().into(),
                date.day().into(),
            ]
            .map(|number| u32::try_from(number).unwrap());
            assert_eq!(days(year, month, day), Some(expected));
            assert_eq!(date_of(expected), Some(date));
            match date.tomorrow() {
                Ok(tomorrow) => date = tomorrow,
                Err(_) => break,
            }
        }
        assert_eq!((date.year(), days(1970, 1, 1)), (9999, Some(0)));
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        for (year, month, day) in [
            (2023, 2, 29),
            (1900, 2, 29),
            (2000, 2, 30),
            (2022, 4, 31),
            (2022, 13, 1),
            (2022, 0, 1),
            (2022, 1, 0),
        ] {
            assert_eq!(days(year, month, day), None, "{year}-{month}-{day}");
        }
        assert!(days(2000, 2, 29).is_some() && days(0, 2, 29).is_some());
    }
}
