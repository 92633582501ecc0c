//! The choice of a congestion controller.

use std::sync::Arc;

use noq_proto::congestion::{Bbr3Config, ControllerFactory, CubicConfig, NewRenoConfig};

use super::adaptive::Adaptive;

/// The congestion controller of a connection. Each sender decides for itself. The default is chosen by the
/// figures in `docs/measurements.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Congestion {
    /// A loss is a full queue, and halves what is under way (RFC 9002, section 7).
    NewReno,
    /// The same, but it comes back sooner on long and fast paths (RFC 9438).
    Cubic,
    /// Measures what is delivered, and how soon; a few losses are none of its business
    /// (draft-ietf-ccwg-bbr).
    Bbr3,
    /// CUBIC, until a long path loses packets without a queue; then BBR3.
    #[default]
    Adaptive,
}

impl Congestion {
    pub(super) fn factory(self) -> Arc<dyn ControllerFactory + Send + Sync> {
        match self {
            Congestion::NewReno => Arc::new(NewRenoConfig::default()),
            Congestion::Cubic => Arc::new(CubicConfig::default()),
            Congestion::Bbr3 => Arc::new(Bbr3Config::default()),
            Congestion::Adaptive => Arc::new(Adaptive),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;
    use std::time::Instant;

    use noq_proto::congestion::{Bbr3, Cubic, NewReno};

    use super::*;

    #[test]
    fn each_makes_the_controller_of_its_name() {
        let made = |congestion: Congestion| -> Box<dyn Any> {
            let controller = congestion.factory().build(Instant::now(), 1200);
            controller.into_any()
        };
        assert!(made(Congestion::NewReno).is::<NewReno>());
        assert!(made(Congestion::Cubic).is::<Cubic>());
        assert!(made(Congestion::Bbr3).is::<Bbr3>());
        assert!(made(Congestion::Adaptive).is::<Cubic>(), "at first");
    }
}
