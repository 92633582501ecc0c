//! The lines of a credentials file that wait for their import.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fleetlink_proto::{DeviceName, Password};
use tokio::sync::Notify;

/// Every line, and how far it is.
pub(super) struct Lines {
    state: Mutex<State>,
    /// Told whenever a line is done.
    done: Notify,
}

struct State {
    /// In the order of the file; those that were taken out of turn are passed over.
    order: VecDeque<DeviceName>,
    lines: HashMap<DeviceName, Line>,
    /// Whether the import of a line was given up, as by a connection that closed.
    is_incomplete: bool,
}

enum Line {
    Waiting(Password),
    UnderWay,
}

impl Lines {
    pub(super) fn new(entries: Vec<(DeviceName, Password)>) -> Self {
        let order = entries.iter().map(|(name, _)| name.clone()).collect();
        let lines = entries.into_iter();
        let lines = lines.map(|(name, password)| (name, Line::Waiting(password)));
        Lines {
            state: Mutex::new(State {
                order,
                lines: lines.collect(),
                is_incomplete: false,
            }),
            done: Notify::new(),
        }
    }

    /// Takes the next line in the order of the file.
    pub(super) fn next(&self) -> Option<(DeviceName, Password)> {
        loop {
            let name = self.state().order.pop_front()?;
            if let Some(password) = self.take(&name) {
                return Some((name, password));
            }
        }
    }

    /// Takes the line of this name, if it still waits.
    pub(super) fn take(&self, name: &DeviceName) -> Option<Password> {
        let mut state = self.state();
        let line = state.lines.get_mut(name)?;
        match std::mem::replace(line, Line::UnderWay) {
            Line::Waiting(password) => Some(password),
            Line::UnderWay => None,
        }
    }

    /// The line of this name, which was taken, is done when this is told so. Where it is dropped
    /// before, nobody waits for the line either, and the import is incomplete.
    pub(super) fn under_way<'a>(&'a self, name: &'a DeviceName) -> UnderWay<'a> {
        UnderWay {
            lines: self,
            name,
            is_done: false,
        }
    }

    /// Waits until no line waits or is under way; whether all of them were imported.
    pub(super) async fn all_done(&self) -> bool {
        loop {
            let done = self.done.notified();
            tokio::pin!(done);
            done.as_mut().enable();
            {
                let state = self.state();
                if state.lines.is_empty() {
                    return !state.is_incomplete;
                }
            }
            done.await;
        }
    }

    /// None of what waits needs to be imported.
    pub(super) fn finish_all(&self) {
        self.state().lines.clear();
        self.done.notify_waiters();
    }

    /// Waits until the line of this name is done; `false` where there was none left to wait for.
    pub(super) async fn wait(&self, name: &DeviceName) -> bool {
        let mut waited = false;
        loop {
            let done = self.done.notified();
            tokio::pin!(done);
            done.as_mut().enable();
            if !self.state().lines.contains_key(name) {
                return waited;
            }
            done.await;
            waited = true;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line that is being imported.
pub(super) struct UnderWay<'a> {
    lines: &'a Lines,
    name: &'a DeviceName,
    is_done: bool,
}

impl UnderWay<'_> {
    pub(super) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.lines.state();
        state.lines.remove(self.name);
        state.is_incomplete |= !self.is_done;
        drop(state);
        self.lines.done.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_is_taken_out_of_turn_is_not_taken_again() {
        let name = |text: &str| text.parse::<DeviceName>().unwrap();
        let entries = ["a", "b", "c"].map(|text| (name(text), Password::from(text)));
        let lines = Lines::new(entries.to_vec());
        assert_eq!(lines.take(&name("b")).unwrap().expose(), "b");
        assert!(lines.take(&name("b")).is_none());
        assert_eq!(lines.next().unwrap().0, name("a"));
        assert_eq!(lines.next().unwrap().0, name("c"));
        assert!(lines.next().is_none());
        let b = name("b");
        let (waited, ()) = tokio::join!(lines.wait(&b), async {
            lines.under_way(&name("b")).done();
        });
        assert!(waited);
        assert!(!lines.wait(&name("ghost")).await);
        lines.finish_all();
        assert!(!lines.wait(&name("a")).await);
    }

    #[tokio::test]
    async fn an_import_waits_for_the_lines_out_of_turn_and_knows_one_that_was_given_up() {
        let name = "late".parse::<DeviceName>().unwrap();
        for given_up in [false, true] {
            let lines = Lines::new(vec![(name.clone(), Password::from("pw"))]);
            lines.take(&name).unwrap();
            assert!(lines.next().is_none());
            let line = lines.under_way(&name);
            let mut all = Box::pin(lines.all_done());
            let early = poll_once(&mut all);
            assert!(early.is_pending(), "it is under way");
            match given_up {
                true => drop(line),
                false => line.done(),
            }
            assert_eq!(all.await, !given_up);
        }
    }

    fn poll_once<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::Pin::new(future).poll(&mut context)
    }
}
