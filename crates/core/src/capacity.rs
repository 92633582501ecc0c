//! The hub's capacity, and the share of one device or one client network.

use fleetlink_proto::control::limits::{
    DEFAULT_SESSIONS_PER_DEVICE, MAX_DOWNLOADS_PER_HUB, MAX_SESSIONS, MAX_UPLOADS_PER_HUB,
};

/// The hub's capacity. No device and no client network can have more than half of the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Open sessions.
    pub sessions: usize,
    /// Sessions that are logged in as one device.
    pub sessions_per_device: usize,
    /// Open sessions of one client network.
    pub sessions_per_source: usize,
    /// Open uploads.
    pub uploads: usize,
    /// Open downloads.
    pub downloads: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Capacity {
            sessions: MAX_SESSIONS,
            sessions_per_device: DEFAULT_SESSIONS_PER_DEVICE,
            sessions_per_source: MAX_SESSIONS,
            uploads: MAX_UPLOADS_PER_HUB,
            downloads: MAX_DOWNLOADS_PER_HUB,
        }
        .within(MAX_SESSIONS)
    }
}

impl Capacity {
    /// The same for a hub that can have so many sessions: the shares are brought down to half.
    #[must_use]
    pub fn within(self, sessions: usize) -> Self {
        let sessions = self.sessions.min(sessions).max(1);
        let half = (sessions / 2).max(1);
        Capacity {
            sessions,
            sessions_per_device: self.sessions_per_device.clamp(1, half),
            sessions_per_source: self.sessions_per_source.clamp(1, half),
            uploads: self.uploads.max(1),
            downloads: self.downloads.max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_device_and_no_source_has_more_than_half() {
        let set = Capacity {
            sessions_per_device: 5_000,
            sessions_per_source: 900,
            ..Capacity::default()
        };
        for sessions in [2, 3, 10, 896, 30_000] {
            let capacity = set.within(sessions);
            assert!(capacity.sessions <= sessions);
            assert!(capacity.sessions_per_device <= sessions / 2);
            assert!(capacity.sessions_per_source <= sessions / 2);
        }
        assert_eq!(set.within(10_000).sessions_per_source, 900);
        assert_eq!(set.within(0).sessions, 1, "one can always come");
    }
}
