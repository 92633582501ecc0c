//! The reports of `send` and `receive`: lines and bars for people, events for programs.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fleetlink_proto::transfer;
use fleetlink_proto::{DeviceName, WallTime};
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::bars::Bars;
use super::refusals::Codes;
use super::running::{Direction, Running, Transfer, canonical, time_left};
use super::words;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::{BAR_STEP, LINE_STEP};

/// The time between two progress events of a transfer.
const EVENT_STEP: Duration = Duration::from_secs(1);

/// In which form something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For people.
    Text,
    /// One JSON object a line, as things happen.
    Events,
    /// One JSON document at the end.
    Document,
}

/// Tells what happens. Clones tell it to the same.
#[derive(Clone)]
pub(super) struct Report {
    form: Form,
    output: Output,
}

/// An event for programs. The names are stable; members can be added.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event<'a> {
    /// This device takes files from now on.
    Listening {
        device: &'a str,
        udp_port: u16,
        inbox: &'a str,
    },
    /// The hub went away; transfers go on.
    HubAway { reason: &'a str },
    /// The hub is back.
    HubBack,
    /// A file's way begins.
    Started {
        transfer: u32,
        direction: Direction,
        device: &'a str,
        name: &'a str,
        size: u64,
        address: Option<String>,
    },
    /// A refusal that may pass: it is tried again after so many milliseconds.
    Retrying {
        device: &'a str,
        name: Option<&'a str>,
        code: &'a str,
        message: String,
        milliseconds: u64,
    },
    /// It waits its turn at the receiver.
    Waiting {
        transfer: u32,
        device: &'a str,
        name: &'a str,
    },
    /// The bytes so far, and the bytes a second.
    Progress {
        transfer: u32,
        bytes: u64,
        size: u64,
        rate: u64,
        seconds_left: Option<u64>,
        address: Option<String>,
    },
    /// The receiver has it, verified and durable.
    Stored {
        transfer: Option<u32>,
        direction: Direction,
        device: &'a str,
        /// The sender, as the receiver knows it: the stored name does not tell it.
        sender: Option<&'a str>,
        name: &'a str,
        stored_as: &'a str,
        bytes: u64,
        milliseconds: u64,
    },
    /// It was refused, or failed: with the code of the protocol document, and who said so.
    Failed {
        transfer: Option<u32>,
        direction: Direction,
        device: &'a str,
        name: Option<&'a str>,
        size: Option<u64>,
        code: &'a str,
        by: &'a str,
        message: String,
    },
    /// Offers of one device that were refused, or failed before they were accepted, and are not
    /// told one by one since there are too many: how many, and by code.
    MoreRefused {
        direction: Direction,
        device: &'a str,
        count: u64,
        codes: &'a Codes,
    },
    /// The command is over.
    Finished { files: u64, failed: u64, bytes: u64 },
    /// Events before this one were left out, since they could not be written.
    LeftOut { count: u64 },
    /// The command failed for a reason that is no file's.
    Error { code: &'a str, message: String },
}

#[derive(Serialize)]
struct Stamped<'a> {
    time: WallTime,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

/// Draws bars, or tells events, as long as it lives.
pub(super) struct Following(JoinHandle<()>);

impl Report {
    /// To this output, as the command asks.
    pub(super) fn new(events: bool, document: bool, output: &Output) -> Self {
        if events {
            output.tell_left_out(left_out);
        }
        let form = match (events, document) {
            (true, _) => Form::Events,
            (_, true) => Form::Document,
            _ => Form::Text,
        };
        let output = output.clone();
        Report { form, output }
    }

    /// A line for people.
    pub(super) fn line(&self, text: &str) {
        if self.form == Form::Text {
            self.output.post(text);
        }
    }

    /// Somebody asked the command to end.
    pub(super) fn asked_to_end(&self) {
        self.output.asked_to_end();
    }

    /// Something beside the result, for people.
    pub(super) fn notice(&self, text: &str) {
        if self.form == Form::Text {
            self.output.notice(text);
        }
    }

    /// An event for programs.
    pub(super) fn event(&self, event: &Event<'_>) {
        if self.form == Form::Events {
            self.output.post(&stamped(event));
        }
    }

    /// Whether one document at the end tells everything.
    pub(super) fn is_document(&self) -> bool {
        self.form == Form::Document
    }

    /// A transfer has begun.
    pub(super) fn started(&self, number: u32, transfer: &Transfer) {
        self.event(&Event::Started {
            transfer: number,
            direction: transfer.direction,
            device: transfer.peer.as_str(),
            name: &transfer.name,
            size: transfer.size,
            address: shown(transfer),
        });
    }

    /// A device is not ready, and is tried again after so long.
    pub(super) fn trying_again(
        &self,
        to: &DeviceName,
        name: Option<&str>,
        failure: &transfer::TransferFailure,
        wait: Duration,
    ) {
        self.notice(&words::trying_again(name, failure, wait));
        self.event(&Event::Retrying {
            device: to.as_str(),
            name,
            code: failure.ended().reason.name(),
            message: failure.to_string(),
            milliseconds: milliseconds(wait),
        });
    }

    /// The one document at the end.
    pub(super) fn document(&self, document: &impl Serialize) {
        if self.form == Form::Document {
            self.output.result("", document);
        }
    }

    /// A failure of the whole command: programs that follow the events read it there.
    pub(super) fn failed(&self, failure: Failure) -> Failure {
        let nowhere = matches!(failure, Failure::Output(_) | Failure::OutputClosed);
        if self.form != Form::Events || nowhere {
            return failure;
        }
        self.event(&Event::Error {
            code: failure.code(),
            message: failure.to_string(),
        });
        Failure::Reported(Box::new(failure))
    }

    /// Shows how far the transfers are, until that is dropped.
    pub(super) fn follow(&self, running: &Running) -> Option<Following> {
        let (running, report) = (running.clone(), self.clone());
        let mut bars = Bars::below(&self.output);
        let task = match self.form {
            Form::Events => every(EVENT_STEP, move || report.tell(&running.all())),
            Form::Text if self.output.draws_progress() => {
                every(BAR_STEP, move || bars.draw(&running.all()))
            }
            Form::Text if self.output.tells_progress() => {
                every(LINE_STEP, move || bars.tell(&running.all()))
            }
            _ => return None,
        };
        Some(Following(task))
    }

    fn tell(&self, running: &BTreeMap<u32, Transfer>) {
        for (number, transfer) in running {
            let progress = transfer.progress();
            self.event(&Event::Progress {
                transfer: *number,
                bytes: progress.bytes,
                size: progress.size,
                rate: progress.rate(),
                seconds_left: time_left(&progress).map(|left| left.as_secs()),
                address: shown(transfer),
            });
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // With it the bars go.
        self.0.abort();
    }
}

fn stamped(event: &Event<'_>) -> String {
    let time = now();
    let line = serde_json::to_string(&Stamped { time, event });
    line.unwrap_or_else(|e| json!({"event": "error", "message": e.to_string()}).to_string())
}

fn left_out(count: u64) -> String {
    stamped(&Event::LeftOut { count })
}

/// The side that ended a transfer, for programs.
pub(super) fn by(failure: &transfer::TransferFailure) -> &'static str {
    match failure {
        transfer::TransferFailure::Peer(_) => "peer",
        transfer::TransferFailure::Here(_) => "here",
    }
}

/// Whole milliseconds.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn shown(transfer: &Transfer) -> Option<String> {
    let address = transfer.address.map(canonical);
    address.map(|address| address.to_string())
}

/// This device's time; a clock before 1970 shows 1970.
fn now() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    WallTime::from_unix_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

fn every(step: Duration, mut act: impl FnMut() + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = interval(step);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            act();
        }
    })
}
