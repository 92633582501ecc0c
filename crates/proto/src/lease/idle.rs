//! Tells when an idle server ends.

use std::time::Duration;

/// Ends a server after a time without any well-formed request.
#[derive(Debug, Clone, Copy)]
pub struct IdleExit {
    after: Option<Duration>,
    heard: Duration,
}

impl IdleExit {
    /// After this long; `None` for never. The wait begins at `now`.
    pub fn new(after: Option<Duration>, now: Duration) -> Self {
        IdleExit { after, heard: now }
    }

    /// A well-formed request came.
    pub fn handle_request(&mut self, now: Duration) {
        self.heard = now;
    }

    /// The time at which the server ends if no request comes before.
    pub fn ends_at(&self) -> Option<Duration> {
        Some(self.heard.saturating_add(self.after?))
    }

    /// Whether it is time to end.
    pub fn is_over(&self, now: Duration) -> bool {
        self.ends_at().is_some_and(|end| now >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_put_the_end_off() {
        let seconds = Duration::from_secs;
        let mut idle = IdleExit::new(Some(seconds(120)), seconds(5));
        assert!(!idle.is_over(seconds(124)));
        assert!(idle.is_over(seconds(125)));
        idle.handle_request(seconds(100));
        assert!(!idle.is_over(seconds(219)));
        assert_eq!(idle.ends_at(), Some(seconds(220)));
        assert!(!IdleExit::new(None, seconds(0)).is_over(Duration::MAX));
    }
}
