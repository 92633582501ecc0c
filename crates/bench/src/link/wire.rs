//! The model of the wire: when a frame arrives at the other end, and whether. Time is an argument.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// One direction of a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    /// Of frames as Ethernet carries them, without preamble and checksum.
    pub(crate) bits_per_second: u64,
    pub(crate) delay: Duration,
    /// Bytes that may wait to be sent; what does not fit is dropped.
    pub(crate) queue: u64,
    /// The part of all frames that is lost, whatever waits, before the queue.
    pub(crate) loss: f64,
    /// Decides which.
    pub(crate) seed: u64,
}

/// The counts of frames, by their fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    /// Frames lost at random.
    pub(crate) lost: u64,
    /// Frames that found the queue full.
    pub(crate) dropped: u64,
    /// Frames that came to the link while it was too busy to take them.
    pub(crate) unseen: u64,
    /// The longest that a frame was delivered too late.
    pub(crate) latest: Duration,
}

/// The fate of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives(Instant),
    Lost,
    Dropped,
}

/// A direction at work.
pub(super) struct Wire {
    shape: Shape,
    random: StdRng,
    /// The time at which everything that waits is sent.
    free_at: Option<Instant>,
    pub(super) counts: Counts,
}

impl Wire {
    pub(super) fn new(shape: Shape) -> Self {
        Wire {
            shape,
            random: StdRng::seed_from_u64(shape.seed),
            free_at: None,
            counts: Counts::default(),
        }
    }

    /// Takes a frame of so many bytes. They arrive in the order in which they were taken.
    pub(super) fn carry(&mut self, bytes: usize, now: Instant) -> Fate {
        let bytes = bytes as u64;
        self.counts.frames += 1;
        self.counts.bytes += bytes;
        if self.random.random_bool(self.shape.loss) {
            self.counts.lost += 1;
            return Fate::Lost;
        }
        let begins = self.free_at.map_or(now, |at| at.max(now));
        if begins - now + self.time(bytes) > self.time(self.shape.queue) {
            self.counts.dropped += 1;
            return Fate::Dropped;
        }
        let sent = begins + self.time(bytes);
        self.free_at = Some(sent);
        Fate::Arrives(sent + self.shape.delay)
    }

    fn time(&self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 8_000_000_000 / u128::from(self.shape.bits_per_second);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        bits_per_second: 8_000_000,
        delay: Duration::from_millis(10),
        queue: 5_000,
        loss: 0.0,
        seed: 1,
    };

    #[test]
    fn sends_one_after_another_at_its_rate_and_delays_each() {
        let (mut wire, now) = (Wire::new(SHAPE), Instant::now());
        let arrives = |millis| Fate::Arrives(now + Duration::from_millis(millis));
        assert_eq!(wire.carry(1_000, now), arrives(11));
        assert_eq!(wire.carry(1_000, now), arrives(12));
        let later = now + Duration::from_millis(50);
        assert_eq!(wire.carry(2_000, later), arrives(62));
    }

    #[test]
    fn drops_what_finds_the_queue_full_until_some_of_it_is_sent() {
        let (mut wire, now) = (Wire::new(SHAPE), Instant::now());
        let fates: Vec<Fate> = (0..7).map(|_| wire.carry(1_000, now)).collect();
        assert_eq!(fates[5..], [Fate::Dropped; 2]);
        assert_eq!(wire.counts.dropped, 2);
        let later = now + Duration::from_millis(1);
        let arrives = Fate::Arrives(now + Duration::from_millis(16));
        assert_eq!(wire.carry(1_000, later), arrives);
        assert_eq!(wire.carry(1_000, later), Fate::Dropped);
    }

    #[test]
    fn loses_its_part_and_the_same_frames_again_by_the_same_seed() {
        let fates = |seed| {
            let shape = Shape {
                loss: 0.05,
                seed,
                ..SHAPE
            };
            let (mut wire, now) = (Wire::new(shape), Instant::now());
            let at = |n| now + Duration::from_millis(2 * n);
            let fates: Vec<bool> = (0..20_000_u64)
                .map(|n| wire.carry(1_000, at(n)) == Fate::Lost)
                .collect();
            (fates, wire.counts.lost)
        };
        let (first, lost) = fates(1);
        assert!((900..1_100).contains(&lost), "{lost}");
        assert_eq!(fates(1).0, first);
        assert_ne!(fates(2).0, first);
    }
}
