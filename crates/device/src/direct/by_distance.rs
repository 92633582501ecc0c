//! CUBIC for peers that are near, BBR3 for those that are far.
//!
//! Near, a loss is made up for within a millisecond or two, and the processor limits: CUBIC sends in
//! large bursts, which costs least. BBR3 paces what it sends by timers that are coarser than such a
//! round trip. Far, a loss costs CUBIC its rate for long, also where it says nothing of a queue.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use noq_proto::RttEstimator;
use noq_proto::congestion::{
    Bbr3Config, Controller, ControllerFactory, ControllerMetrics, CubicConfig,
};

/// A peer from which an answer came sooner than this is near.
const NEAR: Duration = Duration::from_millis(2);
/// Packets whose answers are waited for before a peer is held to be far: the first ones wait for
/// the handshake's computation, too.
const PATIENCE: u32 = 16;

/// Makes a controller for each path.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByDistance;

/// One path's. It begins as if the peer was near.
#[derive(Debug)]
struct Chosen {
    current: Box<dyn Controller>,
    distance: Distance,
    mtu: u16,
    ack_frequency: Option<(u64, Duration)>,
}

/// How far the peer is, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Distance {
    /// So many answers came, none of them soon.
    Unknown(u32),
    /// For good: no answer can come sooner than the path allows.
    Near,
    /// Until an answer comes sooner.
    Far,
}

impl ControllerFactory for ByDistance {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Chosen {
            current: Arc::new(CubicConfig::default()).build(now, current_mtu),
            distance: Distance::Unknown(0),
            mtu: current_mtu,
            ack_frequency: None,
        })
    }
}

impl Distance {
    /// After an answer that took so long.
    fn after(self, answer: Duration) -> Self {
        match self {
            Distance::Near => Distance::Near,
            _ if answer < NEAR => Distance::Near,
            Distance::Unknown(answers) if answers + 1 < PATIENCE => Distance::Unknown(answers + 1),
            Distance::Unknown(_) | Distance::Far => Distance::Far,
        }
    }
}

impl Chosen {
    /// A packet that was sent at `sent` was answered at `now`.
    fn answered(&mut self, sent: Instant, now: Instant) {
        let before = self.distance;
        self.distance = before.after(now.saturating_duration_since(sent));
        match (before, self.distance) {
            (Distance::Unknown(_), Distance::Far) => {
                let mut config = Bbr3Config::default();
                config.initial_window(self.current.window());
                self.change(Arc::new(config), now);
            }
            (Distance::Far, Distance::Near) => {
                let mut config = CubicConfig::default();
                config.initial_window(self.current.window());
                self.change(Arc::new(config), now);
            }
            _ => {}
        }
    }

    /// What is under way was sent by another controller: the new one takes no notice of it.
    fn change(&mut self, to: Arc<dyn ControllerFactory>, now: Instant) {
        self.current = to.build(now, self.mtu);
        if let Some((threshold, delay)) = self.ack_frequency {
            self.current.on_ack_frequency_update(threshold, delay);
        }
    }
}

impl Controller for Chosen {
    fn on_sent(&mut self, now: Instant, bytes: u64, largest_pn: u64) {
        self.current.on_sent(now, bytes, largest_pn);
    }

    fn on_packet_sent(&mut self, now: Instant, bytes: u16, pn: u64) {
        self.current.on_packet_sent(now, bytes, pn);
    }

    fn on_cwnd_limited(&mut self) {
        self.current.on_cwnd_limited();
    }

    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        pn: u64,
        app_limited: bool,
        rtt: &RttEstimator,
    ) {
        self.answered(sent, now);
        self.current.on_ack(now, sent, bytes, pn, app_limited, rtt);
    }

    fn on_end_acks(
        &mut self,
        now: Instant,
        in_flight: u64,
        app_limited: bool,
        largest_packet_num_acked: Option<u64>,
    ) {
        let current = &mut self.current;
        current.on_end_acks(now, in_flight, app_limited, largest_packet_num_acked);
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent_congestion: bool,
        is_ecn: bool,
        lost_bytes: u64,
        largest_lost_pn: u64,
    ) {
        self.current.on_congestion_event(
            now,
            sent,
            is_persistent_congestion,
            is_ecn,
            lost_bytes,
            largest_lost_pn,
        );
    }

    fn on_packet_lost(&mut self, lost_bytes: u16, pn: u64, now: Instant) {
        self.current.on_packet_lost(lost_bytes, pn, now);
    }

    fn on_spurious_congestion_event(&mut self) {
        self.current.on_spurious_congestion_event();
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.mtu = new_mtu;
        self.current.on_mtu_update(new_mtu);
    }

    fn on_ack_frequency_update(&mut self, threshold: u64, delay: Duration) {
        self.ack_frequency = Some((threshold, delay));
        self.current.on_ack_frequency_update(threshold, delay);
    }

    fn window(&self) -> u64 {
        self.current.window()
    }

    fn metrics(&self) -> ControllerMetrics {
        self.current.metrics()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Chosen {
            current: self.current.clone_box(),
            ..*self
        })
    }

    fn initial_window(&self) -> u64 {
        self.current.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self.current.into_any()
    }
}

#[cfg(test)]
mod tests {
    use noq_proto::congestion::{Bbr3, Cubic};

    use super::*;

    const FAR: Duration = Duration::from_millis(20);

    /// The controller after packets that were answered so late.
    fn after(answers: impl IntoIterator<Item = Duration>) -> Box<dyn Any> {
        let start = Instant::now();
        let mut chosen = Chosen {
            current: Arc::new(CubicConfig::default()).build(start, 1200),
            distance: Distance::Unknown(0),
            mtu: 1200,
            ack_frequency: None,
        };
        for answer in answers {
            chosen.answered(start, start + answer);
        }
        Box::new(chosen).into_any()
    }

    fn far(answers: u32) -> impl Iterator<Item = Duration> {
        (0..answers).map(|_| FAR)
    }

    #[test]
    fn a_peer_is_near_until_many_answers_say_that_it_is_far() {
        assert!(after([]).is::<Cubic>());
        assert!(after(far(PATIENCE - 1)).is::<Cubic>());
        assert!(after(far(PATIENCE)).is::<Bbr3>());
        assert!(after(far(10 * PATIENCE)).is::<Bbr3>());
    }

    #[test]
    fn one_answer_that_comes_soon_shows_that_a_peer_is_near() {
        let soon = NEAR / 2;
        assert!(after(far(3).chain([soon]).chain(far(100))).is::<Cubic>());
        assert!(after(far(100).chain([soon])).is::<Cubic>());
        assert!(after(far(100).chain([soon]).chain(far(100))).is::<Cubic>());
        assert!(after(far(100).chain([NEAR])).is::<Bbr3>());
    }

    #[test]
    fn the_next_controller_goes_on_with_the_window() {
        let start = Instant::now();
        let mut config = CubicConfig::default();
        config.initial_window(100_000);
        let mut chosen = Chosen {
            current: Arc::new(config).build(start, 1200),
            distance: Distance::Unknown(0),
            mtu: 1200,
            ack_frequency: Some((1, FAR)),
        };
        for _ in 0..PATIENCE {
            chosen.answered(start, start + FAR);
        }
        assert_eq!(chosen.initial_window(), 100_000);
        assert!(chosen.clone_box().into_any().is::<Bbr3>());
    }
}
