//! Closed sets of words: values that are stored and shown by one word each.

/// Declares an enumeration whose values have a word each.
macro_rules! words {
    ($(#[$attribute:meta])* $name:ident { $($(#[$of_value:meta])* $value:ident = $word:literal),+ $(,)? }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$of_value])* $value),+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$value),+];

            /// Its word.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$value => $word),+ }
            }

            /// The value of this word.
            pub fn of_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The outcome of what was done or tried.
    Outcome {
        Done = "done",
        /// By the rules: nothing was changed.
        Refused = "refused",
        /// By a fault: of the store, say. Nobody may know whether it was done.
        Failed = "failed",
    }
}
