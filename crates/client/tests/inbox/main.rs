//! The inbox on a real folder: hostile names, links, races, a full disk.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod disk_full;
mod links;
mod names;
mod rules;

use std::fs;
use std::path::Path;

use fleetlink_client::{ReceivePolicy, internals::Incoming, transfer::Inbox};
use fleetlink_proto::transfer::{End, Ended, FileName, Offer};
use fleetlink_proto::{ContentHash, DeviceName};

fn camera() -> DeviceName {
    "uav-camera".parse().unwrap()
}

fn open(folder: &Path) -> Inbox {
    Inbox::open(folder, ReceivePolicy::from_everybody()).unwrap()
}

fn offer(name: &str, size: usize) -> Offer {
    Offer {
        name: name.to_owned(),
        size: size as u64,
    }
}

fn end(content: &[u8]) -> End {
    End {
        bytes: content.len() as u64,
        hash: ContentHash::of(content),
    }
}

fn admit(inbox: &Inbox, name: &str, size: usize) -> Result<Incoming, Ended> {
    inbox.admit(&camera(), &offer(name, size))
}

/// Takes a whole file; the name that it got.
fn take(inbox: &Inbox, name: &str, content: &[u8]) -> Result<FileName, Ended> {
    let mut incoming = admit(inbox, name, content.len())?;
    for block in content.chunks(1024) {
        incoming.write(block)?;
    }
    incoming.finish(&end(content))
}

/// The names in a folder, hidden files included.
fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
