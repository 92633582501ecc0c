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

    pub(super) fn finish(&self, name: &DeviceName) {
        self.state().lines.remove(name);
        self.done.notify_waiters();
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
            lines.finish(&name("b"));
        });
        assert!(waited);
        assert!(!lines.wait(&name("ghost")).await);
        lines.finish_all();
        assert!(!lines.wait(&name("a")).await);
    }
}
