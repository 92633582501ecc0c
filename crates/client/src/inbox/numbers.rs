//! The numbers behind the names of files that were sent more than once.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use crate::limits::{MAX_NAME_NUMBER, MAX_REMEMBERED_NAMES};

/// The last number of each name, as far as this process knows.
#[derive(Debug, Default)]
pub(super) struct Numbers(Mutex<HashMap<String, u32>>);

impl Numbers {
    /// The number that the file of this name got last; 1 where that is not known.
    pub(super) fn last(&self, name: &str) -> u32 {
        let numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.get(name).copied().unwrap_or(1)
    }

    /// A file of this name got this number.
    pub(super) fn note(&self, name: &str, number: u32) {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if numbers.len() >= MAX_REMEMBERED_NAMES && !numbers.contains_key(name) {
            // They are found again by a few looks each.
            numbers.clear();
        }
        numbers.insert(name.to_owned(), number);
    }
}

/// A number that is taken while the next one is not, from one on that is taken: by steps that
/// double, and then by halves.
pub(super) fn last_taken(from: u32, taken: impl Fn(u32) -> io::Result<bool>) -> io::Result<u32> {
    let (mut low, mut step) = (from, 1_u32);
    let mut high = loop {
        let next = low.saturating_add(step).min(MAX_NAME_NUMBER);
        if next <= low {
            let text = format!("there are {MAX_NAME_NUMBER} files of this name");
            return Err(io::Error::other(text));
        }
        if !taken(next)? {
            break next;
        }
        low = next;
        step = step.saturating_mul(2);
    };
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match taken(middle)? {
            true => low = middle,
            false => high = middle,
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn few_looks_find_a_free_number() {
        for last in [1, 2, 3, 9_999, 10_000, 123_456, 99_999_999] {
            let looks = Cell::new(0);
            let found = last_taken(1, |number| {
                looks.set(looks.get() + 1);
                Ok(number <= last)
            });
            assert_eq!(found.unwrap(), last);
            assert!(looks.get() <= 60, "{last}: {}", looks.get());
        }
        let gap = last_taken(1, |number| Ok(number != 6 && number < 100)).unwrap();
        assert!([5, 99].contains(&gap), "{gap}");
        assert!(last_taken(1, |_| Ok(true)).is_err());
        assert!(last_taken(1, |_| Err(io::ErrorKind::PermissionDenied.into())).is_err());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let numbers = Numbers::default();
        for name in 0..=MAX_REMEMBERED_NAMES {
            numbers.note(&name.to_string(), 2);
        }
        assert!(numbers.0.lock().unwrap().len() <= MAX_REMEMBERED_NAMES);
        numbers.note("x", 7);
        assert_eq!((numbers.last("x"), numbers.last("y")), (7, 1));
    }
}
