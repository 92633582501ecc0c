//! The driver's side of the feed: events of the core become events of the feed.

use fleetlink_core::{AccountChange, ConsoleEvent, LoginFailure, PeopleEvent, TicketEvent};
use fleetlink_proto::control::limits::LOCK_OUT_TIME;
use fleetlink_proto::control::{Receipt, UploadMode};
use fleetlink_proto::samples::LastSample;
use fleetlink_proto::{DataFile, DeviceName, WallTime};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Feed;
use super::coalesce::{Added, Coalescer};
use super::event::{FeedEvent, Kind};

/// Fills the feed.
pub(crate) struct Filler {
    feed: Feed,
    samples: Coalescer,
}

impl Filler {
    pub(crate) fn new(feed: Feed) -> Self {
        Filler {
            feed,
            samples: Coalescer::default(),
        }
    }

    /// The time at which [`Filler::tell_due`] has something to do.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.samples.due()
    }

    /// Tells of the samples that have waited long enough.
    pub(crate) fn tell_due(&mut self, now: Instant) {
        for added in self.samples.take_due(now) {
            self.feed.publish(&of_samples(&added));
        }
    }

    /// Tells of what the core has shown.
    pub(crate) fn tell(&mut self, event: &ConsoleEvent, at: WallTime, now: Instant) {
        match event {
            ConsoleEvent::Received {
                device,
                receipt,
                last,
            } => self.received(device, receipt, *last, now),
            ConsoleEvent::Deleted { device, file } | ConsoleEvent::Removed { device, file, .. } => {
                self.deleted(device, Some(file), at);
            }
            ConsoleEvent::Account {
                name,
                change: AccountChange::Removed,
            } => {
                self.tell_waiting(name, None);
                self.account(name, AccountChange::Removed, at);
                self.deleted(name, None, at);
            }
            ConsoleEvent::Account { name, change } => self.account(name, *change, at),
            event => {
                if let Some(event) = of_others(event, at) {
                    self.feed.publish(&event);
                }
            }
        }
    }

    fn received(
        &mut self,
        device: &DeviceName,
        receipt: &Receipt,
        last: Option<LastSample>,
        now: Instant,
    ) {
        let added = Added {
            device: device.clone(),
            file: receipt.file.clone(),
            samples: receipt.samples,
            bytes: receipt.bytes,
            version: receipt.version,
            last,
            at: receipt.at,
        };
        let event = match receipt.mode {
            UploadMode::Append => self.samples.add(added, now).as_ref().map(of_samples),
            UploadMode::Replace => {
                self.tell_waiting(device, Some(&receipt.file));
                Some(of_upload(Kind::Uploaded, &added))
            }
        };
        if let Some(event) = event {
            self.feed.publish(&event);
        }
    }

    fn deleted(&mut self, device: &DeviceName, file: Option<&DataFile>, at: WallTime) {
        self.tell_waiting(device, file);
        let mut data = json!({"device": device, "at": at});
        if let Some(file) = file {
            data["file"] = json!(file);
        }
        self.feed
            .publish(&FeedEvent::new(Kind::Deleted, [device], &data));
    }

    /// Tells of samples before what makes an end of them.
    fn tell_waiting(&mut self, device: &DeviceName, file: Option<&DataFile>) {
        for added in self.samples.withdraw(device, file) {
            self.feed.publish(&of_samples(&added));
        }
    }

    fn account(&self, name: &DeviceName, change: AccountChange, at: WallTime) {
        let data = |kind, data: Value| self.feed.publish(&FeedEvent::new(kind, [name], &data));
        if change == AccountChange::Unlocked {
            return data(Kind::Unlocked, json!({"device": name, "at": at}));
        }
        let change = change.as_str();
        data(
            Kind::Account,
            json!({"device": name, "change": change, "at": at}),
        );
    }
}

fn of_samples(added: &Added) -> FeedEvent {
    of_upload(Kind::Samples, added)
}

fn of_upload(kind: Kind, added: &Added) -> FeedEvent {
    let time = added.last.and_then(|last| last.time);
    let data = json!({
        "device": added.device, "file": added.file, "samples": added.samples,
        "bytes": added.bytes, "version": added.version,
        "value": added.last.map(|last| last.value.to_string()),
        "time": time.map(|time| time.to_string()), "at": added.at,
    });
    FeedEvent::new(kind, [&added.device], &data)
}

/// Events that concern no data file.
fn of_others(event: &ConsoleEvent, at: WallTime) -> Option<FeedEvent> {
    let event = match event {
        ConsoleEvent::Joined {
            device, address, ..
        } => {
            let data = json!({"device": device, "address": address, "at": at});
            FeedEvent::new(Kind::Joined, [device], &data)
        }
        ConsoleEvent::Left { device, .. } => {
            FeedEvent::new(Kind::Left, [device], &json!({"device": device, "at": at}))
        }
        ConsoleEvent::LoginFailed {
            name,
            failure: LoginFailure::NowLockedOut,
            ..
        } => {
            let until = at.later(LOCK_OUT_TIME);
            let device = name.parse::<DeviceName>().ok();
            let data = json!({"device": name, "until": until, "at": at});
            FeedEvent::new(Kind::LockedOut, &device, &data)
        }
        ConsoleEvent::Ticket(event) => of_ticket(event, at)?,
        ConsoleEvent::People(event) => of_people(event, at)?,
        _ => return None,
    };
    Some(event)
}

fn of_ticket(event: &TicketEvent, at: WallTime) -> Option<FeedEvent> {
    let (number, change, device) = match event {
        TicketEvent::Issued { ticket, .. } => (ticket, "issued", None),
        TicketEvent::Used { ticket, device } => (ticket, "used", Some(device)),
        TicketEvent::Revoked { ticket } => (ticket, "revoked", None),
        TicketEvent::Refused { .. } => return None,
    };
    let data = json!({"number": number.0, "change": change, "device": device, "at": at});
    Some(FeedEvent::new(Kind::Ticket, device, &data))
}

fn of_people(event: &PeopleEvent, at: WallTime) -> Option<FeedEvent> {
    let login = |login: &str, change: &str| {
        let data = json!({"name": login, "change": change, "at": at});
        FeedEvent::new(Kind::Login, [], &data)
    };
    let token = |id: u64, change: &str| {
        let data = json!({"id": id.to_string(), "change": change, "at": at});
        FeedEvent::new(Kind::Token, [], &data)
    };
    Some(match event {
        PeopleEvent::LoginAdded { login: name, .. } => login(name.as_str(), "added"),
        PeopleEvent::PasswordChanged { login: name } => login(name.as_str(), "password_changed"),
        PeopleEvent::LoginRemoved { login: name } => login(name.as_str(), "removed"),
        PeopleEvent::Unlocked { name } => {
            let data = json!({"device": name, "at": at});
            FeedEvent::new(Kind::Unlocked, [], &data)
        }
        PeopleEvent::TokenAdded { token: id, .. } => token(id.0, "added"),
        PeopleEvent::TokenRevoked { token: id } => token(id.0, "revoked"),
        PeopleEvent::LoggedIn { .. } | PeopleEvent::LinkMade | PeopleEvent::LoggedOut { .. } => {
            return None;
        }
    })
}
