//! CUBIC, until packets are lost on a long path although nothing queues there; then BBR3.
//!
//! CUBIC takes each loss for a full queue. Where a radio loses packets that costs it nearly all of
//! its rate, the more the longer the path. BBR3 bears that, but it fills queues at its start, takes
//! more than its share beside CUBIC, and is slow on fast paths whose ends have disks that pause.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use noq_proto::RttEstimator;
use noq_proto::congestion::{
    Bbr3Config, Controller, ControllerFactory, ControllerMetrics, CubicConfig,
};

/// On a path that answers sooner a loss is soon made up for.
const SHORT: Duration = Duration::from_millis(2);
/// So many losses without a queue are no accident.
const LOSSES: u32 = 3;

/// Makes a controller for each path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adaptive;

/// One path's.
#[derive(Debug)]
struct Chosen {
    current: Box<dyn Controller>,
    /// For as long as that is CUBIC.
    losses: Option<Losses>,
    mtu: u16,
    ack_frequency: Option<(u64, Duration)>,
}

/// The losses that were seen on a path.
#[derive(Debug, Clone, Copy, Default)]
struct Losses {
    round_trip: Option<RoundTrip>,
    /// Of all packets sent up to then, no other loss counts.
    last: Option<Instant>,
    without_queue: u32,
}

/// Of a path.
#[derive(Debug, Clone, Copy)]
struct RoundTrip {
    smoothed: Duration,
    shortest: Duration,
}

impl ControllerFactory for Adaptive {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Chosen {
            current: Arc::new(CubicConfig::default()).build(now, current_mtu),
            losses: Some(Losses::default()),
            mtu: current_mtu,
            ack_frequency: None,
        })
    }
}

impl RoundTrip {
    fn is_short(self) -> bool {
        self.shortest < SHORT
    }

    /// Whether so much waits on the way that a loss there tells of a full queue.
    fn shows_queue(self) -> bool {
        self.smoothed >= self.shortest + self.shortest / 2
    }
}

impl Losses {
    /// A packet that was sent at `sent` is found lost: whether losses are the path's nature. All
    /// that are lost of one round trip are one loss.
    fn lost(&mut self, now: Instant, sent: Instant) -> bool {
        if self.last.is_some_and(|last| sent <= last) {
            return false;
        }
        self.last = Some(now);
        let speaks = |path: RoundTrip| !path.is_short() && !path.shows_queue();
        if self.round_trip.is_some_and(speaks) {
            self.without_queue += 1;
        }
        self.without_queue >= LOSSES
    }
}

impl Chosen {
    /// Switches to BBR3. The packets under way were sent by CUBIC: BBR3 ignores them.
    fn bear_losses(&mut self, now: Instant) {
        let mut config = Bbr3Config::default();
        config.initial_window(self.current.window());
        self.current = Arc::new(config).build(now, self.mtu);
        if let Some((threshold, delay)) = self.ack_frequency {
            self.current.on_ack_frequency_update(threshold, delay);
        }
        self.losses = None;
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
        if let Some(losses) = &mut self.losses {
            losses.round_trip = Some(RoundTrip {
                smoothed: rtt.get(),
                shortest: rtt.min(),
            });
        }
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
        // A mark is a router's own word for its queue.
        if let Some(losses) = &mut self.losses
            && !is_ecn
            && losses.lost(now, sent)
        {
            self.bear_losses(now);
        }
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

    const LONG: Duration = Duration::from_millis(20);
    const LONG_WITH_QUEUE: Duration = Duration::from_millis(30);

    /// A path with such a round trip, on which somebody has a window of 100,000 bytes.
    fn path(smoothed: Duration, shortest: Duration) -> Chosen {
        let mut config = CubicConfig::default();
        config.initial_window(100_000);
        let round_trip = RoundTrip { smoothed, shortest };
        Chosen {
            current: Arc::new(config).build(Instant::now(), 1200),
            losses: Some(Losses {
                round_trip: Some(round_trip),
                ..Losses::default()
            }),
            mtu: 1200,
            ack_frequency: Some((1, LONG)),
        }
    }

    /// After the loss of packets that were sent at these round trips from the start.
    fn after(mut chosen: Chosen, round_trips: &[u32]) -> Box<dyn Any> {
        let start = Instant::now();
        for number in round_trips {
            let sent = start + LONG * *number;
            chosen.on_congestion_event(sent + LONG, sent, false, false, 1200, 0);
        }
        Box::new(chosen).into_any()
    }

    #[test]
    fn a_long_path_that_loses_without_a_queue_is_sent_over_by_bbr() {
        assert!(after(path(LONG, LONG), &[0, 10]).is::<Cubic>());
        assert!(after(path(LONG, LONG), &[0, 10, 20]).is::<Bbr3>());
        assert!(after(path(LONG, LONG), &[0, 10, 20, 30, 40]).is::<Bbr3>());
    }

    #[test]
    fn the_losses_of_one_round_trip_are_one() {
        assert!(after(path(LONG, LONG), &[0, 0, 1, 1, 1]).is::<Cubic>());
    }

    #[test]
    fn cubic_stays_on_a_short_path_and_where_a_queue_is_full() {
        let often: Vec<u32> = (0..100).step_by(2).collect();
        let short = SHORT / 2;
        assert!(after(path(short, short), &often).is::<Cubic>());
        assert!(after(path(LONG_WITH_QUEUE, LONG), &often).is::<Cubic>());
        let mut marked = path(LONG, LONG);
        for number in 0..100 {
            let now = Instant::now() + LONG * number;
            marked.on_congestion_event(now, now, false, true, 0, 0);
        }
        assert!(Box::new(marked).into_any().is::<Cubic>());
    }

    #[test]
    fn bbr_goes_on_with_the_window() {
        let mut chosen = path(LONG, LONG);
        chosen.bear_losses(Instant::now());
        assert_eq!(chosen.initial_window(), 100_000);
        assert!(chosen.clone_box().into_any().is::<Bbr3>());
    }
}
