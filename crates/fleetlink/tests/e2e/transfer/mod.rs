//! Files from device to device, by real processes.

mod addresses;
mod commands;
mod crowd;
mod ends;
mod flood;
mod known;
mod names;
mod network;
mod rotation;
mod sharing;
mod shells;
mod shortage;
mod stalls;
mod story;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Hub, Output, Shell};

/// Bytes of a file that takes seconds to send.
const LARGE: u64 = 4 << 30;

/// Bytes that differ from place to place and from file to file.
pub(crate) fn content(bytes: usize, seed: u8) -> Vec<u8> {
    let mut state = u32::from(seed) + 1;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// A file of zeros that takes no room, and seconds to send.
pub(crate) fn sparse(path: &Path) {
    sparse_of(path, LARGE);
}

fn sparse_of(path: &Path, bytes: u64) {
    fs::File::create(path).unwrap().set_len(bytes).unwrap();
}

/// The names in a folder, hidden ones too, without the state of a device.
fn listing(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "state")
        .collect();
    names.sort();
    names
}

/// A device that takes files into `inbox` of this folder and tells events.
#[track_caller]
pub(crate) fn receiving(hub: &Hub, folder: &Path, device: &str, options: &[&str]) -> Shell {
    fs::create_dir_all(folder.join("inbox")).unwrap();
    let arguments = [&["receive", "--inbox", "inbox", "--events"], options].concat();
    let mut receiver = Shell::run(hub.command(folder, device, &arguments));
    event(&mut receiver.output, "listening");
    receiver
}

/// The next event of this name.
#[track_caller]
pub(crate) fn event(output: &mut Output, name: &str) -> Value {
    loop {
        let line = output.expect("\n");
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        if event["event"] == name {
            return event;
        }
    }
}
