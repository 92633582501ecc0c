//! Errors of operations that did not happen for want of descriptors or threads: they pass.

use std::io;

use fleetlink_proto::transfer::{Ended, Reason};
use rustix::io::Errno;

/// Whether this process, or the whole system, has no descriptor left.
fn of_descriptors(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

/// Such an error as a peer is told it, which may try again; none where it is another error.
pub(crate) fn refusal(error: &io::Error) -> Option<Ended> {
    of_descriptors(error).then(|| {
        let text = "the device has no file descriptor left; try again later";
        Ended::new(Reason::Busy, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_want_of_descriptors_may_pass_and_a_full_disk_does_not() {
        let refused = |errno: Errno| refusal(&errno.into()).map(|ended| ended.reason);
        assert_eq!(refused(Errno::MFILE), Some(Reason::Busy));
        assert_eq!(refused(Errno::NFILE), Some(Reason::Busy));
        for errno in [Errno::NOSPC, Errno::DQUOT, Errno::ACCESS, Errno::IO] {
            assert_eq!(refused(errno), None, "{errno}");
        }
    }
}
