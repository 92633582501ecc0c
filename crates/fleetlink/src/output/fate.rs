//! The fate of the lines for standard output or standard error.

use rustix::io::Errno;

use super::lane::{Item, Worth};

/// The fate of the lines for one of the two.
#[derive(Default)]
pub(super) struct Fate {
    /// Lines that were left out and are not told of.
    left_out: u64,
    /// The error, if there was one.
    failed: Option<Errno>,
    /// A result was lost: nothing makes that good.
    result_lost: Option<Errno>,
    /// The reader has gone.
    closed: bool,
    /// The last line was written in part.
    broken: bool,
    /// The text for the count.
    tell: Option<fn(u64) -> String>,
}

impl Fate {
    /// Sets the text for the count.
    pub(super) fn tell_by(&mut self, tell: fn(u64) -> String) {
        self.tell = Some(tell);
    }

    /// There was no room for so many lines.
    pub(super) fn leave_out(&mut self, lines: u64) {
        self.left_out += lines;
    }

    /// Nothing can be written at all.
    pub(super) fn fail(&mut self, error: Errno) {
        self.result_lost = Some(error);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The error by which something was lost and not told of.
    pub(super) fn lost(&self) -> Option<Errno> {
        self.result_lost.or(self.failed)
    }

    /// The line that tells how many were left out, where that is to be tried.
    pub(super) fn account(&mut self) -> Option<(String, u64)> {
        if self.left_out == 0 {
            return None;
        }
        let count = std::mem::take(&mut self.left_out);
        let text = self.tell.unwrap_or(in_words)(count);
        Some((text + "\n", count))
    }

    /// The same once nothing waits any more; after an error that is left to the next line.
    pub(super) fn account_at_rest(&mut self) -> Option<(String, u64)> {
        match self.failed {
            Some(_) => None,
            None => self.account(),
        }
    }

    /// The bytes to write before the next line: the end of one that was written in part.
    pub(super) fn head(&self) -> &'static str {
        if self.broken { "\n" } else { "" }
    }

    /// Notes that `written` bytes of these were written, and then came this error.
    pub(super) fn note(&mut self, batch: &[Item], written: usize, error: Option<Errno>) {
        let mut end = self.head().len();
        let mut whole = written == 0 || written == end;
        for item in batch {
            end += item.text.len();
            whole |= end == written;
            if end > written {
                self.left_out += item.lines();
                if item.worth == Worth::Result {
                    self.result_lost = self.result_lost.or(error);
                }
            } else if item.tells > 0 {
                self.failed = None;
            }
        }
        if written > 0 {
            self.broken = !whole;
        }
        match error {
            Some(Errno::PIPE) => {
                self.closed = true;
                self.result_lost = None;
            }
            Some(error) => self.failed = Some(error),
            None => {}
        }
    }
}

/// The text for people.
fn in_words(left_out: u64) -> String {
    match left_out {
        1 => "(1 line was left out: it could not be written)".to_owned(),
        lines => format!("({lines} lines were left out: they could not be written)"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::raw::Stream;
    use super::*;

    fn item(text: &str, worth: Worth) -> Item {
        Item {
            stream: Stream::Stdout,
            text: text.to_owned(),
            worth,
            tells: 0,
        }
    }

    #[test]
    fn lost_lines_are_told_of_and_that_makes_it_good() {
        let mut fate = Fate::default();
        let lines = [item("a\n", Worth::Line), item("bc\n", Worth::Line)];
        fate.note(&lines, 3, Some(Errno::NOSPC));
        assert_eq!(fate.lost(), Some(Errno::NOSPC));
        assert_eq!(fate.head(), "\n", "a line stands there in part");
        assert!(fate.account_at_rest().is_none());
        let (text, count) = fate.account().unwrap();
        assert_eq!(text, "(1 line was left out: it could not be written)\n");
        let told = Item {
            tells: count,
            ..item(&text, Worth::Line)
        };
        fate.note(std::slice::from_ref(&told), 0, Some(Errno::NOSPC));
        let (_, again) = fate.account().unwrap();
        assert_eq!(again, 1, "it is told of when it can be");
        fate.note(&[told], 1 + text.len(), None);
        assert_eq!((fate.lost(), fate.head()), (None, ""));
    }

    #[test]
    fn a_lost_result_stays_lost() {
        let mut fate = Fate::default();
        fate.note(&[item("1\n", Worth::Result)], 0, Some(Errno::NOSPC));
        fate.note(&[item("2\n", Worth::Line)], 2, None);
        assert_eq!(fate.lost(), Some(Errno::NOSPC));
    }

    #[test]
    fn a_closed_pipe_is_no_loss() {
        let mut fate = Fate::default();
        fate.note(&[item("1\n", Worth::Result)], 0, Some(Errno::PIPE));
        assert!(fate.is_closed());
        assert_eq!(fate.lost(), None);
    }
}
