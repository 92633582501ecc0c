//! The limits of events without a change. Anybody can cause some of them: neither the disk nor the
//! records of others may suffer.

use std::time::Duration;

/// The time for which events are collected before they are written.
pub(super) const GATHER: Duration = Duration::from_millis(200);
/// The time before what the store has not taken is written again.
pub(super) const AGAIN: Duration = Duration::from_secs(5);
/// Events that are written at once.
pub(super) const BATCH: usize = 256;
/// Events that wait to be written; further ones are counted.
pub(super) const MAX_WAITING: usize = 16_384;
/// The part of [`MAX_WAITING`] that neither strangers nor devices can fill.
pub(super) const RESERVE: usize = 2048;
/// The time within which like events are one.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Like events of strangers, and refusals, that are recorded one by one within [`WINDOW`].
pub(super) const LIKE_REFUSALS: u32 = 1;
/// Like events of others that are recorded one by one within [`WINDOW`].
pub(super) const LIKE_EVENTS: u32 = 10;
/// Different events that are remembered to tell like ones.
pub(super) const MAX_REMEMBERED: usize = 20_000;
/// Events of strangers a second, and as many at once.
pub(super) const STRANGERS: (u32, u32) = (5, 100);
/// Events of devices a second, and as many at once: every device of a hub may come back together.
pub(super) const DEVICES: (u32, u32) = (200, 40_000);
/// Bytes of a text from outside in an event.
pub(super) const MAX_TEXT: usize = 300;
