//! The tries of a client: their number, and the id of each.

use super::id::LeaseId;
use super::limits::TRIES;

/// The tries of one run of the client: each asks for another id.
#[derive(Debug, Clone, Copy)]
pub struct Tries {
    id: LeaseId,
    left: u32,
}

impl Tries {
    /// The first try asks for this id.
    pub fn new(id: LeaseId) -> Self {
        Tries { id, left: TRIES }
    }

    /// The id of this try.
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// This try failed: the id to ask for next, any other; `None` after the last try.
    pub fn handle_failure(&mut self, random: u32) -> Option<LeaseId> {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return None;
        }
        self.id = self.id.other(random);
        Some(self.id)
    }

    /// A person chose another id for this try.
    pub fn choose(&mut self, id: LeaseId) {
        self.id = id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_tries_with_other_ids() {
        let first: LeaseId = "8877".parse().unwrap();
        let mut tries = Tries::new(first);
        let second = tries.handle_failure(0).unwrap();
        assert_ne!(second, first);
        assert_eq!(tries.id(), second);
        assert_ne!(tries.handle_failure(9_998), Some(second));
        assert_eq!(tries.handle_failure(1), None);
        assert_eq!(tries.handle_failure(1), None);
    }
}
