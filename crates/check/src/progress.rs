//! The checker's progress, for whoever waits.

/// Receives the progress of a checker.
pub trait ProgressListener: Send {
    /// Called when a check begins: the `number`th of `of`, counted from 1. `shows` is the check's
    /// sentence.
    fn begin(&mut self, number: usize, of: usize, id: &str, shows: &str);
}

/// Ignores the progress.
impl ProgressListener for () {
    fn begin(&mut self, _number: usize, _of: usize, _id: &str, _shows: &str) {}
}
