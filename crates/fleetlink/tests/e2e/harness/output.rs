//! The output of a process, collected while it runs.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};

use super::DEADLINE;

/// The growing output of a process, read by a thread.
#[derive(Clone)]
pub(crate) struct Output {
    shared: Arc<(Mutex<Collected>, Condvar)>,
    /// Up to where a test has looked.
    seen: usize,
}

#[derive(Default)]
struct Collected {
    text: String,
    ended: bool,
}

impl Output {
    pub(crate) fn of(mut source: impl Read + Send + 'static) -> Self {
        let shared: Arc<(Mutex<Collected>, Condvar)> = Arc::default();
        let filling = Arc::clone(&shared);
        std::thread::spawn(move || {
            let (collected, changed) = &*filling;
            let mut buffer = [0; 4096];
            loop {
                // A pseudo-terminal whose process is gone reads as an error.
                let read = source.read(&mut buffer).unwrap_or(0);
                let mut collected = collected.lock().expect("no reader panics");
                collected
                    .text
                    .push_str(&String::from_utf8_lossy(&buffer[..read]));
                collected.ended = read == 0;
                changed.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Output { shared, seen: 0 }
    }

    /// Waits for `text` behind what was seen before, and returns what stands before it.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) -> String {
        let (collected, changed) = &*self.shared;
        let guard = collected.lock().expect("no reader panics");
        let seen = self.seen;
        let (guard, timeout) = changed
            .wait_timeout_while(guard, DEADLINE, |c| {
                !c.text[seen..].contains(text) && !c.ended
            })
            .expect("no reader panics");
        let news = &guard.text[seen..];
        let Some(place) = news.find(text) else {
            let why = if timeout.timed_out() {
                "not in time"
            } else {
                "the output ended"
            };
            panic!(
                "{why}: expected {text:?} behind\n{news}\n-- of --\n{}",
                guard.text
            );
        };
        let before = news[..place].to_owned();
        self.seen += place + text.len();
        before
    }

    /// All of it, once the process has closed it.
    #[track_caller]
    pub(crate) fn to_end(&self) -> String {
        let (collected, changed) = &*self.shared;
        let guard = collected.lock().expect("no reader panics");
        let (guard, timeout) = changed
            .wait_timeout_while(guard, DEADLINE, |c| !c.ended)
            .expect("no reader panics");
        assert!(
            !timeout.timed_out(),
            "the output does not end:\n{}",
            guard.text
        );
        guard.text.clone()
    }

    /// The output by now.
    pub(crate) fn so_far(&self) -> String {
        self.shared.0.lock().expect("no reader panics").text.clone()
    }
}
