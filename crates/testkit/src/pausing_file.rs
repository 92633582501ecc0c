//! A file that gives nothing while a test wants so, whoever reads it.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use nix::sys::fanotify::{
    EventFFlags, Fanotify, FanotifyEvent, FanotifyResponse, InitFlags, MarkFlags, MaskFlags,
    Response,
};

use crate::skip;

/// Lets other processes read a file some times, and then has them wait until this is dropped.
#[derive(Debug)]
pub struct PausingFile(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug)]
struct State {
    reads_left: u32,
    is_over: bool,
    has_paused: bool,
}

impl PausingFile {
    /// Pauses this file after so many reads of it. `None`, with the calling test skipped, where
    /// this user may not.
    pub fn after(reads: u32, path: &Path) -> Option<Self> {
        let events = match watch(path) {
            Ok(events) => events,
            Err(error) => {
                skip(&format!("only root can hold up who reads a file: {error}"));
                return None;
            }
        };
        let state = State {
            reads_left: reads,
            is_over: false,
            has_paused: false,
        };
        let shared = Arc::new((Mutex::new(state), Condvar::new()));
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            while let Ok(read) = events.read_events() {
                for event in read {
                    permit(&events, &event, &theirs);
                }
            }
        });
        Some(PausingFile(shared))
    }

    /// Whether a reader waits, or has waited.
    pub fn has_paused(&self) -> bool {
        let state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.has_paused
    }
}

impl Drop for PausingFile {
    fn drop(&mut self) {
        let (state, changed) = &*self.0;
        state.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
        changed.notify_all();
    }
}

fn watch(path: &Path) -> nix::Result<Fanotify> {
    let events = Fanotify::init(
        InitFlags::FAN_CLASS_CONTENT | InitFlags::FAN_CLOEXEC,
        EventFFlags::O_RDONLY | EventFFlags::O_CLOEXEC,
    )?;
    events.mark(
        MarkFlags::FAN_MARK_ADD,
        MaskFlags::FAN_ACCESS_PERM,
        nix::fcntl::AT_FDCWD,
        Some(path),
    )?;
    Ok(events)
}

fn permit(events: &Fanotify, event: &FanotifyEvent, shared: &(Mutex<State>, Condvar)) {
    let (state, changed) = shared;
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    if state.reads_left == 0 {
        state.has_paused = true;
        let waited = changed.wait_while(state, |state| !state.is_over);
        drop(waited);
    } else {
        state.reads_left -= 1;
        drop(state);
    }
    if let Some(file) = event.fd() {
        // Where its reader is gone, nobody waits.
        let _ = events.write_response(FanotifyResponse::new(file, Response::FAN_ALLOW));
    }
}
