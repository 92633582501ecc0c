//! The budget of file descriptors: what the hub admits fits into the limit that it found.

use fleetlink_core::Capacity;
use fleetlink_proto::control::limits::{MAX_DOWNLOADS_PER_HUB, MAX_SESSIONS, MAX_UPLOADS_PER_HUB};

/// The descriptors that the parts of a hub open after the budget is made: listeners, log files.
const OPENED_LATER: u64 = 16;
/// Connections of the operator at once; further ones wait.
pub(crate) const OPERATOR_CONNECTIONS: usize = 16;
/// Descriptors that the store, the log files and the operator open for a moment: at least, at most,
/// and the part of the limit between these.
const ROOM: (u64, u64, u64) = (12, 64, 8);
/// The files that one upload has open: the staged file, and again while it is flushed.
const OF_UPLOAD: u64 = 2;
/// The part of the free descriptors that uploads get at most, and downloads: one of so many.
const TRANSFER_SHARE: u64 = 16;
/// The part of the connections that a service beside the hub gets: one of so many.
const SERVICE_SHARE: usize = 8;
/// With fewer free descriptors nothing can be served.
const LEAST_FREE: u64 = 8;
/// The number to assume if the system does not say how many descriptors are open.
const OPEN_UNKNOWN: u64 = 64;

/// The process's limit of descriptors, and how many are in use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Descriptors {
    limit: u64,
    open: u64,
}

/// There are too few descriptors to serve anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this process may have {limit} files and connections open, and a hub needs at least {needed}: \
     raise the limit (ulimit -n, or LimitNOFILE= of a systemd unit)"
)]
pub struct TooFewDescriptors {
    limit: u64,
    needed: u64,
}

/// The shares of the descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Connections of devices.
    pub(crate) connections: usize,
    /// Connections of each service beside the hub.
    pub(crate) service: usize,
    /// Open uploads.
    pub(crate) uploads: usize,
    /// Open downloads.
    pub(crate) downloads: usize,
}

impl Descriptors {
    /// Raises the soft limit to the hard one, and looks at what is in use.
    pub(crate) fn found() -> Self {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        // Where raising is refused, what there is must do.
        let _ = setrlimit(Resource::Nofile, limit);
        let open = std::fs::read_dir("/proc/self/fd")
            .map_or(OPEN_UNKNOWN, |entries| entries.count() as u64);
        Descriptors {
            limit: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
            open,
        }
    }

    fn room(self) -> u64 {
        let (least, most, part) = ROOM;
        (self.limit / part).clamp(least, most)
    }

    fn reserved(self) -> u64 {
        self.open + OPENED_LATER.min(self.room()) + self.room()
    }

    /// Divides them among a hub's uses, with so many services beside it.
    pub(crate) fn budget(self, services: usize) -> Result<Budget, TooFewDescriptors> {
        let free = self.limit.saturating_sub(self.reserved());
        if free < LEAST_FREE {
            return Err(TooFewDescriptors {
                limit: self.limit,
                needed: self.reserved() + LEAST_FREE,
            });
        }
        let part = usize::try_from(free / TRANSFER_SHARE).unwrap_or(usize::MAX);
        let uploads = part.clamp(1, MAX_UPLOADS_PER_HUB);
        let downloads = part.clamp(1, MAX_DOWNLOADS_PER_HUB);
        let transfers = OF_UPLOAD * uploads as u64 + downloads as u64;
        let sockets = usize::try_from(free - transfers).unwrap_or(usize::MAX);
        let sockets = sockets.min(MAX_SESSIONS);
        let service = (sockets / SERVICE_SHARE).max(1);
        Ok(Budget {
            connections: sockets.saturating_sub(service * services).max(1),
            service,
            uploads,
            downloads,
        })
    }

    /// The connections of a service that runs alone.
    pub(crate) fn connections(self) -> usize {
        let free = self.limit.saturating_sub(self.reserved());
        usize::try_from(free).map_or(MAX_SESSIONS, |free| free.clamp(1, MAX_SESSIONS))
    }
}

impl Budget {
    /// Connections beyond the sessions, for who is told that there is no room.
    fn for_telling(self) -> usize {
        (self.connections / 32).min(32)
    }

    /// The most connections of one client network; further ones are closed without a word.
    pub(crate) fn connections_per_network(self) -> usize {
        (self.connections / 2).max(1)
    }

    /// The operator's settings, reduced to what fits: a little less than there is room for, so that
    /// refused devices are told the reason.
    pub(crate) fn within(self, set: Capacity) -> Capacity {
        let told = self.for_telling();
        let of_source = self.connections_per_network().saturating_sub(told);
        Capacity {
            sessions_per_source: set.sessions_per_source.min(of_source),
            uploads: set.uploads.min(self.uploads),
            downloads: set.downloads.min(self.downloads),
            ..set
        }
        .within(self.connections - told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_admitted_fits_into_every_limit() {
        for limit in (70..2_000).chain([4_096, 20_000, 1 << 20, u64::MAX]) {
            for services in 0..=2 {
                let found = Descriptors { limit, open: 30 };
                let budget = found.budget(services).unwrap();
                let used = budget.connections
                    + services * budget.service
                    + 2 * budget.uploads
                    + budget.downloads;
                let all = used as u64 + found.reserved();
                assert!(all <= limit, "{budget:?} of {limit}");

                let capacity = budget.within(Capacity::default());
                assert!(capacity.sessions <= budget.connections);
                let half = (budget.connections / 2).max(1);
                assert!(capacity.sessions_per_device <= half);
                assert!(capacity.sessions_per_source <= half, "{capacity:?}");
                assert!(budget.connections_per_network() <= half);
            }
        }
    }

    #[test]
    fn too_few_are_an_error_that_says_how_many_it_takes() {
        let found = |limit| Descriptors { limit, open: 30 };
        let error = found(50).budget(0).unwrap_err();
        assert_eq!((error.limit, error.needed), (50, 62));
        assert!(found(62).budget(0).is_ok());
    }

    #[test]
    fn usual_limits_bear_what_is_usual() {
        let budget = |limit| Descriptors { limit, open: 30 }.budget(0).unwrap();
        let classroom = budget(1_024).within(Capacity::default());
        assert!(classroom.sessions_per_source >= 300, "{classroom:?}");
        let many = budget(4_096).within(Capacity::default());
        assert!(many.sessions_per_source >= 900, "{many:?}");
        assert_eq!(many.sessions_per_device, 32);
    }
}
