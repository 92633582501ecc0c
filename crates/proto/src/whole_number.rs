use std::fmt;

use serde::{Deserialize, Serialize};

use crate::control::limits::MAX_NUMBER;

/// Whole numbers that a message carries and that are at most [`MAX_NUMBER`], each of a type of its own.
macro_rules! whole_numbers {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(from = "u64", into = "u64")]
        pub struct $name(u64);

        impl $name {
            /// The one of this number; the largest for a larger number.
            pub const fn at_most(number: u64) -> Self {
                match number < MAX_NUMBER {
                    true => $name(number),
                    false => $name(MAX_NUMBER),
                }
            }

            /// Its number.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The one after it; the largest has none after it.
            #[must_use]
            pub const fn next(self) -> Self {
                $name::at_most(self.0 + 1)
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                $name::at_most(number)
            }
        }

        impl From<$name> for u64 {
            fn from(number: $name) -> Self {
                number.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

whole_numbers! {
    /// The number of a join: a newer one replaces an older one, also over restarts of the hub.
    Generation
    /// The version of a data file: each change of the store has a larger one.
    Version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_larger_than_what_every_json_reader_reads() {
        let largest = Generation::at_most(u64::MAX);
        assert_eq!((largest.get(), largest.next()), ((1 << 53) - 1, largest));
        let read: Generation = serde_json::from_str("18446744073709551615").unwrap();
        assert_eq!(read, largest);
        let seven = Version::at_most(7);
        assert_eq!(serde_json::to_string(&seven).unwrap(), "7");
        assert_eq!(seven.next(), Version::at_most(8));
    }
}
