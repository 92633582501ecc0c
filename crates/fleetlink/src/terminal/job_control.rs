//! Ctrl-Z and `fg`: the shell that started this process gets its terminal back meanwhile.

use rustix::process::{Signal, getpgrp, getpid, getsid, kill_current_process_group, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::Screen;

/// Stops and goes on with this terminal as long as the process lives.
pub(super) fn follow(screen: &Screen) {
    let listen = |which: Signal| signal(SignalKind::from_raw(which.as_raw()));
    let (Ok(mut stop), Ok(mut go_on)) = (listen(Signal::TSTP), listen(Signal::CONT)) else {
        return;
    };
    let screen = screen.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = stop.recv() => stop_here(&screen),
                _ = go_on.recv() => screen.take_back(),
            }
        }
    });
}

fn stop_here(screen: &Screen) {
    if is_without_shell() {
        return;
    }
    screen.lend();
    // This returns once somebody has continued the process.
    let _ = kill_process(getpid(), Signal::STOP);
}

/// Whether no shell could continue the process. The system then stops nobody either.
fn is_without_shell() -> bool {
    getsid(None).is_ok_and(|session| session == getpgrp())
}

/// Stops the process, as Ctrl-Z does where it is a key.
pub(crate) fn suspend() {
    let _ = kill_current_process_group(Signal::TSTP);
}
