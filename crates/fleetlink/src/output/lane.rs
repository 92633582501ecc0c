//! The queue in front of standard output or standard error, and the thread that writes it.
//!
//! Nobody but that thread ever waits for a terminal that was stopped or a pipe that is not read.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::watch;

use super::AbovePrompt;
use super::fate::Fate;
use super::frame::Frame;
use super::raw::Stream;

/// Lines that may wait; more are left out and counted.
const MAX_LINES: usize = 1024;
/// Their bytes.
const MAX_BYTES: usize = 1024 * 1024;
/// Bytes that are written at once.
const BATCH: usize = 64 * 1024;
/// The time that a caller waits for its line, or for room for it. After one wait in vain nobody
/// waits until everything is written.
const PATIENCE: Duration = Duration::from_millis(100);
/// The same for a caller that holds up nobody else.
#[cfg(feature = "hub")]
const LONG_PATIENCE: Duration = Duration::from_secs(5);

/// Something to be written.
pub(super) struct Item {
    pub(super) stream: Stream,
    /// With its line end.
    pub(super) text: String,
    pub(super) worth: Worth,
    /// Of how many lines it tells that they were left out.
    pub(super) tells: u64,
}

impl Item {
    /// The lines that are missing without it.
    pub(super) fn lines(&self) -> u64 {
        let lines = self.text.bytes().filter(|byte| *byte == b'\n').count();
        self.tells.max(lines.max(1) as u64)
    }
}

/// The fate of an item for which there is no room or no disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// It is the result: it waits as long as it takes, and its loss is a failure of the command.
    Result,
    /// It is left out and counted, and the count is shown once something can be shown again.
    Line,
}

/// For what a caller waits, though never long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Until it is written: what comes next may be shown by somebody else.
    Written,
    /// For room in the queue.
    Room,
    /// For room in the queue, on a thread that has nothing else to do.
    #[cfg(feature = "hub")]
    RoomLong,
}

/// The queue of one file. Clones are the same one.
#[derive(Clone)]
pub(super) struct Lane(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Changes with `done` and with what became of the lines. Nobody who holds it locks the state.
    news: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Item>,
    bytes: usize,
    /// The number of items taken in.
    taken: u64,
    /// The number of items dealt with.
    done: u64,
    started: bool,
    stuck: bool,
    stdout: Fate,
    stderr: Fate,
    above_prompt: Above,
    /// Lines that shall stay below all others.
    frame: Option<Vec<String>>,
}

/// The printer above a prompt, while there is one.
#[derive(Default)]
struct Above {
    /// Away while it prints.
    printer: Option<AbovePrompt>,
    there: bool,
    number: u64,
}

impl Lane {
    pub(super) fn new() -> Self {
        Lane(Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            news: watch::Sender::new(()),
        }))
    }

    /// Queues it, and waits a little.
    pub(super) fn push(&self, item: Item, wait: Wait) {
        let mut state = self.0.lock();
        if !self.start(&mut state) || state.fate(item.stream).is_closed() {
            return;
        }
        if item.worth == Worth::Line {
            if state.is_full() {
                state = self.0.wait(state, wait, |state| !state.is_full());
            }
            if state.is_full() {
                state.fate(item.stream).leave_out(item.lines());
                return;
            }
        }
        if let Some(account) = state.fate(item.stream).account() {
            state.take_account(item.stream, account);
        }
        let number = state.take(item);
        self.0.changed.notify_all();
        if wait == Wait::Written {
            drop(self.0.wait(state, wait, |state| state.done >= number));
        }
    }

    /// From here on lines go through this printer, or plainly.
    pub(super) fn print_by(&self, printer: Option<AbovePrompt>) {
        let above = &mut self.0.lock().above_prompt;
        above.there = printer.is_some();
        above.printer = printer;
        above.number += 1;
    }

    pub(super) fn has_printer(&self) -> bool {
        self.0.lock().above_prompt.there
    }

    /// Shows these lines below all others, in the place of those before.
    pub(super) fn show_frame(&self, lines: Vec<String>) {
        let mut state = self.0.lock();
        if self.start(&mut state) {
            state.frame = Some(lines);
            self.0.changed.notify_all();
        }
    }

    /// Sets the text for a count of lines left out of standard output.
    pub(super) fn tell_left_out(&self, tell: fn(u64) -> String) {
        self.0.lock().stdout.tell_by(tell);
    }

    /// Waits until all that was queued until now is dealt with, and at least so much.
    pub(super) async fn settled(&self, at_least: u64) {
        let taken = self.0.lock().taken.max(at_least);
        self.until(|state| state.done >= taken).await;
    }

    /// Whether whoever reads standard output is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.0.lock().stdout.is_closed()
    }

    /// Waits until that is so.
    pub(super) async fn closed(&self) {
        self.until(|state| state.stdout.is_closed()).await;
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        let mut news = self.0.news.subscribe();
        loop {
            let by_now = holds(&self.0.lock());
            // It does not fail: the sending half lives in `self`.
            if by_now || news.changed().await.is_err() {
                return;
            }
        }
    }

    /// The error by which something for standard output was lost and not told of.
    pub(super) fn lost(&self) -> Option<io::Error> {
        self.0.lock().stdout.lost().map(io::Error::from)
    }

    /// Whether the thread runs; it is started at the first use.
    fn start(&self, state: &mut State) -> bool {
        if !state.started {
            let shared = Arc::clone(&self.0);
            let thread = thread::Builder::new().name("output".to_owned());
            match thread.spawn(move || shared.run()) {
                Ok(_) => state.started = true,
                Err(_) => state.stdout.fail(Errno::AGAIN),
            }
        }
        state.started
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, unless that was in vain before.
    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        wait: Wait,
        until: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        if state.stuck {
            return state;
        }
        let patience = match wait {
            #[cfg(feature = "hub")]
            Wait::RoomLong => LONG_PATIENCE,
            Wait::Room | Wait::Written => PATIENCE,
        };
        let waited = self
            .changed
            .wait_timeout_while(state, patience, |state| !until(state));
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        state.stuck |= waited.timed_out();
        state
    }

    /// Writes what is queued, for ever.
    fn run(&self) {
        let mut frame = Frame::default();
        let mut state = self.lock();
        loop {
            let (batch, wanted) = (state.next_batch(), state.frame.take());
            if batch.is_empty() && wanted.is_none() {
                state.stuck = false;
                let idle = self.changed.wait(state);
                state = idle.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (printer, number) = (state.above_prompt.printer.take(), state.above_prompt.number);
            let Some(stream) = batch.first().map(|item| item.stream) else {
                drop(state);
                frame.erase();
                frame.draw(wanted);
                state = self.lock();
                state.put_back(printer, number);
                continue;
            };
            let fate = state.fate(stream);
            let (head, closed) = (fate.head(), fate.is_closed());
            drop(state);
            frame.erase();
            let (printer, written, error) = match closed {
                true => (printer, usize::MAX, None),
                false => write(stream, head, &batch, printer),
            };
            frame.draw(wanted);
            state = self.lock();
            state.put_back(printer, number);
            state.fate(stream).note(&batch, written, error);
            state.account_at_rest();
            state.done += batch.len() as u64;
            self.changed.notify_all();
            self.news.send_replace(());
        }
    }
}

/// Writes a batch. Returns how many bytes of it were written.
fn write(
    stream: Stream,
    head: &str,
    batch: &[Item],
    printer: Option<AbovePrompt>,
) -> (Option<AbovePrompt>, usize, Option<Errno>) {
    let text: String = std::iter::once(head)
        .chain(batch.iter().map(|item| item.text.as_str()))
        .collect();
    match printer {
        Some(mut printer) => {
            let all = text.len();
            printer(text);
            (Some(printer), all, None)
        }
        None => {
            let (written, error) = stream.write(text.as_bytes());
            (None, written, error)
        }
    }
}

impl State {
    fn fate(&mut self, stream: Stream) -> &mut Fate {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn is_full(&self) -> bool {
        self.queue.len() >= MAX_LINES || self.bytes >= MAX_BYTES
    }

    /// Its number among all.
    fn take(&mut self, item: Item) -> u64 {
        self.bytes += item.text.len();
        self.queue.push_back(item);
        self.taken += 1;
        self.taken
    }

    fn take_account(&mut self, stream: Stream, (text, tells): (String, u64)) {
        self.take(Item {
            stream,
            text,
            worth: Worth::Line,
            tells,
        });
    }

    /// Tells of lines that were left out, once nothing waits any more.
    fn account_at_rest(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            if self.queue.is_empty()
                && let Some(account) = self.fate(stream).account_at_rest()
            {
                self.take_account(stream, account);
            }
        }
    }

    /// The next items of one stream, as many as one write takes.
    fn next_batch(&mut self) -> Vec<Item> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let Some(stream) = self.queue.front().map(|item| item.stream) else {
            return batch;
        };
        while let Some(item) = self.queue.pop_front_if(|item| {
            item.stream == stream && (batch.is_empty() || bytes + item.text.len() <= BATCH)
        }) {
            bytes += item.text.len();
            batch.push(item);
        }
        self.bytes -= bytes;
        batch
    }

    /// The printer has printed; meanwhile another one may have taken its place.
    fn put_back(&mut self, printer: Option<AbovePrompt>, number: u64) {
        if self.above_prompt.number == number {
            self.above_prompt.printer = printer;
        }
    }
}
